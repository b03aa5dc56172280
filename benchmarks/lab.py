"""A worker's systems: fairseq's own Trainer and generator, built from command-line flags, run batch by batch.

Shape letters: B sentences, S source tokens, T target tokens.
"""

from __future__ import annotations

import time
from copy import deepcopy
from functools import lru_cache
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import torch
from fairseq import checkpoint_utils, options, tasks, utils
from fairseq.data import Dictionary, LanguagePairDataset, data_utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.sequence_generator import SequenceGenerator
from fairseq.tasks.translation import TranslationTask
from fairseq.trainer import Trainer

from benchmarks.flops import FAIRSEQ, Sees

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def sees_of(model: Any) -> Sees:
    """What the decoder of ``model`` looks at: one of the plugin's, which says so, or fairseq's lstm."""
    core = getattr(model.decoder, "core", None)
    if core is None:
        return FAIRSEQ
    attention = getattr(core, "attention", None)
    return Sees(core.sees.step, core.sees.output, attention is not None and attention.has_hidden_layer)


def clock() -> float:
    """The time in seconds, after the device has finished its work."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


@lru_cache(maxsize=4)
def synthetic(vocabulary: int, length: float, deviation: float, sentences: int, seed: int) -> LanguagePairDataset:
    """Sentence pairs of independent tokens, frequent and rare as in text (Zipf's law), both sides of one length."""
    dictionary = Dictionary()
    for number in range(vocabulary):
        dictionary.add_symbol(f"w{number}")
    draw = np.random.default_rng(seed)
    lengths = np.full(sentences, int(length))
    if deviation:
        lengths = np.clip(np.rint(draw.normal(length, deviation, sentences)), 5, 60).astype(int)
    share = 1 / (np.arange(vocabulary) + 2.7)
    side = []
    for _ in range(2):
        tokens = torch.from_numpy(draw.choice(vocabulary, lengths.sum(), p=share / share.sum()) + dictionary.nspecial)
        pieces = [piece.clone() for piece in tokens.split(lengths.tolist())]
        for piece in pieces:
            piece[-1] = dictionary.eos()
        side.append(pieces)
    return LanguagePairDataset(side[0], lengths, dictionary, side[1], lengths, dictionary, left_pad_target=False)


def dataset_of(data: dict) -> LanguagePairDataset:
    """The sentences of a data description: ``{"kind": "synthetic", ...}`` or ``{"kind": "folder", ...}``."""
    if data["kind"] == "synthetic":
        return synthetic(**{name: value for name, value in data.items() if name != "kind"})
    return binarised(data["path"], data["split"])


@lru_cache(maxsize=4)
def binarised(path: str, split: str) -> LanguagePairDataset:
    """A split of a folder of fairseq-preprocess."""
    task = tasks.setup_task(generation_config(path).task)
    task.load_dataset(split)
    return task.dataset(split)


@lru_cache(maxsize=None)
def _config(kind: str, words: Tuple[str, ...]):
    parser = options.get_training_parser() if kind == "training" else options.get_generation_parser()
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, list(words)))


def training_config(words: Sequence[str]):
    """fairseq-train's configuration; reading flags takes half a second, so each line is read once."""
    return deepcopy(_config("training", tuple(words)))


def generation_config(*words: str):
    """fairseq-generate's configuration, likewise."""
    return deepcopy(_config("generation", words))


def choose_batches(data: dict, max_tokens: int, count: int, seed: int) -> List[List[int]]:
    """``count`` of the batches that fairseq makes of the data, as sentence numbers.

    One side chooses for both: the plugin keeps a last batch that fairseq drops, so each would choose others.
    """
    dataset = dataset_of(data)
    with data_utils.numpy_seed(seed):
        batches = dataset.batch_by_size(
            dataset.ordered_indices(), max_tokens=max_tokens, required_batch_size_multiple=8
        )
        picked = np.random.choice(len(batches), count, replace=len(batches) < count)
    return [[int(number) for number in batches[index]] for index in picked]


def collate(dataset: LanguagePairDataset, batches: Sequence[Sequence[int]]) -> List[dict]:
    """The batches as fairseq's models take them, on the device."""
    samples = [dataset.collater([dataset[number] for number in batch]) for batch in batches]
    return [utils.move_to_cuda(sample) if DEVICE.type == "cuda" else sample for sample in samples]


