"""From pairs to fairseq's binarised data: recognised, split, and made numbers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.text.features import MARK, is_feature
from s2s_plugins.text.folder import prepared_folder
from s2s_plugins.text.pairs import findings
from s2s_plugins.text.pairs.copying import TokenPair, copied_share, is_copied, taught
from s2s_plugins.text.pairs.features import separator_of
from s2s_plugins.text.pairs.inputs import Input, Parted
from s2s_plugins.text.pairs.levels import Level, recognise_both
from s2s_plugins.text.pairs.lines import AnyPath
from s2s_plugins.text.pairs.monotonicity import monotonicity
from s2s_plugins.text.pairs.options import Options, is_data, size_of
from s2s_plugins.text.pairs.pair import Columns, Pair, Pairs, counted
from s2s_plugins.text.pairs.prepared import DESCRIPTION, SIDES, Counts, Prepared, matches, read_prepared, save
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.sources import ParallelPairs, TablePairs, read_pairs
from s2s_plugins.text.pairs.splitting import HELD_OUT, OUT, PARTS, TRAIN, VALID, assign, smallest
from s2s_plugins.text.pairs.survey import KEPT
from s2s_plugins.text.pairs.writing import Numbers, Unknown, write_parts
from s2s_plugins.text.shares import Share, at_once, check_name, in_shares
from s2s_plugins.text.slots import Slots

LONGEST = {"token": 200, "char": 200, "sentencepiece": 1000}  # tokens, or characters of sentences


def prepare_pairs(train: Any, out: AnyPath, options: Optional[Options] = None, flag: str = "--out") -> Prepared:
    """Read pairs, recognise what they are, split them and write ``out``; if that is done already, read it.

    ``out`` holds ``PART.source-target.SIDE.bin`` and ``.idx`` for the parts ``train``, ``valid`` and ``test``,
    ``dict.SIDE.txt``, ``valid.tsv`` and ``test.tsv`` with all targets as they are spelled in the data, sentencepiece
    models as ``SIDE.model``, and ``description.json``; with slots ``PART.source-target.source.tokens`` of the held-out
    parts too, the tokens that the slots stand for. With shards all but models and description stand in the folder
    ``1``, and in ``2``, ``3``, .. dictionaries and other shares of ``train``.

    Args:
        train: what :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes.
        out: the folder; it appears whole or not at all.
        options: how; None: all of it recognised.
        flag: that names the folder, for messages.

    Raises:
        UsageError: the data cannot be read, is of another form, or hardly any of it can be used.
    """
    out, options = Path(out), options or Options()
    given = {"train": train, "valid": options.valid, "test": options.test}
    read = read_parts(given, options.columns, out.parent)
    _check_features(read, options)
    _check_readable(read, options.shards)
    check_name(flag, out, options.shards)
    data = {part: pairs.fingerprint() for part, pairs in read.items()}
    inputs: Dict[str, object] = {"options": options.plain(), "data": data}
    if matches(out, inputs):
        return read_prepared(out)
    with prepared_folder(str(out), strange_to_pairs, flag) as folder:
        save(_prepared(read, options, folder), folder, inputs)
    return read_prepared(out)


def read_parts(given: Mapping[str, Any], columns: Columns, spool: Optional[Path] = None) -> Dict[str, Pairs]:
    """The pairs of each part that is data; features are separated alike in all of them.

    Args:
        given: what the parts are, ``"train"`` the first: data, or numbers of sources to hold out, which are left out.
        columns: which columns.
        spool: as of :func:`~s2s_plugins.text.pairs.sources.read_pairs`.

    Raises:
        UsageError: a part cannot be read.
    """
    read: Dict[str, Pairs] = {}
    for part, data in given.items():
        if is_data(data):
            read[part] = read_pairs(data, columns, spool)
            columns = columns._replace(separator=columns.separator or read[part].features)
    return read


def strange_to_pairs(folder: Path) -> Optional[str]:
    """What a folder holds that was not prepared from pairs; None: nothing."""
    there = sorted(entry.name for entry in folder.iterdir())
    return None if not there or DESCRIPTION in there else there[0]


def _prepared(read: Dict[str, Pairs], options: Options, folder: Path) -> Prepared:
    """Pass over the data several times, and write all but the description.

    Raises:
        UsageError: as :func:`prepare_pairs`.
    """
    inputs = {part: Input(part, pairs, options.seed, at_once(options.shards)) for part, pairs in read.items()}
    train = inputs["train"]
    _check_separator(train, options.features_separator)
    levels = _levels(train, options)
    sample, names = [pair[:2] for pair in train.survey.sample], [level.name for level in levels]
    copied = round(copied_share(sample, names), 3)
    copies = is_copied(sample, names) if options.copy is None else options.copy
    if options.copy and (names[0] != names[1] or "sentencepiece" in names):
        raise UsageError(
            f"--copy copies symbols, and those of the source are of level {names[0]}, those of the target {names[1]}: "
            "make both char or token by --source-level and --target-level, or leave it out"
        )
    sides = _sides(train, levels, copies)
    longest = {level: options.longest or most for level, most in LONGEST.items()}
    for data in inputs.values():
        data.leave_out([side.level.name for side in sides], longest)
    held_out = _split(inputs, options)
    _train_pieces(train, sides, options)
    bare = _count(train, sides, options.shards)
    for side, other in zip(sides, reversed(sides)):
        side.number_symbols(options.min_count, other if copies else None)
    counts = {part: _counts(inputs.values(), bit) for part, bit in PARTS.items()}
    parts = [part for part in PARTS if counts[part].pairs]
    if options.shards > counts["train"].pairs:
        raise UsageError(f"--shards {options.shards} is more than there are pairs to train on: use fewer")
    parted = [data.parted for data in inputs.values()]
    # of a share the function is sent to another process, with all that it needs
    unknown = in_shares(partial(_write, parted, sides, parts, folder, options.seed), options.shards)[0]
    value = round(monotonicity((_plain(source), target) for source, target in _tokens(train.survey.sample, sides)), 3)
    said = findings.all_of(inputs, sides, counts, held_out, unknown, options.seed)
    said += findings.copying(copies, copied)
    if bare:
        said.append(f"{counted(bare, 'training pair')} without features")
    return Prepared(
        folder=folder,
        source=sides[0].facts(),
        target=sides[1].facts(),
        train=counts["train"],
        valid=counts["valid"],
        test=counts["test"],
        valid_held_out=held_out,
        monotonicity=value,
        findings=said,
        copied=copied,
        copies=copies,
        shards=options.shards,
    )


def _check_features(read: Dict[str, Pairs], options: Options) -> None:
    """See that all parts have features, or none has.

    Raises:
        UsageError: they differ, or a separator is given and there is nothing to separate.
    """
    own = read["train"]
    if options.features_separator is not None and own.features is None:
        raise UsageError(
            f"--features-separator is about features, and {own.name} has none: name their column with --features, or "
            "leave it out"
        )
    for pairs in read.values():
        if (pairs.features is None) != (own.features is None):
            has, lacks = (own, pairs) if pairs.features is None else (pairs, own)
            raise UsageError(
                f"{has.name} has features and {lacks.name} has none: give both or neither, --features names the column"
            )
        if pairs.features != own.features:
            raise UsageError(
                f"the features of {own.name} are separated by {own.features!r}, those of {pairs.name} by "
                f"{pairs.features!r}: write both alike"
            )


def _check_readable(read: Dict[str, Pairs], shards: int) -> None:
    """See that other processes can read the data.

    Raises:
        UsageError: it is in this process' memory alone.
    """
    if shards > 1 and not all(isinstance(pairs, (TablePairs, ParallelPairs)) for pairs in read.values()):
        raise UsageError(f"--shards {shards} reads files: write the pairs to one")


def _check_separator(train: Input, separator: Optional[str]) -> None:
    """See that a given separator is in the data.

    Raises:
        UsageError: it is in no features, and another one is.
    """
    cells = [pair.source.partition(MARK)[2] for pair in train.survey.sample]
    if separator is None or any(separator in cell for cell in cells):
        return
    likely = separator_of(cells)
    count = sum(likely in cell.strip() for cell in cells)
    if count:
        raise UsageError(
            f"--features-separator {separator!r} is in no features of {train.pairs.name}, and {likely!r} in {count} of "
            f"{len(cells)} looked at: give that"
        )


def _levels(train: Input, options: Options) -> List[Level]:
    """Recognise what the tokens of each side are, unless that was said."""
    sample = train.survey.sample
    found = recognise_both([pair.source.partition(MARK)[0] for pair in sample], [pair.target for pair in sample])
    asked = [Level(name, f"{name} level, as asked for") if name else None for name in options.levels]
    return [ask or level for ask, level in zip(asked, found)]


def _sides(train: Input, levels: List[Level], copies: bool) -> List[Side]:
    """The two sides; where symbols are copied, both have the Unicode form of the target's."""
    characters = train.survey.characters
    target = Side(SIDES[1], levels[1], characters[1])
    form = target.form if copies else None
    return [Side(SIDES[0], levels[0], characters[0], form, train.pairs.features), target]


