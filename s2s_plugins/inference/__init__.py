"""A trained model as an object: text in, predictions out. Nothing here knows fairseq or opens a checkpoint."""
