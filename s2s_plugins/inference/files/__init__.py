"""Model files: written, read and checked; found in packages."""
