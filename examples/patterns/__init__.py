"""Digit strings and what a rule makes of them."""
