"""Series of numbers: tables and arrays, what a model reads of them, and the windows it is trained on."""
