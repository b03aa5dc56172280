"""Repairs to how fairseq writes and reads checkpoints."""

from __future__ import annotations

import argparse
import contextvars
import os
import pickle
import re
import shutil
import tempfile

import numpy as np
import torch
from fairseq import checkpoint_utils, models
from fairseq.file_io import PathManager
from omegaconf.errors import ValidationError

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError

_rebuilding = contextvars.ContextVar("rebuilding", default=False)


def building_from_checkpoint() -> bool:
    """Whether the model under construction gets its weights from a checkpoint next."""
    return _rebuilding.get()


def load_fairseq_checkpoints_safely() -> None:
    """Let ``torch.load`` read the types that a fairseq checkpoint holds, and none besides.

    torch >= 2.6 loads with ``weights_only=True`` and refuses fairseq's own checkpoints for their
    ``argparse.Namespace`` (flags) and numpy numbers and arrays (statistics, as ``--eval-bleu`` keeps them). They are
    plain data; a checkpoint that carries code is still refused.
    """
    numpy_core = getattr(np, "_core", None) or np.core
    makers = [numpy_core.multiarray.scalar, numpy_core.multiarray._reconstruct]
    numbers = [np.float64, np.float32, np.int64, np.int32, np.bool_]
    torch.serialization.add_safe_globals(
        [
            argparse.Namespace,
            np.ndarray,
            np.dtype,
            *{type(np.dtype(number)) for number in numbers},
            # numpy 1 and numpy 2 know them under these names
            *((maker, f"numpy.{core}.multiarray.{maker.__name__}") for maker in makers for core in ("core", "_core")),
        ]
    )


def name_the_checkpoint_that_cannot_be_read() -> None:
    """Say in one line which checkpoint is missing, cut short, not a checkpoint, or refused, and why."""

    @wrap(checkpoint_utils, "load_model_ensemble_and_task")
    def load_model_ensemble_and_task(original, filenames, *args, **kwargs):
        if kwargs.get("num_shards", 1) == 1 and not kwargs.get("suffix"):
            for filename in filenames:
                if kwargs.get("state") is None and not PathManager.exists(filename):
                    raise UsageError(f"checkpoint {filename} does not exist: name one that fairseq-train wrote")
        return original(filenames, *args, **kwargs)

    @wrap(checkpoint_utils, "load_checkpoint_to_cpu")
    def load_checkpoint_to_cpu(original, path, *args, **kwargs):
        try:
            return _of_the_task_asked_for(path, original(path, *args, **kwargs), *args, **kwargs)
        except pickle.UnpicklingError as error:
            found = re.search(r"GLOBAL (\S+)", str(error))
            if found:
                raise UsageError(
                    f"checkpoint {path} is refused, nothing in it was run: it holds {found.group(1)}, which is not "
                    "data that fairseq saves; use a checkpoint that fairseq-train wrote"
                ) from None
            raise UsageError(f"{path} is not a checkpoint: name a file that fairseq-train wrote") from None
        except (EOFError, OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "PytorchStreamReader" not in str(error):
                raise
            if isinstance(error, OSError) and not os.path.isfile(path):
                raise
            raise UsageError(f"checkpoint {path} is not whole: use another one of the same folder") from None


def _of_the_task_asked_for(path: str, state: dict, arg_overrides=None, **kwargs) -> dict:
    """``state``, if ``--task text_classification`` was not given with a checkpoint of another task, which has no head.

    fairseq goes by the checkpoint's task, whatever the flag says, and then looks for that task's data.
    """
    asked, cfg = (arg_overrides or {}).get("task"), state.get("cfg")
    trained = cfg.task._name if cfg is not None and cfg.get("task") is not None else asked
    if asked == "text_classification" and trained != asked:
        raise UsageError(
            f"checkpoint {path} is no classifier, it was trained with --task {trained}: fine-tune it, with "
            "fairseq-train --task text_classification --finetune-from-model"
        )
    return state


def tell_models_that_they_are_rebuilt() -> None:
    """Let a model know that its weights come from a checkpoint, so that it needs no file they once came from.

    fairseq reads ``--encoder-embed-path`` again at every load, and stops where the file is gone. A value of
    ``--model-overrides`` or a configuration file that a field does not take is named in one line.
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


def copy_checkpoints_whole() -> None:
    """Copy ``checkpoint_last.pt`` and its like to a temporary name, then rename.

    fairseq copies straight onto the old file: a process that dies in between leaves no checkpoint to resume from.
    """

    def copy(original, src_path, dst_path, overwrite=False):
        if PathManager.path_requires_pathmanager(dst_path):
            return original(src_path, dst_path, overwrite)
        handle, partial = tempfile.mkstemp(dir=os.path.dirname(dst_path) or ".", prefix=".partial-")
        os.close(handle)
        try:
            shutil.copyfile(src_path, partial)
            shutil.copymode(src_path, partial)
            os.replace(partial, dst_path)
        except BaseException:
            os.unlink(partial)
            raise
        return True

    original = PathManager.copy
    PathManager.copy = staticmethod(lambda *args, **kwargs: copy(original, *args, **kwargs))
