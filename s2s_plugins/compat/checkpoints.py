"""Repairs to how fairseq writes and reads checkpoints."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import os
from typing import Iterator, Optional

import torch
from fairseq import checkpoint_utils, models
from fairseq.file_io import PathManager
from fairseq.trainer import Trainer
from omegaconf import DictConfig
from omegaconf.errors import ValidationError

from s2s_plugins.compat.patching import wrap
from s2s_plugins.compat.reading import check_numbers
from s2s_plugins.errors import UsageError, usage_error_behind

BEST = "checkpoint_best.pt"
RESET = "resume from an intact one, with --reset-optimizer"

_rebuilding = contextvars.ContextVar("rebuilding", default=False)


def building_from_checkpoint() -> bool:
    """Whether the model under construction gets its weights from a checkpoint next."""
    return _rebuilding.get()


def name_the_checkpoint_that_cannot_be_read() -> None:
    """Say in one line which checkpoint is missing, damaged, not a checkpoint, or does not fit, and why."""

    signature = inspect.signature(checkpoint_utils.load_model_ensemble_and_task)

    @wrap(checkpoint_utils, "load_model_ensemble_and_task")
    def load_model_ensemble_and_task(original, filenames, *args, **kwargs):
        given = signature.bind(filenames, *args, **kwargs).arguments
        if given.get("num_shards", 1) == 1 and not given.get("suffix") and given.get("state") is None:
            for filename in filenames:
                check_file(filename)
        with unusable(", ".join(map(str, filenames))):
            models, cfg, task = original(filenames, *args, **kwargs)
            for filename, model in zip(filenames, models):
                check_numbers(model.named_parameters(), f"checkpoint {filename}")
        return models, cfg, task

    @wrap(checkpoint_utils, "load_checkpoint_to_cpu")
    def load_checkpoint_to_cpu(original, path, arg_overrides=None, *args, **kwargs):
        with unusable(path):
            state = original(path, arg_overrides, *args, **kwargs)
            _check_state(path, state)
        return _of_the_task_asked_for(path, state, arg_overrides)

    @wrap(Trainer, "load_checkpoint")
    def load_checkpoint(original, self, filename, *args, **kwargs):
        with unusable(filename):
            return original(self, filename, *args, **kwargs)


def check_file(path: str) -> None:
    """Check that ``path`` is a file.

    Raises:
        UsageError: there is none.
    """
    if os.path.isdir(path):
        raise UsageError(f"checkpoint {path} is a folder: name a file in it, as {os.path.join(path, BEST)}")
    if not PathManager.isfile(path):
        raise UsageError(f"checkpoint {path} does not exist: name one that fairseq-train wrote")


@contextlib.contextmanager
def unusable(path: str) -> Iterator[None]:
    """Turn errors of the block, which works on the content of the checkpoint ``path``, into one that names it.

    Raises:
        UsageError: the block raised an error other than for a file that cannot be read.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        usage = usage_error_behind(error)
        if usage is not None:
            raise (usage if path in str(usage) else UsageError(f"checkpoint {path}: {usage}")) from error
        first = next(iter(str(error).strip().splitlines()), "")[:200]
        raise UsageError(
            f"checkpoint {path} cannot be used ({type(error).__name__}: {first}): use one that fairseq-train wrote, "
            "with the flags and the data folder of its training"
        ) from error


def _check_state(path: str, state: dict) -> None:
    """Check that ``state`` has the parts of a checkpoint, and that none of them is damaged.

    Raises:
        UsageError: one is missing or damaged.
    """
    weights = state.get("model")
    settings = state.get("cfg")
    settled = isinstance(settings, DictConfig) and "model" in settings and "task" in settings
    if not isinstance(weights, dict) or not weights or not settled:
        raise UsageError(
            f"{path} is not a checkpoint: it has no weights and settings; use one that fairseq-train wrote"
        )
    optimizer = state.get("last_optimizer_state")
    for group in (optimizer.get("param_groups") or []) if isinstance(optimizer, dict) else []:
        for name, value in group.items():
            if isinstance(value, str):
                raise UsageError(f"checkpoint {path} is damaged: its optimizer's {name} is {value[:80]!r}; {RESET}")
    for name, weight in weights.items():
        if not isinstance(weight, torch.Tensor):
            raise UsageError(f"checkpoint {path} is damaged: its weight {name} is a {type(weight).__name__}")
        if (
            weight.layout == torch.strided
            and weight.numel() * weight.element_size() > weight.untyped_storage().nbytes()
        ):
            raise UsageError(
                f"checkpoint {path} is damaged: its weight {name} of {weight.numel():,} numbers has fewer in the file"
            )


def _of_the_task_asked_for(path: str, state: dict, arg_overrides: Optional[dict]) -> dict:
    """``state``, if ``--task text_classification`` was not given with a checkpoint of another task, which has no head.

    fairseq uses the task of the checkpoint, whatever the flag says, and then looks for the data of that task.
    """
    asked, cfg = (arg_overrides or {}).get("task"), state["cfg"]
    trained = cfg.task._name if cfg.get("task") is not None else asked
    if asked == "text_classification" and trained != asked:
        raise UsageError(
            f"checkpoint {path} is no classifier, it was trained with --task {trained}: fine-tune it, with "
            "fairseq-train --task text_classification --finetune-from-model"
        )
    return state


def mark_models_as_rebuilt() -> None:
    """Tell a model that its weights come from a checkpoint, so that it does not need the file of its first ones.

    fairseq reads ``--encoder-embed-path`` again at every load, and stops if the file is gone. A value of
    ``--model-overrides`` or of a configuration file that does not fit its field is reported in one line.
    """

    @wrap(models, "build_model")
    def build_model(original, cfg, task, from_checkpoint=False):
        token = _rebuilding.set(bool(from_checkpoint))
        try:
            return original(cfg, task, from_checkpoint)
        except ValidationError as error:
            raise UsageError(f"{error.full_key}: {str(error).splitlines()[0]}") from None
        finally:
            _rebuilding.reset(token)