def _tokens(pairs: Iterable[Pair], sides: List[Side]) -> Iterator[TokenPair]:
    for pair in pairs:
        yield sides[0].tokens(pair.source), sides[1].tokens(pair.target)


def _plain(tokens: List[str]) -> List[str]:
    """Tokens without features."""
    return [token for token in tokens if not is_feature(token)]


def _count(train: Input, sides: List[Side], shards: int) -> int:
    """Count the symbols of the training part.

    Returns:
        The number of pairs that have no features behind their tabs.
    """
    (bare, _), *others = in_shares(partial(_counted, train.parted, sides), at_once(shards))
    for more, counts in others:
        bare += more
        for side, other in zip(sides, counts):
            side.add(other)
    return bare


def _counted(train: Parted, sides: List[Side], share: Share) -> Tuple[int, List[Side]]:
    bare = 0
    for chosen in train.share(share).of(TRAIN, "count"):
        bare += chosen.pair.source.endswith(MARK)
        for side, text in zip(sides, chosen.pair):
            side.count(text)
    return bare, sides


def _write(
    data: List[Parted], sides: List[Side], parts: List[str], folder: Path, seed: int, share: Share
) -> Dict[str, Unknown]:
    """Write a share of the training part, and with the first one the others."""
    data = [one.share(share) for one in data]
    if share.shares > 1:
        folder = folder / str(share.number + 1)
        folder.mkdir()
    parts = ["train"] if share.number else parts
    return write_parts(folder, data, sides, parts, _taught(data[0], sides, seed))


