"""The registered tasks. Each module registers on import; all are imported here, by name."""

from s2s_plugins.registration import register

register()  # the repairs come before what is registered

from s2s_plugins.tasks import sequence_autoencoding, sequence_regression, text_classification

__all__ = ["sequence_autoencoding", "sequence_regression", "text_classification"]
