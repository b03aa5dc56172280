"""Names of places from one script to another."""
