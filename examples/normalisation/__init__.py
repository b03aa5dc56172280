"""Written text to spoken words."""
