"""The registered criterions. Each module registers on import; all are imported here, by name."""

from s2s_plugins.registration import register

register()  # the repairs come before what is registered

from s2s_plugins.criterions import sampled_softmax, sequence_regression, text_classification

__all__ = ["sampled_softmax", "sequence_regression", "text_classification"]
