"""Repairs to how a training starts, resumes, writes its checkpoints and ends."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator, Optional, Type, Union

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager
from fairseq.logging import meters
from fairseq.trainer import Trainer

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.files import replacing

logger = logging.getLogger(__name__)

LAST = "checkpoint_last.pt"  # the default of --restore-file
UNFINISHED = (".checkpoint*.pt.partial", "checkpoint*.pt.tmp")  # ours, fairseq's
PATIENCE = "validations_without_gain"
TASK = "task_training_state"


def leave_a_finished_training_alone() -> None:
    """Change nothing when a finished training is started again, and stop if ``--restore-file`` is missing.

    fairseq checks ``--max-update`` and ``--stop-time-hours`` after an update, so each start makes one more, and it
    forgets how long ``--patience`` has waited, and what a task has to remember. With a ``--restore-file`` that does not
    exist it trains from scratch.
    """

    @wrap(checkpoint_utils, "load_checkpoint")
    def load_checkpoint(original, cfg, trainer, **kwargs):
        if cfg.restore_file != LAST:
            found = cfg.restore_file.replace(".pt", f"{trainer.checkpoint_suffix}.pt")
            if not PathManager.isfile(found):
                raise UsageError(f"--restore-file {found} does not exist: name a checkpoint, or leave the flag out")
        if trainer.data_parallel_rank == 0:
            _remove_unfinished(Path(cfg.save_dir))
        try:
            extra_state, iterator = original(cfg, trainer, **kwargs)
            resumes = extra_state is not None and not (cfg.reset_optimizer or cfg.reset_meters)
            if resumes and trainer.get_num_updates() > 0:
                for name in ("best", "previous_training_time"):
                    float(extra_state.get(name) or 0)
                _restore_patience(extra_state.get(PATIENCE))
                if extra_state.get(TASK) is not None and not cfg.reset_dataloader:
                    trainer.task.load_training_state(extra_state[TASK])
            if not 0 <= iterator.epoch < 2**31:
                raise ValueError(f"epoch {iterator.epoch}")
        except (UsageError, OSError):
            raise
        except Exception as error:
            raise UsageError(
                f"checkpoint {cfg.restore_file} cannot be resumed from ({type(error).__name__}: {str(error)[:200]}): "
                "use another one, or its weights alone with --reset-dataloader --reset-meters --reset-optimizer"
            ) from error
        # a finished checkpoint of another folder is continued: it has to be written to this one
        resumed = extra_state is not None and trainer.get_num_updates() > 0 and cfg.restore_file == LAST
        limit = _reached(trainer, cfg.patience) if resumed else None
        if limit is not None:
            logger.info(f"this training has already ended, by {limit}: nothing is changed; raise the limit to continue")
            # NaN is below no limit, not even infinity: there is no epoch left
            return extra_state, SimpleNamespace(next_epoch_idx=math.nan)
        return extra_state, iterator

    @wrap(Trainer, "save_checkpoint")
    def save_checkpoint(original, self, filename, extra_state):
        waited = _early_stopping()
        if waited is not None and hasattr(waited, "num_runs"):
            extra_state = {**extra_state, PATIENCE: {"best": waited.best, "num_runs": waited.num_runs}}
        if hasattr(self.task, "training_state"):
            extra_state = {**extra_state, TASK: self.task.training_state()}
        return original(self, filename, extra_state)


def _early_stopping() -> Optional[Any]:
    """The function of fairseq-train that keeps the state of ``--patience`` as its attributes; None elsewhere."""
    return getattr(sys.modules.get("fairseq_cli.train"), "should_stop_early", None)


def name_the_optimizer_that_cannot_work() -> None:
    """Report in one line that an optimizer or a learning rate schedule cannot be built with its flags."""

    @wrap(Trainer, "_build_optimizer")
    def build_optimizer(original, self):
        try:
            return original(self)
        except (UsageError, OSError, ImportError):
            raise
        except Exception as error:
            flags = f"--optimizer {self.cfg.optimizer._name} --lr-scheduler {self.cfg.lr_scheduler._name}"
            raise UsageError(
                f"{flags} cannot work with the flags given for them ({type(error).__name__}: {str(error)[:200]}): "
                "fairseq-train --help lists theirs"
            ) from error


def _restore_patience(state: Optional[dict]) -> None:
    waited = _early_stopping()
    if state is not None and waited is not None:
        waited.best, waited.num_runs = float(state["best"]), int(state["num_runs"])


def _reached(trainer: Trainer, patience: int) -> Optional[str]:
    """The flag whose limit of updates, hours or validations without gain is reached; None if there is none."""
    limits, updates = trainer.cfg.optimization, trainer.get_num_updates()
    if 0 < limits.max_update <= updates:
        return f"--max-update {limits.max_update}"
    if 0 < limits.stop_time_hours < trainer.cumulative_training_time() / 3600:
        return f"--stop-time-hours {limits.stop_time_hours}"
    if 0 < patience <= getattr(_early_stopping(), "num_runs", 0):
        return f"--patience {patience}"
    return None


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed process has left of a checkpoint."""
    for pattern in UNFINISHED:
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)


