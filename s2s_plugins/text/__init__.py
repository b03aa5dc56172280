"""Documents from the files of users, and their tokens."""
