"""Series of numbers and what comes next."""