def _taught(train: Parted, sides: List[Side], seed: int) -> Iterator[Numbers]:
    """What the training part has behind its pairs: some of them once more, with slots."""
    slots = Slots(sides[0].table, sides[1].table)
    if slots:
        yield from taught(_tokens((one.pair for one in train.of(TRAIN, "teach copying")), sides), slots, seed)


def _split(inputs: Dict[str, Input], options: Options) -> bool:
    """Give each pair its part.

    Returns:
        Whether there is a validation part of other sources than the training part's. Otherwise it consists of some of
        those.

    Raises:
        UsageError: more is to be held out than there is.
    """
    train = inputs["train"]
    asked = {part: size_of(getattr(options, part)) for part in ("valid", "test") if part not in inputs}
    train.parts = assign(train.survey.sources, train.survey.codes, asked)
    for part in asked.keys() ^ {"valid", "test"}:
        inputs[part].parts = np.where(inputs[part].survey.codes == KEPT, PARTS[part], OUT).astype(np.uint8)
    if any((data.parts & VALID).any() for data in inputs.values()):
        return True
    own = smallest(train.survey.sources, train.parts == TRAIN, HELD_OUT["valid"])
    train.parts[own] |= VALID
    return False


def _train_pieces(train: Input, sides: List[Side], options: Options) -> None:
    for number, side in enumerate(sides):
        if side.level.name == "sentencepiece":
            texts = (chosen.pair[number] for chosen in train.of(TRAIN, f"sentencepiece, {side.name}"))
            characters = train.survey.characters_of(number, train.parts == TRAIN)
            side.train_pieces(texts, characters, options.vocab_size or 0)
    if options.vocab_size and all(side.level.name != "sentencepiece" for side in sides):
        levels = " and ".join(side.level.name for side in sides)
        raise UsageError(
            f"--vocab-size {options.vocab_size} is for sentencepiece, and the levels are {levels}: leave it out, or "
            "give --source-level or --target-level sentencepiece"
        )


def _counts(inputs: Any, bit: int) -> Counts:
    """The size of a part."""
    return Counts(
        sum(data.number_of_sources(bit) for data in inputs), sum(data.number_of_pairs(bit) for data in inputs)
    )
