"""Flags of fairseq's commands: values that cannot work are reported before anything runs."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import torch
from fairseq import options, utils
from fairseq.criterions import CRITERION_REGISTRY
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import TASK_REGISTRY

from s2s_plugins.compat.checkpoints import check_file
from s2s_plugins.compat.evaluation import evaluate
from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError, standard_input, standard_output

# smallest values that work
LEAST = {
    "adam_eps": 0,
    "batch_size": 1,
    "beam": 1,
    "clip_norm": 0,
    "context_window": 0,
    "distributed_world_size": 1,
    "fixed_validation_seed": 0,
    "keep_best_checkpoints": -1,
    "keep_interval_updates": -1,
    "keep_last_epochs": -1,
    "log_interval": 1,
    "max_epoch": 0,
    "max_len_a": 0,
    "max_len_b": 0,
    "max_source_positions": 1,
    "max_target_positions": 1,
    "max_tokens": 1,
    "max_update": 0,
    "min_len": 0,
    "nbest": 1,
    "no_repeat_ngram_size": 0,
    "num_shards": 1,
    "num_workers": 0,
    "prefix_size": 0,
    "required_batch_size_multiple": 1,
    "save_interval": 1,
    "save_interval_updates": 0,
    "seed": 0,
    "shard_id": 0,
    "stop_time_hours": 0,
    "tokens_per_sample": 1,
    "update_freq": 1,
    "validate_interval": 1,
    "validate_interval_updates": 0,
    "warmup_updates": 0,
    "weight_decay": 0,
}
ABOVE = {"temperature": 0}  # exclusive lower limits
MOST = {
    "seed": 2**32 - 1,
    "label_smoothing": 1,
    "sampling_topp": 1,
    "num_workers": max(64, 8 * (os.cpu_count() or 1)),  # each is a process with a copy of this memory
}
EXAMPLE = "\"{'beam': 1}\""


def check_flags() -> None:
    """Reject flags that fairseq accepts and then fails on, and give tasks suitable defaults.

    The task is that of the checkpoint, but fairseq-validate stops with ``KeyError: None`` without the flag.
    ``--bf16`` implies a TPU and ends in an import error for torch_xla; ``--print-alignment soft`` cannot be printed by
    fairseq-interactive; ``--replace-unk`` cannot find source words once ``--bpe`` has joined them. An architecture, a
    task or a criterion checks its own flags, in a ``check_flags``.
    """

    @wrap(options, "parse_args_and_arch")
    def parse_args_and_arch(original, parser, *args, **kwargs):
        if parser.get_default("task") is None:
            parser.set_defaults(task="translation")
        _suit_the_task(parser, kwargs.get("input_args") or (args[0] if args else None))
        parsed = original(parser, *args, **kwargs)
        _check(parsed[0] if isinstance(parsed, tuple) else parsed)
        return parsed


def _suit_the_task(parser, input_args) -> None:
    """Set the defaults of other flags that a task has in its ``flag_defaults``; a batch size only if none is given."""
    asked, _ = parser.parse_known_args(input_args)
    defaults = dict(getattr(TASK_REGISTRY.get(getattr(asked, "task", None)), "flag_defaults", {}))
    if getattr(asked, "max_tokens", None) is not None or getattr(asked, "batch_size", None) is not None:
        defaults.pop("batch_size", None)
    parser.set_defaults(**{name: value for name, value in defaults.items() if hasattr(asked, name)})


def _check(args) -> None:
    _check_streams(args)
    _check_numbers(args)
    _check_paths(args)
    _check_combinations(args)


def _check_streams(args) -> None:
    """Check that standard output is open, and standard input where it is read."""
    if hasattr(args, "nbest"):
        standard_output()
        if getattr(args, "input", None) == "-":
            standard_input()


def _check_numbers(args) -> None:
    for name, value in vars(args).items():
        flag = f"--{name.replace('_', '-')}"
        for number in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            if number != number:
                raise UsageError(f"{flag} {number} is not a number: use one")
            if name in LEAST and number < LEAST[name]:
                raise UsageError(f"{flag} {number} is too small: use {LEAST[name]} or more")
            if name in ABOVE and number <= ABOVE[name]:
                raise UsageError(f"{flag} {number} is too small: use a number above {ABOVE[name]}")
            if name in MOST and number > MOST[name]:
                raise UsageError(f"{flag} {number} is too large: use {MOST[name]} or less")
    for name in ("lr", "update_freq"):
        if getattr(args, name, None) == []:
            raise UsageError(f"--{name.replace('_', '-')} is empty: give one number, or one for each epoch")
    betas = evaluate(args.adam_betas) if isinstance(getattr(args, "adam_betas", None), str) else (0, 0)
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2 and all(_is_share(beta) for beta in betas)):
        raise UsageError(f"--adam-betas {args.adam_betas} are not two numbers of 0 or more, below 1: as '(0.9, 0.98)'")
    if getattr(args, "lr_scheduler", None) == "polynomial_decay" and hasattr(args, "max_update"):
        if getattr(args, "total_num_update", None) is None:
            args.total_num_update = float(args.max_update or 0)  # as its help text says
        if not float(args.total_num_update) > 0:
            raise UsageError(
                "--lr-scheduler polynomial_decay needs to know where it ends: give --total-num-update, or --max-update"
            )


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1


def _check_paths(args) -> None:
    for name in ("save_dir", "results_path"):
        path = getattr(args, name, None)
        if path and os.path.exists(path) and not os.path.isdir(path):
            raise UsageError(f"--{name.replace('_', '-')} {path} is a file: name a folder")
    for path in utils.split_paths(getattr(args, "path", None) or ""):
        if os.path.isdir(path):
            check_file(path)
    overrides = getattr(args, "model_overrides", None)
    if isinstance(overrides, str):
        try:
            usable = isinstance(evaluate(overrides), dict)
        except UsageError:
            usable = False
        if not usable:
            raise UsageError(f"--model-overrides {overrides[:80]} is no dictionary of values: write it as in {EXAMPLE}")
    start = getattr(args, "finetune_from_model", None)
    if start and not os.path.isfile(start) and not os.path.isfile(os.path.join(args.save_dir, "checkpoint_last.pt")):
        raise UsageError(f"--finetune-from-model {start} does not exist: name a checkpoint that fairseq-train wrote")


def _check_combinations(args) -> None:
    if hasattr(args, "max_update") and getattr(args, "optimizer", None) is None:
        raise UsageError("--optimizer is missing: give one, as in --optimizer adam --lr 0.001")
    if hasattr(args, "nbest") and args.nbest > args.beam:
        raise UsageError(f"--nbest {args.nbest} is more than --beam {args.beam} finds: raise --beam, or lower --nbest")
    groups = getattr(args, "diverse_beam_groups", -1)
    if groups > 0 and args.beam % groups:
        raise UsageError(f"--diverse-beam-groups {groups} does not divide --beam {args.beam}: use --beam {2 * groups}")
    several = hasattr(args, "max_update") and (getattr(args, "distributed_world_size", 1) or 1) > 1
    if several and not torch.cuda.is_available() and "RANK" not in os.environ:
        raise UsageError(
            f"--distributed-world-size {args.distributed_world_size} starts a process for each GPU, and there is none: "
            "start them with torchrun --nproc_per_node, without the flag"
        )
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        raise UsageError(
            "--bf16 makes fairseq look for a TPU, and torch_xla is not installed: use --autocast bf16, which keeps "
            "float32 weights and runs on CPU and GPU"
        )
    if getattr(args, "tpu", False) and importlib.util.find_spec("torch_xla") is None:
        raise UsageError("--tpu needs torch_xla, which is not installed: install it, or leave --tpu out")
    for registry, name in ((ARCH_MODEL_REGISTRY, "arch"), (TASK_REGISTRY, "task"), (CRITERION_REGISTRY, "criterion")):
        # of a training; a checkpoint's have been checked when it was trained
        check = getattr(registry.get(getattr(args, name, None)), "check_flags", None)
        if check is not None and hasattr(args, "arch"):
            check(args)
    if getattr(args, "print_alignment", None) == "soft" and hasattr(args, "buffer_size"):
        raise UsageError(
            "--print-alignment soft is for fairseq-generate, fairseq-interactive prints pairs: use --print-alignment"
        )
    if getattr(args, "replace_unk", None) is not None and getattr(args, "bpe", None) is not None:
        raise UsageError(
            f"--replace-unk copies source words, --bpe {args.bpe} joins subwords into others: leave one of them out"
        )
