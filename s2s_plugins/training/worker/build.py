"""What a training is made of: fairseq's configuration, task, model and trainer, and what validates."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, List, NamedTuple, Optional

import numpy as np
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.initialize import add_defaults
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from s2s_plugins.errors import UsageError
from s2s_plugins.models.translator import CheckpointTranslator
from s2s_plugins.text.pairs.prepared import read_prepared, read_references
from s2s_plugins.training.job import Training
from s2s_plugins.training.sides import spelling_of
from s2s_plugins.training.worker.classes import Classified, classifier_of, held_out_texts
from s2s_plugins.training.worker.precision import choose
from s2s_plugins.training.worker.start import Taken, start_from
from s2s_plugins.training.worker.validation import OfCriterion, Validator, Written

SCHEDULE, AUTOCAST = "--lr-scheduler", "--autocast"


def configuration(training: Training, precision: str) -> Any:
    """fairseq's configuration.

    Raises:
        UsageError: a flag is unknown or has a value that it does not take.
    """
    words: List[str] = [training.data, "--save-dir", training.folder, *training.arguments]
    if precision == "bf16" and AUTOCAST not in words:
        words += [AUTOCAST, "bf16"]
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            args = options.parse_args_and_arch(options.get_training_parser(), input_args=words)
    except SystemExit:
        last = complaint.getvalue().strip().splitlines()[-1:]
        why = " ".join(last).partition("error: ")[2] or "they cannot be read"
        raise UsageError(f"flags behind --: {why}") from None
    config = convert_namespace_to_omegaconf(args)
    add_defaults(config)
    # what the model file calls the best figure of the validations
    config.checkpoint.best_checkpoint_metric = (
        "error %" if training.validate in ("written", "classes") else training.validate
    )
    return config


def precision_of(training: Training) -> str:
    """``"fp32"`` or ``"bf16"``: the user's ``--autocast``, or what is faster here."""
    if AUTOCAST in training.arguments:
        value = training.arguments[training.arguments.index(AUTOCAST) + 1 :][:1]
        return "bf16" if value == ["bf16"] else "fp32"
    if "lstm" in training.arguments[training.arguments.index("--arch") + 1 :][:1]:  # fairseq's own has no such flag
        return "fp32"
    return choose(training.precision, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


class Built(NamedTuple):
    """What a training runs with.

    Attributes:
        trainer: fairseq's, with its model.
        validator: None without a validation part.
        taken: what the model has from another one; None if it starts from random weights.
    """

    trainer: Trainer
    validator: Optional[Validator]
    taken: Optional[Taken]


def build(training: Training, precision: str) -> Built:
    """fairseq's trainer, and what goes with it.

    Raises:
        UsageError: flags, data or settings do not fit.
    """
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    config = configuration(training, precision)
    np.random.seed(config.common.seed)
    utils.set_torch_seed(config.common.seed)
    Path(training.folder).mkdir(parents=True, exist_ok=True)
    task = tasks.setup_task(config.task)
    model = task.build_model(config.model)
    taken = None if training.start is None else start_from(model, task, training.start)
    criterion = task.build_criterion(config.criterion)
    trainer = Trainer(config, task, model, criterion)
    return Built(trainer, _validator(training, task, trainer), taken)


def _validator(training: Training, task: Any, trainer: Trainer) -> Optional[Validator]:
    if training.validate == "none":
        return None
    if training.validate == "classes":
        return Classified(classifier_of(task, trainer, Path(training.data)), held_out_texts(Path(training.data)))
    if training.validate != "written":
        task.load_dataset("valid")
        return OfCriterion(training.validate, training.rises)
    prepared = read_prepared(Path(training.data))
    references = read_references(Path(training.data, "valid.tsv"))
    if not references:
        return None
    translator = CheckpointTranslator("the model in training", task, [trainer.model])
    translator.source_spelling, translator.target_spelling = map(spelling_of, (prepared.source, prepared.target))
    return Written(translator, references)
