"""Texts and their headlines."""
