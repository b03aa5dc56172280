"""Lemmas and features to inflected forms."""
