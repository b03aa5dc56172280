"""Checkpoints of ``--task translation`` as a :class:`~s2s_plugins.inference.translator.Translator`.

Shape letters: B sentences, T target tokens, S source tokens.
"""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from fairseq import tasks, utils
from fairseq.data import indexed_dataset
from fairseq.data.data_utils import collate_tokens
from fairseq.dataclass.configs import GenerationConfig
from fairseq.models.lstm import LSTMModel
from fairseq.tasks.translation import TranslationTask
from torch import Tensor

from s2s_plugins.compat.checkpoints import unusable
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.inference.torch.translator import TorchModel
from s2s_plugins.inference.translator import Model, Translator
from s2s_plugins.models.checkpoint import Checkpoint, as_dictionary, as_symbols, read_checkpoint
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.models.slotted import read_words
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.search import Found, SearchSettings
from s2s_plugins.text.symbols import EOS, PAD

TASK = "translation"


class CheckpointTranslator(Translator):
    """A :class:`~s2s_plugins.inference.translator.Translator` that fairseq has trained.

    Attributes:
        task: fairseq's.
        models: the ensemble, fairseq's models.
    """

    def __init__(self, path: str, task: TranslationTask, models: List[Any]) -> None:
        self.task, self.models = task, models
        symbols = (as_symbols(task.source_dictionary), as_symbols(task.target_dictionary))
        super().__init__(path, _model(task, models), *symbols)

    def translate(
        self,
        lines: Sequence[Union[str, Sentence]],
        beam: int = 5,
        nbest: int = 1,
        batch_size: int = BATCH_SIZE,
        search: Optional[Dict[str, object]] = None,
    ) -> List[List[Hypothesis]]:
        """As :meth:`~s2s_plugins.inference.translator.Translator.translate`, or as ``search`` says.

        Args:
            lines: sentences, or lines whose tokens are separated by spaces.
            beam: number of hypotheses that are followed at a time.
            nbest: number of hypotheses to return.
            batch_size: number of sentences at a time.
            search: further options of fairseq-generate by name: ``{"unkpen": 1000, "sampling": True}``. Sampling draws
                with PyTorch's own generator: seed it.

        Raises:
            UsageError: ``beam``, ``nbest`` or ``batch_size`` is out of range, there is no such option, or a sentence is
                too long.
        """
        for name in search or {}:
            if name not in GenerationConfig.__dataclass_fields__:
                raise UsageError(f"{name} is no option of a search: fairseq-generate --help lists them")
            if name in ("beam", "nbest"):
                raise UsageError(f"{name} is an argument of its own: give translate(..., {name}=...)")
        model = FairseqModel(self.task, self.models, search) if search else self.model
        return self._translate(model, lines, beam, nbest, batch_size)

    def align(
        self, sentences: Sequence[Sentence], hypotheses: Sequence[Hypothesis], batch_size: int = BATCH_SIZE
    ) -> List[Alignment]:
        """As :meth:`~s2s_plugins.inference.translator.Translator.align`.

        Raises:
            UsageError: the model is an ensemble.
        """
        if len(self.models) > 1:
            raise UsageError("an ensemble looks with each of its models: name one checkpoint")
        return super().align(sentences, hypotheses, batch_size)

    def read(self, split: str, limit: Optional[int] = None) -> List[Sentence]:
        """The first ``limit`` sentences of a split of the data folder, in its order, with references if it has them.

        Raises:
            UsageError: there is no such split, or a sentence has more tokens than the model takes.
        """
        config = self.task.cfg
        pair = f"{config.source_lang}-{config.target_lang}"
        folder = utils.split_paths(config.data)[0]  # the others have further training data alone
        if not indexed_dataset.dataset_exists(str(Path(folder, f"{split}.{pair}.{config.source_lang}")), None):
            ending = f".{pair}.{config.source_lang}.idx"
            there = sorted(file.name[: -len(ending)] for file in Path(folder).glob(f"*{ending}"))
            raise UsageError(
                f"data folder {folder} has no split {split!r} of {pair}: it has {', '.join(there) or 'none'}"
            )
        self.task.load_dataset(split)
        dataset = self.task.dataset(split)
        words = read_words(config, split) if self.slots else None
        sentences = []
        for index in range(len(dataset) if limit is None else min(limit, len(dataset))):
            item = dataset[index]
            numbers, target = item["source"].tolist(), item.get("target")
            tokens = self.tokens(self.source, numbers, with_end=True)
            if words is not None and len(words[index]) == len(tokens) - 1:  # else it was truncated
                tokens = [*words[index], tokens[-1]]
            sentence = Sentence(tokens, numbers)
            reference = None if target is None else self.written(sentence, target.tolist())
            sentences.append(sentence._replace(reference=reference))
            self.check_length(len(numbers), f"sentence {index + 1}")
        return sentences


