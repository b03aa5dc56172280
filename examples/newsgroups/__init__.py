"""20 Newsgroups, semi-supervised."""
