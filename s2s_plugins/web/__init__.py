"""A model as a page that runs it in a browser."""
