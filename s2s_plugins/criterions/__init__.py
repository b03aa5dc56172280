"""The registered criterions. Each module registers on import; all are imported here, by name."""

from s2s_plugins.criterions import text_classification

__all__ = ["text_classification"]