class FairseqModel:
    """Any model of ``--task translation``, searched by fairseq's generator.

    Args:
        task: fairseq's.
        models: the ensemble.
        options: of the search, by the names that fairseq-generate has for them.
    """

    def __init__(
        self, task: TranslationTask, models: Sequence[Any], options: Optional[Dict[str, object]] = None
    ) -> None:
        self.task, self.models, self.options = task, list(models), options or {}
        sources, targets = zip(*((model.encoder.max_positions(), model.decoder.max_positions()) for model in models))
        self.longest_source = int(min(task.cfg.max_source_positions, *sources))
        self.longest_target = int(min(task.cfg.max_target_positions, *targets))
        self.device = next(models[0].parameters()).device
        self.has_attention = self._weights([[EOS]], [[EOS]]) is not None

    @torch.no_grad()
    def search(
        self, sources: Sequence[Sequence[int]], settings: SearchSettings, attends: bool = False
    ) -> List[List[Found]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        for model in self.models:
            model.decoder.need_attn = False  # as fairseq's commands do: steps without weights are faster
        symbols = self.task.target_dictionary.symbols
        generator = self.task.build_generator(
            self.models,
            Namespace(beam=settings.beam, nbest=settings.beam, **self.options),
            extra_gen_cls_kwargs={"tokens_to_suppress": [symbols[number] for number in settings.never]},
        )
        sample = {"net_input": self._source(sources)}
        return [
            [Found(one["tokens"], one["score"], one["positional_scores"], None) for one in hypotheses]
            for hypotheses in self.task.inference_step(generator, self.models, sample)
        ]

    def attend(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        weights = self._weights(sources, targets).float().cpu()
        real = self._source(sources)["src_tokens"].ne(PAD).cpu()
        if isinstance(self.models[0], LSTMModel):  # moves padding from the left to the right before it attends
            real = real.sort(dim=1, descending=True, stable=True).values
        return [row[: len(target), there].numpy() for row, target, there in zip(weights, targets, real)]

    def copied(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Optional[List[np.ndarray]]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        return None

    @torch.no_grad()
    def score(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """As :class:`~s2s_plugins.inference.translator.Model` has it."""
        net_input, outputs = self._source(sources), [torch.tensor(target) for target in targets]
        net_input["prev_output_tokens"] = self._prefix(outputs)
        wanted = collate_tokens(outputs, PAD).to(self.device).unsqueeze(2)
        found = [
            model.get_normalized_probs(model(**net_input), log_probs=True).gather(2, wanted).squeeze(2).float()
            for model in self.models
        ]
        scores = torch.stack(found).logsumexp(0) - math.log(len(found))
        return [row[: len(target)] for row, target in zip(scores.cpu().numpy(), targets)]

    def _prefix(self, outputs: Sequence[Tensor]) -> Tensor:
        """What the decoder reads before each token of the outputs."""
        return collate_tokens(list(outputs), PAD, EOS, left_pad=False, move_eos_to_beginning=True).to(self.device)

    @torch.no_grad()
    def _weights(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Any:
        """Attention weights (B, T, S); None of a model that has none."""
        self.models[0].decoder.need_attn = True
        prefix = self._prefix([torch.tensor(target) for target in targets])
        _, extra = self.models[0](**self._source(sources), prev_output_tokens=prefix)
        return (extra.get("attn") or [None])[0] if isinstance(extra, dict) else extra

    def _source(self, sources: Sequence[Sequence[int]]) -> Dict[str, Tensor]:
        """A batch's source, padded on the side that the model was trained with."""
        left = bool(self.task.cfg.left_pad_source)
        tokens = collate_tokens([torch.tensor(source) for source in sources], PAD, left_pad=left)
        lengths = torch.tensor([len(source) for source in sources])
        return {"src_tokens": tokens.to(self.device), "src_lengths": lengths.to(self.device)}


def load_translator(
    path: str, data: Optional[str] = None, overrides: Optional[Dict[str, Any]] = None, ensemble: Sequence[str] = ()
) -> CheckpointTranslator:
    """A checkpoint of ``--task translation``, ready to decode.

    Models of this plugin carry their dictionaries, and need nothing else. fairseq's own, as ``lstm``, need a data
    folder: ``data``, or the one that they were trained on if it is still there.

    Args:
        path: of a checkpoint.
        data: a folder of binarised data; its dictionaries must be the checkpoint's.
        overrides: of its configuration, as fairseq's ``--model-overrides``.
        ensemble: further checkpoints that were trained on the same data: the mean of their probabilities is searched.

    Raises:
        UsageError: a checkpoint cannot be read, is of another task, or does not fit the data or the others.
    """
    task, model = _load(path, data, overrides)
    models = [model]
    for other in ensemble:
        its_task, member = _load(other, data, overrides)
        for side in ("source_dictionary", "target_dictionary"):
            if getattr(its_task, side).symbols != getattr(task, side).symbols:
                raise UsageError(f"{other} has another {side.replace('_', ' ')} than {path}: name models of one data")
        models.append(member)
    return CheckpointTranslator(path, task, models)


def _load(path: str, data: Optional[str], overrides: Optional[Dict[str, Any]]) -> Any:
    """The task and the model of one checkpoint."""
    checkpoint = read_checkpoint(path, overrides)
    with unusable(path):
        checkpoint.check_task(TASK)
        checkpoint.cfg.task.eval_bleu = False  # it would load the tokenizer of the training's validation
        task = _task(checkpoint, data)
        try:
            model = checkpoint.build(task)
        except RuntimeError as error:  # fairseq's own models; ours say which symbol or weight differs
            first = str(error).splitlines()[-1].strip()
            raise UsageError(f"checkpoint {path} does not fit the data {task.cfg.data}: {first}") from None
        CheckpointTranslator(path, task, [model]).search_settings(1)  # settings that do not fit each other stop here
    return task, model


def _task(checkpoint: Checkpoint, data: Optional[str]) -> TranslationTask:
    """The checkpoint's task: with the dictionaries of ``data``, else its own, else those of its training's data."""
    config, symbols = checkpoint.cfg.task, [checkpoint.symbols(side) for side in ("encoder", "decoder")]
    if data is None and None not in symbols:
        return TranslationTask(config, *(as_dictionary(side) for side in symbols if side is not None))
    if data is None and not Path(str(config.data).split(":")[0]).is_dir():
        raise UsageError(
            f"checkpoint {checkpoint.path} does not carry its dictionaries, and the data folder of its training, "
            f"{config.data}, is gone: name a copy with --data"
        )
    config.data = config.data if data is None else data
    return tasks.setup_task(config)


def _model(task: TranslationTask, models: List[Any]) -> Model:
    """What computes: our own search for models of this plugin, fairseq's for others."""
    plain = FairseqModel(task, models)
    if not all(isinstance(model, RecurrentModel) for model in models):
        return plain
    return TorchModel(models, plain.device, plain.longest_source, plain.longest_target, plain.has_attention)