def task_for(cfg, data: dict, dataset: LanguagePairDataset):
    if data["kind"] == "synthetic":
        return TranslationTask(cfg.task, dataset.src_dict, dataset.tgt_dict)
    return tasks.setup_task(cfg.task)


class Training:
    """A model under training by fairseq's Trainer.

    Args:
        flags: of fairseq-train, without the data folder.
        data: what it trains on, as :func:`dataset_of` takes it.
        batches: sentence numbers.
    """

    def __init__(self, flags: List[str], data: dict, batches: List[List[int]]) -> None:
        words = [data.get("path", "synthetic"), "--distributed-world-size", "1", *flags]
        self.cfg = training_config(words)
        utils.set_torch_seed(self.cfg.common.seed)
        metrics.reset()
        dataset = dataset_of(data)
        self.task = task_for(self.cfg, data, dataset)
        self.model = self.task.build_model(self.cfg.model)
        self.criterion = self.task.build_criterion(self.cfg.criterion)
        self.trainer = Trainer(self.cfg, self.task, self.model, self.criterion)
        self.samples = collate(dataset, batches)

    def step(self, batch: int) -> float:
        """Seconds of one update."""
        started = clock()
        self.trainer.train_step([self.samples[batch]])
        return clock() - started

    def tokens(self, batch: int) -> int:
        return int(self.samples[batch]["ntokens"])

    def shape(self, batch: int) -> Tuple[int, int, int]:
        """B, S, T."""
        sample = self.samples[batch]
        return (*sample["net_input"]["src_tokens"].shape, sample["target"].size(1))

    def loss(self, batch: int) -> float:
        """Loss per token on a batch, without dropout."""
        self.model.eval()
        with torch.no_grad():
            loss, size, _ = self.criterion(self.model, self.samples[batch])
        return float(loss) / float(size)

    def sees(self) -> Sees:
        """What the decoder looks at."""
        return sees_of(self.model)

    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def save(self, path: str) -> None:
        self.trainer.consolidate_optimizer()
        state = {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}, "val_loss": None}
        self.trainer.save_checkpoint(path, state)


class Decoding:
    """A model that decodes, prepared as fairseq-generate prepares it.

    Args:
        data: what it decodes.
        batches: sentence numbers.
        checkpoint: a file of fairseq-train, or None.
        flags: of fairseq-train without the data folder, for an untrained model in a checkpoint's place.
        weights: ``--decoding-weights`` of a checkpoint of ours.
    """

    def __init__(
        self,
        data: dict,
        batches: List[List[int]],
        checkpoint: Optional[str] = None,
        flags: Optional[List[str]] = None,
        weights: str = "full",
    ) -> None:
        cfg = generation_config(data.get("path", "synthetic"), "--beam", "5")
        dataset = dataset_of(data)
        if checkpoint is not None:
            self.task = task_for(cfg, data, dataset)
            overrides = {} if weights == "full" else {"decoding_weights": weights}
            self.models, _ = checkpoint_utils.load_model_ensemble([checkpoint], overrides, self.task)
        else:
            untrained = Training(flags or [], data, [])
            self.task, self.models = untrained.task, [untrained.model]
        for model in self.models:
            model.to(DEVICE).eval()
            model.prepare_for_inference_(cfg)
        self.samples = collate(dataset, batches)
        self.generation = cfg.generation

    def generator(self, beam: int, length: Optional[int] = None, plain: bool = False):
        """The task's search. ``length`` makes every hypothesis that long, for models that never learnt to end;
        ``plain`` asks for fairseq's own search, whatever the models."""
        self.generation.beam = beam
        if length is not None:
            self.generation.max_len_a, self.generation.max_len_b, self.generation.min_len = 0, length, length
        return self.task.build_generator(self.models, self.generation, seq_gen_cls=SequenceGenerator if plain else None)

    def decode(self, generator, batch: int) -> Tuple[float, List[list]]:
        """Seconds, and the hypotheses of each sentence."""
        started = clock()
        found = self.task.inference_step(generator, self.models, self.samples[batch])
        return clock() - started, found
