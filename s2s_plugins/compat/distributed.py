"""Repairs to fairseq's distributed training."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch
from fairseq import checkpoint_utils
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model
from torch import distributed as dist

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import WorkError


def run_on_machines_without_gpu() -> None:
    """Train with ``torchrun`` and gloo where there is no GPU.

    fairseq takes the rank modulo the number of GPUs (ZeroDivisionError), asks for nccl, puts a CPU model on
    GPU 0, and gathers statistics through a CUDA buffer.
    """

    @wrap(distributed_utils, "_infer_torch_distributed_launch_init")
    def infer_init(original, cfg):
        if torch.cuda.device_count() > 0:
            return original(cfg)
        cfg.distributed_init_method = "env://"
        cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
        cfg.distributed_rank = int(os.environ["RANK"])
        cfg.device_id = 0
        cfg.distributed_no_spawn = True
        cfg.distributed_backend = "gloo"
        return None

    @wrap(distributed_utils, "infer_init_method")
    def infer_init_method(original, cfg, force_distributed=False):
        # the default world size is the number of GPUs, 1 without any: fairseq then never looks at torchrun's
        launched = all(key in os.environ for key in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK"))
        if launched and torch.cuda.device_count() == 0 and cfg.distributed_init_method is None:
            cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
        return original(cfg, force_distributed)

    @wrap(distributed_utils, "all_gather_list")
    def all_gather_list(original, data, group=None, max_size=16384):
        if torch.cuda.is_available():
            return original(data, group, max_size)
        group = group if group is not None else distributed_utils.get_global_group()
        gathered = [None] * distributed_utils.get_world_size(group)
        dist.all_gather_object(gathered, data, group=group)
        return gathered

    @wrap(distributed_fairseq_model, "DistributedDataParallel")
    def distributed_data_parallel(original, module, device_ids=None, output_device=None, **kwargs):
        if next(module.parameters()).device.type == "cpu":
            device_ids = output_device = None
        return original(module=module, device_ids=device_ids, output_device=output_device, **kwargs)


def send_the_checkpoint_to_every_process() -> None:
    """Resume, or start from a pretrained model, with more than one process, on hosts with folders of their own.

    fairseq looks for the checkpoint in each process and waits forever where one has none; and it sends what the first
    one read in a form that torch >= 2.6 refuses. Here the first process sends its file, and the others read that.
    """

    @wrap(checkpoint_utils, "load_checkpoint")
    def load_checkpoint(original, cfg, trainer, **kwargs):
        if trainer.data_parallel_world_size == 1:
            return original(cfg, trainer, **kwargs)
        trainer.cfg.checkpoint.load_checkpoint_on_all_dp_ranks = True
        is_first = trainer.data_parallel_rank == 0
        with _patient(is_first):
            sent = [_restored(cfg, trainer.checkpoint_suffix) if is_first else None]
        device = trainer.device if trainer.device.type == "cuda" else None
        dist.broadcast_object_list(sent, src=0, group=trainer.data_parallel_process_group, device=device)
        if is_first:
            return original(cfg, trainer, **kwargs)
        assert sent[0] is not None
        with tempfile.TemporaryDirectory() as folder:
            own = {name: cfg[name] for name in ("save_dir", "finetune_from_model", "restore_file")}
            cfg.update(_received(sent[0], folder, trainer.checkpoint_suffix))
            try:
                return original(cfg, trainer, **kwargs)
            finally:
                cfg.update(own)


def _restored(cfg: Any, suffix: str) -> Tuple[str, Optional[bytes]]:
    """The flag that says where the checkpoint is that fairseq restores, and its content; None if there is none."""
    path, flag = Path(cfg.save_dir, f"checkpoint_last{suffix}.pt"), "save_dir"
    if cfg.restore_file != "checkpoint_last.pt":
        path, flag = Path(cfg.restore_file.replace(".pt", f"{suffix}.pt")), "restore_file"
    elif cfg.finetune_from_model is not None and not path.is_file():
        path, flag = Path(cfg.finetune_from_model), "finetune_from_model"
    return flag, path.read_bytes() if path.is_file() else None


def _received(sent: Tuple[str, Optional[bytes]], folder: str, suffix: str) -> Dict[str, str]:
    """What the flags are changed to, so that fairseq finds what was sent, and nothing else."""
    flag, content = sent
    name = f"checkpoint_last{suffix}.pt" if flag == "save_dir" else f"sent{suffix}.pt"
    if content is not None:
        Path(folder, name).write_bytes(content)
    if flag == "restore_file":
        return {flag: f"{folder}/sent.pt"}
    return {"save_dir": folder, **({flag: f"{folder}/{name}"} if flag == "finetune_from_model" else {})}


LOST = 45  # seconds without a word from another process, behind which the training ends


def end_when_a_host_is_lost() -> None:
    """End a training over several hosts, in a line, when one of them is out of reach.

    fairseq leaves gloo's time limit at half an hour, and ends with a traceback. ``--heartbeat-timeout`` sets another
    limit than ours. Writing and reading checkpoints, which the first process does alone, may take longer than the
    limit.
    """

    @wrap(distributed_utils, "distributed_init")
    def distributed_init(original, cfg):
        settings, hook = cfg.distributed_training, sys.excepthook
        seconds = settings.heartbeat_timeout if settings.heartbeat_timeout > 0 else LOST
        with _time_limit(seconds) if settings.distributed_backend == "gloo" else contextlib.nullcontext():
            found = original(cfg)
            distributed_utils.get_global_group()  # fairseq makes its group at the first use
            if settings.distributed_backend == "gloo":
                _BEATS.append(dist.new_group())
        sys.excepthook = hook  # torch's keeps what ours prints, and prints it never: ours ends the process
        return found

    @wrap(checkpoint_utils, "save_checkpoint")
    def save_checkpoint(original, cfg, trainer, *args, **kwargs):
        with _patient(trainer.data_parallel_rank == 0):
            return original(cfg, trainer, *args, **kwargs)

    @wrap(distributed_utils, "distributed_main")
    def distributed_main(original, *args):
        try:
            return original(*args)
        except RuntimeError as error:
            if "gloo/" not in str(error):
                raise
            raise WorkError(
                "another process of this training is gone or out of reach: re-run the command on all hosts to resume "
                f"from the last checkpoint ({str(error).partition('] ')[2].partition('. ')[0]})"
            ) from None


_BEATS: List[Any] = []  # the group of all processes, by which one tells the others that it is alive


@contextlib.contextmanager
def _patient(is_first: bool) -> Iterator[None]:
    """Inside, the first process may take any time: the others wait behind the block for its end, or its loss."""
    if not _BEATS:
        yield
        return
    if not is_first:
        yield
        while not _told(False):
            pass
        return
    ended, lost = threading.Event(), []

    def beat() -> None:
        try:
            while not _told(ended.wait(1)):
                pass
        except RuntimeError as error:
            lost.append(error)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if lost:
        raise lost[0]


def _told(is_done: bool) -> bool:
    """Whether any process is done; all of them ask."""
    answer = torch.tensor(int(is_done))
    dist.all_reduce(answer, dist.ReduceOp.MAX, group=_BEATS[-1])
    return bool(answer)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Inside, groups of processes get a time limit."""
    before = dist.init_process_group, dist.new_group
    limit = datetime.timedelta(seconds=seconds)
    dist.init_process_group, dist.new_group = (functools.partial(one, timeout=limit) for one in before)
    try:
        yield
    finally:
        dist.init_process_group, dist.new_group = before
