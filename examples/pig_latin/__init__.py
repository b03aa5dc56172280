"""Words in Pig Latin."""
