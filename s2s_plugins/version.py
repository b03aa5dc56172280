"""The version, for ``setup.py`` and for use without installation; nothing else stands here, so that it can be run."""

__version__ = "0.1.0"
