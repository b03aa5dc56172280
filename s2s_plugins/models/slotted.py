"""fairseq's commands on data with slots: fairseq-generate and fairseq-interactive print each sentence's own symbols.

What the model reads and writes are the numbers of slots (:mod:`s2s_plugins.text.slots`). Outside of it a symbol that
the dictionaries lack has a number of its own, from :data:`FIRST` on: fairseq-interactive encodes lines with these, and
fairseq-generate reads the words beside the binarised data.
"""

from __future__ import annotations

import functools
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from fairseq import utils
from fairseq.data import Dictionary
from fairseq.tasks.fairseq_task import FairseqTask
from fairseq.tasks.translation import TranslationTask
from fairseq.tokenizer import tokenize_line
from torch import Tensor

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError
from s2s_plugins.models.checkpoint import as_symbols
from s2s_plugins.text.pairs.writing import TOKENS
from s2s_plugins.text.slots import SLOTS, Slots
from s2s_plugins.text.symbols import UNK

FIRST = 1 << 30  # no dictionary is as large, and int32 holds it
WORDS = "source_words"  # of a sample: for each sentence the words that its slots stand for


class Names:
    """Symbols that no dictionary has, and their numbers from :data:`FIRST` on."""

    def __init__(self) -> None:
        self._names: List[str] = []
        self._numbers: Dict[str, int] = {}

    def number(self, name: str) -> int:
        """The number of a symbol, which it keeps."""
        if name not in self._numbers:
            self._numbers[name] = FIRST + len(self._names)
            self._names.append(name)
        return self._numbers[name]

    def __getitem__(self, number: int) -> str:
        return self._names[number - FIRST]


NAMES = Names()
_SLOTS: "weakref.WeakKeyDictionary[Any, Slots]" = weakref.WeakKeyDictionary()


def slots_of(task: Any) -> Optional[Slots]:
    """The slots of a task of translation; None if its dictionaries have none."""
    source, target = (getattr(task, f"{side}_dictionary", None) for side in ("source", "target"))
    if source is None or target is None or not all(SLOTS[0] in one.indices for one in (source, target)):
        return None
    if task not in _SLOTS:
        _SLOTS[task] = Slots(as_symbols(source), as_symbols(target))
    return _SLOTS[task]


def print_what_slots_stand_for() -> None:
    """Let fairseq's commands read sentences into slots, and write them back as the sentences' own symbols."""

    @wrap(Dictionary, "__getitem__")
    def __getitem__(original: Callable[..., str], self: Any, number: Any) -> str:
        return NAMES[int(number)] if number >= FIRST else original(self, number)

    @wrap(FairseqTask, "get_interactive_tokens_and_lengths")
    def get_interactive_tokens_and_lengths(
        original: Callable[..., Any], self: Any, lines: Sequence[str], encode_fn: Callable[[str], str]
    ) -> Tuple[List[Tensor], List[int]]:
        tokens, lengths = original(self, lines, encode_fn)
        slots = slots_of(self)
        if slots is not None:
            words = [tokenize_line(encode_fn(line)) for line in lines]
            tokens = [_named(sentence, own, slots) for sentence, own in zip(tokens, words)]
        return tokens, lengths

    @wrap(TranslationTask, "load_dataset")
    def load_dataset(original: Callable[..., None], self: Any, split: str, *rest: Any, **kwargs: Any) -> None:
        original(self, split, *rest, **kwargs)
        words = None if slots_of(self) is None else read_words(self.cfg, split)
        dataset = self.datasets[split]
        if words is not None:
            if len(words) != len(dataset):
                raise UsageError(
                    f"{words_file(self.cfg, split)} has {len(words):,} lines and {split} {len(dataset):,} sentences: "
                    "prepare the data again"
                )
            dataset.collater = functools.partial(_with_words, dataset.collater, words)

    @wrap(FairseqTask, "inference_step")
    def inference_step(
        original: Callable[..., Any], self: Any, generator: Any, models: Any, sample: Any, *rest: Any, **kwargs: Any
    ) -> Any:
        slots = slots_of(self)
        if slots is None:
            return original(self, generator, models, sample, *rest, **kwargs)
        source = sample["net_input"]["src_tokens"]
        given = {**sample, "net_input": {**sample["net_input"], "src_tokens": _with_slots(source, slots)}}
        hypotheses = original(self, generator, models, given, *rest, **kwargs)
        held = _held(source, sample.get(WORDS), slots)
        for row, own in enumerate(held):
            for one in hypotheses[row]:
                one["tokens"] = _replaced(one["tokens"], own)
        _name_what_is_printed(sample, held, slots)
        return hypotheses


