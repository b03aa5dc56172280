"""The models of the papers, in pure PyTorch: nothing here imports fairseq."""
