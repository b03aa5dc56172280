"""Text as people have it, and how it becomes tokens."""
