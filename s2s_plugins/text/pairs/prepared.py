"""What was prepared, as the folder's ``description.json`` keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.text.description import DESCRIPTION, REMEDY, read_description
from s2s_plugins.text.features import SEPARATORS
from s2s_plugins.text.pairs.survey import key_of
from s2s_plugins.text.spelling import LEVELS, Spelled
from s2s_plugins.text.symbols import SymbolTable

VERSION = 3  # of what is written: another one is prepared again
SIDES = ("source", "target")
PARTS = ("train", "valid", "test")


class Counts(NamedTuple):
    """One part of the data.

    Attributes:
        sources: number of distinct ones.
        pairs: number of distinct pairs.
    """

    sources: int = 0
    pairs: int = 0


@dataclass(frozen=True)
class SideFacts:
    """What the tokens of one side are, and what training has of them.

    Args:
        level: ``"token"``, ``"char"`` or ``"sentencepiece"``.
        form: Unicode's normalisation form in which the symbols are, ``"NFC"`` or ``"NFD"``.
        written: the commonest form in the user's texts; where they do not tell, ``"NFC"``.
        symbols: number of distinct tokens, without the special ones.
        mean_length: of the training part, in tokens.
        longest: likewise.
        pieces: a sentencepiece model, as bytes; of that level alone.
        features: what separates the features of each text; None: texts have none.
    """

    level: str
    form: str
    written: str
    symbols: int
    mean_length: float
    longest: int
    pieces: Optional[bytes] = field(default=None, repr=False)
    features: Optional[str] = None

    @property
    def spelled(self) -> Spelled:
        """How texts become tokens and tokens texts, as a model file has it."""
        return Spelled(self.level, self.pieces, self.form, self.written, self.features)


@dataclass(frozen=True)
class Prepared:
    """What :func:`~s2s_plugins.text.pairs.prepare.prepare_pairs` wrote.

    Args:
        folder: with fairseq's binarised data, languages ``source`` and ``target``.
        source: what the sources are.
        target: what the targets are.
        train: pairs to train on.
        valid: pairs to validate on; only the first target of a source is binarised.
        test: likewise; there may be none.
        valid_held_out: whether the sources of ``valid`` are no sources of ``train``.
        monotonicity: of :func:`~s2s_plugins.text.pairs.monotonicity.monotonicity`.
        findings: what to say to the user, a line each.
        copied: of the targets' symbols the share that stand in their own sources, of a sample; 0 where the symbols of
            the two sides are of different kinds.
        copies: whether the dictionaries have slots (:mod:`s2s_plugins.text.slots`).
        shards: folders that the pairs to train on are dealt to.
    """

    folder: Path
    source: SideFacts
    target: SideFacts
    train: Counts
    valid: Counts
    test: Counts
    valid_held_out: bool
    monotonicity: float
    findings: List[str]
    copied: float = 0.0
    copies: bool = False
    shards: int = 1

    @property
    def folders(self) -> List[Path]:
        """Those with binarised data; held-out parts are in the first."""
        if self.shards == 1:
            return [self.folder]
        return [self.folder / str(number) for number in range(1, self.shards + 1)]

    def dictionary(self, side: str) -> List[str]:
        """The symbols of ``"source"`` or ``"target"``, as the dictionary numbers them, the special ones first."""
        return SymbolTable.load(self.folders[0] / f"dict.{side}.txt").symbols


def save(prepared: Prepared, folder: Path, inputs: Dict[str, object]) -> None:
    """Write description and sentencepiece models into ``folder``.

    Args:
        prepared: the facts.
        folder: where.
        inputs: what the data was made of, for :func:`matches`.
    """
    plain: Dict[str, Any] = {"version": VERSION, "inputs": inputs, **asdict(prepared)}
    del plain["folder"]
    for side in SIDES:
        pieces = plain[side].pop("pieces")
        if pieces is not None:
            (folder / f"{side}.model").write_bytes(pieces)
    for part in PARTS:
        plain[part] = getattr(prepared, part)._asdict()
    (folder / DESCRIPTION).write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_prepared(folder: Union[str, Path]) -> Prepared:
    """What is in a folder of prepared pairs.

    Raises:
        UsageError: it is none, or is damaged.
    """
    plain = read_description(Path(folder))
    path = Path(folder) / DESCRIPTION
    if plain is None:
        raise UsageError(f"{path} is missing: name a folder of prepared pairs, or prepare it")
    try:
        sides = [_side(Path(folder), side, plain[side]) for side in SIDES]
        parts = [Counts(int(plain[part]["sources"]), int(plain[part]["pairs"])) for part in PARTS]
        findings = [str(line) for line in plain["findings"]]
        held_out, monotonicity = bool(plain["valid_held_out"]), float(plain["monotonicity"])
        copied, copies, shards = float(plain["copied"]), bool(plain["copies"]), int(plain["shards"])
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename} is missing: {REMEDY}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error!r}): {REMEDY}") from None
    return Prepared(
        folder=Path(folder),
        source=sides[0],
        target=sides[1],
        train=parts[0],
        valid=parts[1],
        test=parts[2],
        valid_held_out=held_out,
        monotonicity=monotonicity,
        findings=findings,
        copied=copied,
        copies=copies,
        shards=shards,
    )


def _side(folder: Path, side: str, plain: Dict[str, Any]) -> SideFacts:
    if plain["level"] not in LEVELS or {plain["form"], plain["written"]} - {"NFC", "NFD"}:
        raise ValueError(f"{side}: {plain}")
    pieces = (folder / f"{side}.model").read_bytes() if plain["level"] == "sentencepiece" else None
    if plain["features"] is not None and plain["features"] not in SEPARATORS:
        raise ValueError(f"{side}: {plain}")
    numbers = (int(plain["symbols"]), float(plain["mean_length"]), int(plain["longest"]))
    return SideFacts(plain["level"], plain["form"], plain["written"], *numbers, pieces, plain["features"])


def matches(folder: Path, inputs: Dict[str, object]) -> bool:
    """Whether ``folder`` was prepared from these inputs, by this version."""
    plain = read_description(folder)
    return plain is not None and plain.get("version") == VERSION and plain.get("inputs") == inputs


def read_references(path: Union[str, Path]) -> Dict[str, List[str]]:
    """All right targets of each source, in the order of the file.

    Sources that differ by their Unicode form alone are one, spelled as where it comes first.

    Args:
        path: of ``valid.tsv`` or ``test.tsv``: ``SOURCE<TAB>TARGET``, with features ``SOURCE<TAB>FEATURES<TAB>TARGET``,
            of which ``SOURCE<TAB>FEATURES`` is the source.

    Raises:
        UsageError: the file cannot be read, or has another form.
    """
    references: Dict[str, List[str]] = {}
    spelled: Dict[str, str] = {}
    tabs = 0
    try:
        with open(path, encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                source, _, target = line.rstrip("\n").rpartition("\t")
                tabs = tabs or line.count("\t")
                if not 1 <= line.count("\t") == tabs <= 2:
                    raise UsageError(f"{path}, line {number}: not SOURCE<TAB>TARGET: {REMEDY}")
                references.setdefault(spelled.setdefault(key_of(source), source), []).append(target)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be read") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text: {REMEDY}") from None
    return references
