"""Film dialogue, statement -> reply: word vectors, a training that answers prompts after each epoch, three decodings.

Run by examples/dialogue. ``plan.py`` makes steps of it and holds the hyperparameters, ``vectors.py`` trains the word
vectors, ``answers.py`` lets a checkpoint answer, ``scores.py`` measures how varied answers are, ``report.py`` writes.
"""
