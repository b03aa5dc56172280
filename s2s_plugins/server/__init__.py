"""Trained models over HTTP: ``s2s serve``. Over :mod:`s2s_plugins.inference`; needs the extra ``[serve]``."""
