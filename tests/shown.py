"""What README.md and docs/ show: their fenced blocks, and the commands in these."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, NamedTuple

from conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        page: its file.
        line: where it begins.
        language: the word behind the fence.
        text: what it holds.
    """

    page: Path
    line: int
    language: str
    text: str

    def commands(self) -> List[str]:
        """Those of a block of shell, each in one line without its comment; a block of Python is one command."""
        if self.language != "sh":
            return [self.text] if self.language == "python" else []
        whole = self.text.replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line) for line in whole.splitlines())
        return [" ".join(line.split()) for line in lines if line.strip()]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match["language"].strip(), match["text"])