def write_checkpoints_whole() -> None:
    """Write a checkpoint to a temporary name, then rename; report in one line if it cannot be written.

    fairseq copies ``checkpoint_last.pt`` and others directly onto the old file: a process that dies meanwhile leaves no
    checkpoint to resume from. On a full disk it tries three times, prints tracebacks, and leaves a partial file.
    """

    @wrap(checkpoint_utils, "torch_persistent_save")
    def torch_persistent_save(original, obj, filename, async_write=False):
        if async_write or PathManager.path_requires_pathmanager(filename):
            return original(obj, filename, async_write=async_write)
        with whole_checkpoint(filename) as partial:
            torch.save(obj, partial)
        return None

    def copy(original, src_path, dst_path, overwrite=False):
        if PathManager.path_requires_pathmanager(dst_path):
            return original(src_path, dst_path, overwrite)
        with whole_checkpoint(dst_path) as partial:
            shutil.copyfile(src_path, partial)
        return True

    original = PathManager.copy
    PathManager.copy = staticmethod(lambda *args, **kwargs: copy(original, *args, **kwargs))


@contextlib.contextmanager
def whole_checkpoint(filename: Union[str, Path]) -> Iterator[Path]:
    """A temporary path that becomes the checkpoint ``filename`` if the block ends well.

    Raises:
        WorkError: it cannot be written.
    """
    try:
        with replacing(filename) as partial:
            yield partial
    except (OSError, RuntimeError) as error:  # PyTorch raises one or the other on a full disk
        reason = getattr(error, "strerror", None) or f"{str(error).splitlines()[0][:100]}; is the disk full?"
        raise WorkError(
            f"checkpoint {filename} cannot be written: {reason}; earlier ones are whole: make room, and re-run the "
            "command"
        ) from error


def resume_with_every_meter() -> None:
    """Restore the statistics of a plugin's criterion, and create nothing but statistics.

    fairseq looks up the class of a meter, by its name in the checkpoint, among all names of its own module: a class of
    another module ends in KeyError, and any other name is called.
    """

    @wrap(meters.MetersDict, "load_state_dict")
    def load_state_dict(original, self, state_dict):
        known = {kind.__name__: kind for kind in _kinds(meters.Meter)}
        for _, _, name, _ in state_dict:
            if name not in known:
                raise UsageError(f"the checkpoint has statistics of an unknown kind, {name}: use --reset-meters")
        self.clear()
        self.priorities.clear()
        for priority, key, name, state in state_dict:
            meter = known[name]()
            meter.load_state_dict(state)
            self.add_meter(key, meter, priority)


def _kinds(kind: Type) -> Iterator[Type]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)
