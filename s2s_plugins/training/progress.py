"""What a user sees while a model trains."""

from __future__ import annotations

import contextlib
import time
from typing import Dict, Iterator, List, Optional, Sequence, TextIO

from s2s_plugins.steps import clock
from s2s_plugins.training.job import Ended, Event, Progress, Said, Validation

SECONDS_BETWEEN_LINES = 15.0
WIDTH = 100


class Screen:
    """Shows events: on a terminal in a block that is rewritten, elsewhere as lines.

    Args:
        stream: where to; None: nowhere.
    """

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self.names: Sequence[str] = ()
        self.stream = stream
        self.terminal = stream is not None and stream.isatty()
        self.bars: Dict[int, str] = {}
        self.worst: List[str] = []
        self._drawn = 0
        self._shown = -SECONDS_BETWEEN_LINES

    @contextlib.contextmanager
    def of(self, names: Sequence[str]) -> Iterator[None]:
        """Inside, workers of these names say something; the name of a single one is left out."""
        self.names, self.bars, self.worst = names, {}, []
        try:
            yield
        finally:
            self._erase()

    def say(self, line: str) -> None:
        """A line that stays."""
        if self.stream is None:
            return
        self._erase()
        print(f"    {line}", file=self.stream, flush=True)
        if self.terminal:
            self._draw()

    def show(self, number: int, event: Event) -> None:
        """Show what a worker says."""
        if self.stream is None:
            return
        name = f"{self.names[number]}: " if len(self.names) > 1 else ""
        if isinstance(event, Progress):
            self._progress(number, name, event)
        elif isinstance(event, Validation):
            self._validation(name, event)
        elif isinstance(event, Said):
            self.say(f"{name}{event.text}")
        elif isinstance(event, Ended):
            self.bars.pop(number, None)
            self.say(f"{name}{event.updates:,} updates in {clock(event.seconds)}: {event.why}")

    def _progress(self, number: int, name: str, event: Progress) -> None:
        left = "" if event.left is None else f", {clock(event.left)} left"
        planned = f" of {event.planned:,}" if event.planned else ""
        self.bars[number] = f"{name}update {event.updates:,}{planned}, loss {event.loss:.3f}{left}"
        if self.terminal:
            self._draw()
        elif time.monotonic() - self._shown > SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            for line in self.bars.values():
                self.say(line)

    def _validation(self, name: str, event: Validation) -> None:
        best = ", the best so far" if event.best else ""
        shown = f"{event.error:.2f} %" if event.figure == "error" else f"{event.error:.4f}"
        self.say(f"{name}update {event.updates:,}: validation {event.figure} {shown}{best}")
        rows = [f"{shortened(one.source)} -> {shortened(one.prediction)}" for one in event.worst]
        right = [shortened(one.reference) for one in event.worst]
        self.worst = [f"    {row}   (is {expected})" for row, expected in zip(rows, right)]
        if self.terminal:
            self._draw()
        else:
            for line in self.worst:
                self.say(line)

    def _draw(self) -> None:
        if self.stream is None:
            return
        self._erase()
        lines = [*(["    worst of the last validation:"] if self.worst else []), *self.worst]
        lines += [f"    {bar}" for bar in self.bars.values()]
        for line in lines:
            print(line[:WIDTH], file=self.stream)
        self._drawn = len(lines)
        self.stream.flush()

    def _erase(self) -> None:
        if self._drawn and self.stream is not None:
            self.stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self.stream.flush()
            self._drawn = 0


def shortened(text: str, most: int = 30) -> str:
    """A text that fits into a line, and cannot end one."""
    plain = " ".join(text.split())
    plain = "".join(character if character.isprintable() else "?" for character in plain)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
