"""What several examples share: recipes, the engine that runs them, fetching and preparing data."""

import importlib.util
import sys

if importlib.util.find_spec("s2s_plugins") is None:
    sys.exit(f"error: s2s_plugins is not installed for {sys.executable}: run make env, then use .venv/bin/python")
