"""Using a trained model, without fairseq."""
