"""German to English."""
