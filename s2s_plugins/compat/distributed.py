"""Repairs to fairseq's distributed training."""

from __future__ import annotations

import os

import torch
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model
from fairseq.trainer import Trainer
from torch import distributed as dist

from s2s_plugins.compat.patching import wrap


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


def read_the_checkpoint_in_every_process() -> None:
    """Resume, or start from a pretrained model, with more than one process.

    fairseq reads the checkpoint in one process and sends it to the others in a form that torch >= 2.6 refuses to read,
    so that none starts. Here each process reads the file.
    """

    @wrap(Trainer, "load_checkpoint")
    def load_checkpoint(original, self, *args, **kwargs):
        if self.data_parallel_world_size > 1:
            self.cfg.checkpoint.load_checkpoint_on_all_dp_ranks = True
        return original(self, *args, **kwargs)
