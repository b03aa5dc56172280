"""A trained model of ``--task translation`` as an object: sentences in, hypotheses or attention weights out.

Shape letters: B sentences, T target tokens, S source tokens.
"""

from __future__ import annotations

import math
import re
from argparse import Namespace
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

import torch
from fairseq import checkpoint_utils, tasks
from fairseq.data import Dictionary, indexed_dataset
from fairseq.data.data_utils import collate_tokens
from fairseq.dataclass.configs import GenerationConfig
from fairseq.models.lstm import LSTMModel
from fairseq.tasks.translation import TranslationTask
from fairseq.tokenizer import tokenize_line
from torch import Tensor

from s2s_plugins.compat.checkpoints import check_file, unusable
from s2s_plugins.compat.reading import check_numbers
from s2s_plugins.errors import UsageError
from s2s_plugins.models.loading import numbers_as_symbols
from s2s_plugins.reports.heatmap import Alignment

BATCH_SIZE = 64


class Sentence(NamedTuple):
    """A source sentence.

    Attributes:
        words: its tokens as they were given, ``</s>`` included.
        tokens: their numbers (S,).
        reference: the right output's tokens, without ``</s>``; None where it is not known.
    """

    words: List[str]
    tokens: Tensor
    reference: Optional[List[str]] = None


class Hypothesis(NamedTuple):
    """A translation.

    Attributes:
        tokens: what the model produced, without ``</s>``.
        score: its log-probability divided by its length, natural logarithm; fairseq prints it in base 2.
        numbers: of the tokens (T,), ``</s>`` included.
    """

    tokens: List[str]
    score: float
    numbers: Tensor


