"""Labelled texts: from whatever form they have to binarised data for a classifier."""
