"""Examples that are comparisons: each prepares its data and is one s2s compare, or several; see ``__main__``."""
