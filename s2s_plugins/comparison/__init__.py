"""Several trainings, one report: what ``s2s compare`` trains, decodes, scores and shows."""
