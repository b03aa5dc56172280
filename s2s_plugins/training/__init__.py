"""From a file to a model: ``s2s train`` and :func:`s2s_plugins.train`.

The parent process reads the data and tests the model, light as the bare install; a worker process trains, by fairseq.
"""