class Translator:
    """A checkpoint of ``--task translation``, ready to decode.

    Our architectures carry their dictionaries, and need nothing else. fairseq's own, as ``lstm``, need a data folder:
    ``data``, or the one that they were trained on if it is still there.

    Args:
        path: of a checkpoint.
        data: a folder of binarised data; its dictionaries must be the checkpoint's.
        overrides: of its configuration, as fairseq's ``--model-overrides``.
        ensemble: further checkpoints that were trained on the same data: the mean of their probabilities is searched.

    Attributes:
        limit: tokens of a sentence, ``</s>`` included.
        has_attention: whether the model gives attention weights.

    Raises:
        UsageError: a checkpoint cannot be read, is of another task, or does not fit the data or the others.
    """

    def __init__(
        self, path: str, data: Optional[str] = None, overrides: Optional[dict] = None, ensemble: Sequence[str] = ()
    ) -> None:
        self._load(path, data, overrides)
        self.models = [self.model]
        for other in ensemble:
            member = Translator(other, data, overrides)
            for side in ("source_dictionary", "target_dictionary"):
                if getattr(member.task, side).symbols != getattr(self.task, side).symbols:
                    raise UsageError(
                        f"{other} has another {side.replace('_', ' ')} than {path}: name models of one data"
                    )
            self.models.append(member.model)

    def _load(self, path: str, data: Optional[str], overrides: Optional[dict]) -> None:
        check_file(path)
        state = checkpoint_utils.load_checkpoint_to_cpu(path, overrides)
        with unusable(path):
            cfg = state["cfg"]
            name = cfg.task._name if cfg.get("task") is not None else None
            if name != "translation":
                raise UsageError(f"{path} is a checkpoint of --task {name}: name one of --task translation")
            cfg.task.eval_bleu = False  # it would load the tokenizer of the training's validation
            self.path = path
            self.task = _task(path, state, cfg.task, data)
            self.model = self.task.build_model(cfg.model, from_checkpoint=True)
            try:
                self.model.load_state_dict(state["model"], strict=True, model_cfg=cfg.model)
            except RuntimeError as error:  # fairseq's own models; ours say which symbol or weight differs
                first = str(error).splitlines()[-1].strip()
                raise UsageError(f"checkpoint {path} does not fit the data {self.task.cfg.data}: {first}") from None
            check_numbers(self.model.named_parameters(), f"checkpoint {path}")
            self.limit = int(min(self.task.cfg.max_source_positions, self.model.encoder.max_positions()))
            self.model.eval()
            if torch.cuda.is_available():
                self.model.cuda()
            self.device = next(self.model.parameters()).device
            nothing = torch.tensor([[self.task.source_dictionary.eos()]], device=self.device)
            # settings that do not fit each other stop here
            self.has_attention = self._weights(nothing, torch.ones_like(nothing[0]), nothing) is not None

    def encode(self, lines: Sequence[str], first: int = 1) -> List[Sentence]:
        """Sentences of lines, whose tokens are separated by spaces.

        Raises:
            UsageError: one has more tokens than the model takes; the message counts lines from ``first``.
        """
        dictionary = self.task.source_dictionary
        end = dictionary[dictionary.eos()]
        sentences = []
        for line in lines:
            words = tokenize_line(line)
            self.check_length(len(words) + 1, f"line {first + len(sentences)}")
            numbers = [dictionary.index(word) for word in words]
            # a word that looks like one of fairseq's own symbols, as <pad>, is one that the dictionary lacks
            known = [dictionary.unk() if number < dictionary.nspecial else number for number in numbers]
            sentences.append(Sentence([*words, end], torch.tensor([*known, dictionary.eos()])))
        return sentences

    def read(self, split: str, limit: Optional[int] = None) -> List[Sentence]:
        """The first ``limit`` sentences of a split of the data folder, in its order, with references if it has them.

        Raises:
            UsageError: there is no such split, or a sentence has more tokens than the model takes.
        """
        config = self.task.cfg
        pair = f"{config.source_lang}-{config.target_lang}"
        if not indexed_dataset.dataset_exists(str(Path(config.data, f"{split}.{pair}.{config.source_lang}")), None):
            ending = f".{pair}.{config.source_lang}.idx"
            there = sorted(file.name[: -len(ending)] for file in Path(config.data).glob(f"*{ending}"))
            raise UsageError(
                f"data folder {config.data} has no split {split!r} of {pair}: it has {', '.join(there) or 'none'}"
            )
        self.task.load_dataset(split)
        dataset = self.task.dataset(split)
        sentences = []
        for index in range(len(dataset) if limit is None else min(limit, len(dataset))):
            item = dataset[index]
            target = item.get("target")
            reference = None if target is None else _symbols(self.task.target_dictionary, target)
            sentences.append(
                Sentence(_symbols(self.task.source_dictionary, item["source"], True), item["source"], reference)
            )
            self.check_length(len(item["source"]), f"sentence {index + 1}")
        return sentences

    def translate(
        self,
        lines: Sequence[Union[str, Sentence]],
        beam: int = 5,
        nbest: int = 1,
        batch_size: int = BATCH_SIZE,
        search: Optional[Dict[str, object]] = None,
    ) -> List[List[Hypothesis]]:
        """The ``nbest`` best translations of each sentence, best first, by beam search or as ``search`` says.

        None of them has ``<s>`` or what fills up fairseq's dictionaries.

        Args:
            lines: sentences, or lines whose tokens are separated by spaces.
            beam: hypotheses that are followed at a time.
            nbest: of them, as many are returned.
            batch_size: sentences at a time.
            search: further options of fairseq-generate by name: ``{"unkpen": 1000, "sampling": True}``. Sampling draws
                with PyTorch's own generator: seed it.

        Raises:
            UsageError: ``beam``, ``nbest`` or ``batch_size`` is out of range, there is no such option, or a sentence is
                too long.
        """
        search = search or {}
        for name in search:
            if name not in GenerationConfig.__dataclass_fields__:
                raise UsageError(f"{name} is no option of a search: fairseq-generate --help lists them")
        for name, value in (("--beam", beam), ("--nbest", nbest), ("--batch-size", batch_size)):
            if value < 1:
                raise UsageError(f"{name} {value} is too small: use 1 or more")
        if nbest > beam:
            raise UsageError(f"--nbest {nbest} is more than --beam {beam} finds: raise --beam, or lower --nbest")
        sentences = self._encoded(lines)
        for model in self.models:
            model.decoder.need_attn = False  # as fairseq's commands do: steps without weights are faster
        generator = self.task.build_generator(
            self.models,
            Namespace(beam=beam, nbest=nbest, **search),
            extra_gen_cls_kwargs={"tokens_to_suppress": _never_written(self.task.target_dictionary)},
        )
        found: List[List[Hypothesis]] = [[] for _ in sentences]
        for places in _batches(sentences, batch_size):
            net_input = self._collate([sentences[place] for place in places])
            for place, hypotheses in zip(
                places, self.task.inference_step(generator, self.models, {"net_input": net_input})
            ):
                for hypothesis in hypotheses[:nbest]:
                    numbers = hypothesis["tokens"].cpu()
                    tokens = _symbols(self.task.target_dictionary, numbers)
                    found[place].append(Hypothesis(tokens, float(hypothesis["score"]), numbers))
                if not found[place] or not all(math.isfinite(one.score) for one in found[place]):
                    raise UsageError(
                        f"checkpoint {self.path} gives no probabilities, its numbers are not finite: use an earlier one"
                    )
        return found

    def attend(
        self, lines: Sequence[Union[str, Sentence]], beam: int = 5, batch_size: int = BATCH_SIZE
    ) -> List[Alignment]:
        """Translate by beam search, and say where the model looked for each token of the best translation.

        Raises:
            UsageError: the model has no attention, or is an ensemble; else as :meth:`translate`.
        """
        if len(self.models) > 1:
            raise UsageError("an ensemble looks with each of its models: name one checkpoint")
        if not self.has_attention:
            raise UsageError(
                f"{self.path} is of a model without attention: use one of --arch attention_lstm, with any "
                "--attention, or of fairseq's --arch lstm"
            )
        sentences = self._encoded(lines)
        best = [hypotheses[0] for hypotheses in self.translate(sentences, beam, 1, batch_size)]
        return self.align(sentences, best, batch_size)

    def align(
        self, sentences: Sequence[Sentence], hypotheses: Sequence[Hypothesis], batch_size: int = BATCH_SIZE
    ) -> List[Alignment]:
        """Where a model with attention looks if it produces ``hypotheses``, one for each sentence: a forward pass."""
        source, target = self.task.source_dictionary, self.task.target_dictionary
        found: List[Optional[Alignment]] = [None] * len(sentences)
        for places in _batches(sentences, batch_size):
            net_input = self._collate([sentences[place] for place in places])
            outputs = [hypotheses[place].numbers for place in places]
            prefix = collate_tokens(outputs, target.pad(), target.eos(), left_pad=False, move_eos_to_beginning=True)
            weights = self._weights(**net_input, prev_output_tokens=prefix.to(self.device)).float().cpu()
            real = net_input["src_tokens"].ne(source.pad()).cpu()
            if isinstance(self.model, LSTMModel):  # moves padding from the left to the right before it attends
                real = real.sort(dim=1, descending=True, stable=True).values
            for row, place in enumerate(places):
                sentence, numbers = sentences[place], hypotheses[place].numbers
                found[place] = Alignment(
                    source=list(sentence.words),
                    target=_symbols(target, numbers, with_end=True),
                    weights=weights[row, : len(numbers), real[row]].numpy(),
                    reference=sentence.reference,
                    unknown=sentence.tokens.eq(source.unk()).nonzero().flatten().tolist(),
                )
        return [alignment for alignment in found if alignment is not None]

    @torch.no_grad()
    def _weights(self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor) -> Optional[Tensor]:
        """Attention weights (B, T, S); None of a model that has none."""
        self.model.decoder.need_attn = True
        _, extra = self.model(src_tokens=src_tokens, src_lengths=src_lengths, prev_output_tokens=prev_output_tokens)
        if isinstance(extra, dict):
            extra = (extra.get("attn") or [None])[0]
        return extra

    def _encoded(self, lines: Sequence[Union[str, Sentence]]) -> List[Sentence]:
        return [self.encode([line])[0] if isinstance(line, str) else line for line in lines]

    def check_length(self, tokens: int, what: str) -> None:
        """See that the model takes a sentence of so many tokens.

        Raises:
            UsageError: it does not; ``what`` names the sentence.
        """
        if tokens > self.limit:
            raise UsageError(
                f"{what} has {tokens} tokens, </s> included, and the model takes {self.limit} (--max-source-positions "
                "of its training): shorten it"
            )

    def _collate(self, sentences: Sequence[Sentence]) -> dict:
        """A batch's source, padded on the side that the model was trained with."""
        dictionary = self.task.source_dictionary
        left = bool(self.task.cfg.left_pad_source)
        tokens = collate_tokens([sentence.tokens for sentence in sentences], dictionary.pad(), left_pad=left)
        lengths = torch.tensor([len(sentence.tokens) for sentence in sentences])
        return {"src_tokens": tokens.to(self.device), "src_lengths": lengths.to(self.device)}


