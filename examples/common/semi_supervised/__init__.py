"""A table of semi-supervised experiments: pretrain, fine-tune, test once (newsgroups, reviews).

``recipe.py`` is the form of such a table, ``plan.py`` makes steps of it, ``run.py`` runs them, ``report.py`` writes the
results.
"""
