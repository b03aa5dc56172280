"""Numbers and their words."""
