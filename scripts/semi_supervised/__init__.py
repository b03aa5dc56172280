"""A table of semi-supervised experiments: pretrain, fine-tune, test once; run by examples/newsgroups and reviews.

``tables.py`` says what is run, and with which hyperparameters: the file to change. ``plan.py`` makes steps of it,
``run.py`` executes them, ``report.py`` writes the results.
"""
