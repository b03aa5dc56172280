"""Sums as strings of digits."""
