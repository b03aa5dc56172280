"""Several models, one experiment: what ``s2s compare`` trains, decodes, scores and shows."""