def words_file(config: Any, split: str) -> Path:
    """The file beside the binarised sources with their words."""
    source, target = config.source_lang, config.target_lang
    return Path(utils.split_paths(config.data)[0], f"{split}.{source}-{target}.{source}{TOKENS}")


def read_words(config: Any, split: str) -> Optional[List[List[str]]]:
    """The words of each source of a split; None if they are not kept, as of a training part.

    Raises:
        UsageError: the file cannot be read.
    """
    path = words_file(config, split)
    if not path.is_file():
        return None
    try:
        return [line.split(" ") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): prepare the data again") from None


def _with_words(collater: Callable[..., Dict[str, Any]], words: List[List[str]], samples: Any, **kwargs: Any) -> Any:
    """A batch, and the words of its sentences in the batch's order."""
    batch = collater(samples, **kwargs)
    if batch:
        batch[WORDS] = [words[number] for number in batch["id"].tolist()]
    return batch


def _named(sentence: Tensor, words: Sequence[str], slots: Slots) -> Tensor:
    """A sentence in which each unknown word has a number of its own, but for features: nothing is copied of them."""
    numbers = [slots.source_number(word) for word in words]
    named = [NAMES.number(word) if number == UNK else number for word, number in zip(words, numbers)]
    return sentence.new_tensor([*named, *sentence.tolist()[len(named) :]])


def _with_slots(source: Tensor, slots: Slots) -> Tensor:
    """Sources (B, S) with slots in place of the numbers of names; what is behind the last slot is unknown."""
    if not bool((source >= FIRST).any()):
        return source
    rows = []
    for row in source.tolist():
        names = list(dict.fromkeys(number for number in row if number >= FIRST))
        places = dict(zip(names, slots.of_source))
        rows.append([places.get(number, UNK) if number >= FIRST else number for number in row])
    return source.new_tensor(rows)


def _held(source: Tensor, words: Optional[List[List[str]]], slots: Slots) -> List[Dict[int, int]]:
    """For each sentence, the numbers of names by the numbers of the target's slots that stand for them."""
    if words is not None:
        own = ([NAMES.number(name) for name in _names(sentence, slots)] for sentence in words)
        return [dict(zip(slots.of_target, names)) for names in own]
    rows = ([number for number in row if number >= FIRST] for row in source.tolist())
    return [dict(zip(slots.of_target, dict.fromkeys(row))) for row in rows]


def _names(words: Sequence[str], slots: Slots) -> List[str]:
    """The words that have slots, in the order of these."""
    held = slots.held(words, slots.source_numbers(words))
    return [held[number] for number in slots.of_target if number in held]


def _name_what_is_printed(sample: Any, held: List[Dict[int, int]], slots: Slots) -> None:
    """Let sources and targets of a batch, which are printed next, have the names in place of slots."""
    if WORDS not in sample:
        return
    of_source = dict(zip(slots.of_target, slots.of_source))
    source, target = sample["net_input"]["src_tokens"], sample.get("target")
    for row, own in enumerate(held):
        source[row] = _replaced(source[row], {of_source[slot]: name for slot, name in own.items()})
        if target is not None:
            target[row] = _replaced(target[row], own)


def _replaced(tokens: Tensor, numbers: Dict[int, int]) -> Tensor:
    """Tokens with other numbers; a slot that holds nothing stays."""
    if not numbers:
        return tokens
    return tokens.new_tensor([numbers.get(number, number) for number in tokens.tolist()])
