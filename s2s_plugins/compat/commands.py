"""Repairs to fairseq's commands: flags, messages, ``--user-dir``."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from typing import Optional

from fairseq import options, utils

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError

PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

HYDRA_DEPRECATIONS = (
    r"hydra\.experimental\.(initialize|compose)\(\) is no longer experimental",
    r"\s*The version_base parameter is not specified",
    r"In 'config': Usage of deprecated keyword in package header",
    r"\s*'config' is validated against ConfigStore schema with the same name",
    r"\s*The strict flag in the compose API is deprecated",
)


def _usage_error_behind(error: Optional[BaseException]) -> Optional[UsageError]:
    """The usage error that ``error`` is or was raised from."""
    while error is not None and not isinstance(error, UsageError):
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return error


def _is_flag_check_of_fairseq(error: BaseException) -> bool:
    """Whether ``error`` is an assertion with a message in fairseq's commands themselves: their checks of flags."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__", "") if traceback is not None else ""
    return isinstance(error, AssertionError) and bool(str(error)) and module.startswith("fairseq_cli.")


def show_usage_errors_in_one_line() -> None:
    """End a command on a :class:`UsageError`, or on a check of flags of fairseq's, with one line and exit code 2.

    fairseq lets every exception out of its commands as a traceback with exit code 1, so that a mistyped folder or a
    forgotten ``--max-tokens`` looks like a bug. Exceptions of any other kind are shown as before.
    """
    previous = sys.excepthook

    def show(kind, error, traceback):
        usage = error if _is_flag_check_of_fairseq(error) else _usage_error_behind(error)
        if usage is None:
            previous(kind, error, traceback)
            return
        message = str(usage) if usage is error else f"{error} ({usage})"
        print(f"{os.path.basename(sys.argv[0])}: error: {message}", file=sys.stderr)
        raise SystemExit(2)

    sys.excepthook = show


def quieten_hydra() -> None:
    """Leave out hydra's deprecation warnings about fairseq's own use of it, those alone.

    Five warnings, in sixteen lines, at every command: a user can do nothing about them.
    """
    for message in HYDRA_DEPRECATIONS:
        warnings.filterwarnings("ignore", message=message, category=UserWarning)


def accept_the_imported_user_dir() -> None:
    """Let ``--user-dir`` name this package when it is imported already, by whatever path.

    fairseq compares paths as they are written: a symbolic link, or the installed package beside a clone, stops with
    "not globally unique" or, under another name, with "duplicate architecture".
    """

    @wrap(utils, "import_user_module")
    def import_user_module(original, args):
        user_dir = getattr(args, "user_dir", None)
        if user_dir is None:
            return original(args)
        folder = os.path.realpath(user_dir)
        if folder == PACKAGE_FOLDER:
            return None
        if os.path.basename(folder) == os.path.basename(PACKAGE_FOLDER):
            raise UsageError(
                f"--user-dir {folder} is a second copy of the package that is imported from {PACKAGE_FOLDER}: "
                f"use --user-dir {PACKAGE_FOLDER}, or take that one off PYTHONPATH"
            )
        return original(args)


def check_flags() -> None:
    """Stop at flags that fairseq takes and then fails on, and give the tasks the defaults that suit them.

    The task is the checkpoint's, but without the flag fairseq-validate stops with ``KeyError: None``.
    ``--bf16`` implies a TPU and ends in an import error for torch_xla; ``--criterion adaptive_loss`` without an
    adaptive softmax ends in a bare assertion; ``--print-alignment soft`` cannot be printed by fairseq-interactive;
    ``--replace-unk`` cannot find source words once ``--bpe`` has joined them.
    """

    @wrap(options, "parse_args_and_arch")
    def parse_args_and_arch(original, parser, *args, **kwargs):
        if parser.get_default("task") is None:
            parser.set_defaults(task="translation")
        _suit_classification(parser, kwargs.get("input_args") or (args[0] if args else None))
        parsed = original(parser, *args, **kwargs)
        _check(parsed[0] if isinstance(parsed, tuple) else parsed)
        return parsed


def _suit_classification(parser, input_args) -> None:
    """Make the defaults of ``--task text_classification`` its own: criterion, best checkpoint, batches."""
    asked, _ = parser.parse_known_args(input_args)
    if getattr(asked, "task", None) != "text_classification":
        return
    parser.set_defaults(criterion="text_classification")
    if hasattr(asked, "best_checkpoint_metric"):
        parser.set_defaults(best_checkpoint_metric="accuracy", maximize_best_checkpoint_metric=True)
    if getattr(asked, "max_tokens", None) is None and getattr(asked, "batch_size", None) is None:
        parser.set_defaults(batch_size=32)


def _check(args) -> None:
    if hasattr(args, "max_update") and getattr(args, "optimizer", None) is None:
        raise UsageError("--optimizer is missing: give one, as in --optimizer adam --lr 0.001")
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        raise UsageError(
            "--bf16 makes fairseq look for a TPU, and torch_xla is not installed: use --autocast bf16, which keeps "
            "float32 weights and runs on CPU and GPU"
        )
    start = getattr(args, "finetune_from_model", None)
    if start and not os.path.isfile(start) and not os.path.isfile(os.path.join(args.save_dir, "checkpoint_last.pt")):
        raise UsageError(f"--finetune-from-model {start} does not exist: name a checkpoint that fairseq-train wrote")
    ours = str(getattr(args, "arch", "")).startswith(
        (("basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm", "sa_lstm", "lm_lstm"))
    )
    if ours and getattr(args, "criterion", None) == "adaptive_loss":
        if not getattr(args, "adaptive_softmax_cutoff", None):
            raise UsageError(
                f"--criterion adaptive_loss needs --adaptive-softmax-cutoff with --arch {args.arch}: "
                "give it, as in 1000,5000"
            )
    if getattr(args, "criterion", None) == "sampled_softmax" and hasattr(args, "arch"):
        from s2s_plugins.criterions.sampled_softmax import check_output_layer  # which imports this package

        hard = str(getattr(args, "attention_alignment", "soft")) != "soft"
        check_output_layer(ours, bool(getattr(args, "adaptive_softmax_cutoff", None)), hard)
    if getattr(args, "print_alignment", None) == "soft" and hasattr(args, "buffer_size"):
        raise UsageError(
            "--print-alignment soft is for fairseq-generate, fairseq-interactive prints pairs: use --print-alignment"
        )
    if getattr(args, "replace_unk", None) is not None and getattr(args, "bpe", None) is not None:
        raise UsageError(
            f"--replace-unk copies source words, --bpe {args.bpe} joins subwords into others: leave one of them out"
        )
