"""A model computed by PyTorch."""