def _task(path: str, state: dict, config, data: Optional[str]) -> TranslationTask:
    """The checkpoint's task: with the dictionaries of ``data``, else its own, else those of its training's data."""
    weights = state["model"]
    if data is None and "encoder.symbols" in weights and "decoder.symbols" in weights:
        return TranslationTask(config, *(_dictionary(weights[f"{side}.symbols"]) for side in ("encoder", "decoder")))
    if data is None and not Path(str(config.data).split(":")[0]).is_dir():
        raise UsageError(
            f"checkpoint {path} does not carry its dictionaries, and the data folder of its training, {config.data}, "
            "is gone: name a copy with --data"
        )
    config.data = config.data if data is None else data
    return tasks.setup_task(config)


def _dictionary(numbers: Tensor) -> Dictionary:
    """A dictionary of the symbols that a checkpoint carries."""
    dictionary = Dictionary()
    for symbol in numbers_as_symbols(numbers)[dictionary.nspecial :]:
        dictionary.add_symbol(symbol)
    return dictionary


def _never_written(dictionary: Dictionary) -> List[str]:
    """Its symbols that no output has: the start, and what fills it up; label smoothing makes them a little probable."""
    return [one for one in dictionary.symbols if one == dictionary.bos_word or re.fullmatch(r"madeupword\d{4}", one)]


def _symbols(dictionary: Dictionary, numbers: Tensor, with_end: bool = False) -> List[str]:
    """The tokens that ``numbers`` stand for, without the ``</s>`` at the end unless it is asked for."""
    listed = numbers.tolist()
    if not with_end and listed[-1:] == [dictionary.eos()]:
        listed = listed[:-1]
    return [dictionary[number] for number in listed]


def _batches(sentences: Sequence[Sentence], size: int) -> Iterator[List[int]]:
    """The places of sentences of like length, ``size`` at a time, the longest first."""
    order = sorted(range(len(sentences)), key=lambda place: -len(sentences[place].tokens))
    for start in range(0, len(order), size):
        yield order[start : start + size]
