"""What stands for a space where characters are tokens: fairseq splits lines at spaces."""

from __future__ import annotations

SPACE = "\u2581"  # ▁
