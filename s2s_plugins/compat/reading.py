"""Reading a file of weights: nothing in it runs, damage is found, and its settings start no program or download.

``torch.load`` with ``weights_only`` builds plain data alone. This module covers the rest: damaged bytes, compressed
records, and what fairseq would do with the settings in a checkpoint.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import pickle
import re
import struct
import sys
import threading
import zipfile
from typing import IO, Any, Dict, Iterable, Iterator, List, Tuple, Union

import torch
from torch import Tensor

from s2s_plugins.compat.patching import wrap
from s2s_plugins.compat.values import ALLOWED, SCALARS, NotPlain, plain
from s2s_plugins.errors import UsageError

logger = logging.getLogger(__name__)

BLOCK = 1 << 20
ZIP = b"PK\x03\x04"
_ONE_AT_A_TIME = threading.Lock()  # all threads share the list of what torch allows
SETTINGS = (*SCALARS, dict, list, tuple, argparse.Namespace)
MOST_SETTINGS = 20_000  # a real checkpoint has under a thousand
REMEDY = "use one that fairseq-train wrote"
# settings of fairseq's tokenizers and subword models that name a file, or a URL to fetch it from
FILES = (
    *("sentencepiece_model", "sentencepiece_model_path", "bpe_codes", "bpe_vocab", "bpe_merges", "bpe_vocab_file"),
    *("gpt2_encoder_json", "gpt2_vocab_bpe"),
)
# those that are downloaded if no file is named
FETCHED = {"gpt2": ("gpt2_encoder_json", "gpt2_vocab_bpe"), "bert": ("bpe_vocab_file",)}
# settings that would start a program
PROGRAMS = {"post_save_script": None, "use_plasma_view": False}


def accept_the_flags_in_checkpoints() -> None:
    """Let ``torch.load`` in a user's program read checkpoints of fairseq, which contain ``argparse.Namespace``.

    torch >= 2.6 loads with ``weights_only=True`` and refuses it.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def read_every_file_safely() -> None:
    """Let fairseq call :func:`read` instead of ``torch.load``; other callers are not affected.

    With ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1``, which people set because torch >= 2.6 refuses checkpoints of fairseq, a
    checkpoint could run code.
    """

    @wrap(torch, "load")
    def load(original, f, *args, **kwargs):
        caller = sys._getframe(2).f_globals.get("__name__", "")
        if caller.split(".")[0] != "fairseq":
            return original(f, *args, **kwargs)
        if isinstance(f, (str, os.PathLike)):
            with open(f, "rb") as file:
                return read(file)
        return read(f)


def read(file: IO[bytes]) -> Any:
    """What ``torch.save`` wrote into ``file``, on the CPU.

    Raises:
        UsageError: it is damaged, or contains anything but plain data and harmless settings.
    """
    name = getattr(file, "name", "the data of another process")
    if file.read(len(ZIP)) == ZIP:
        _verify(file, name)
    file.seek(0)
    try:
        with _ONE_AT_A_TIME, torch.serialization.safe_globals(ALLOWED):
            found = plain(torch.load(file, map_location="cpu", weights_only=True))
    except NotPlain as error:
        raise UsageError(f"checkpoint {name} is refused: it holds {error}, no plain value; {REMEDY}") from None
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise UsageError(
                f"checkpoint {name} is refused, nothing in it was run: it holds {refused.group(1)}, which is not "
                f"data that fairseq saves; {REMEDY}"
            ) from None
        raise UsageError(f"{name} is not a checkpoint: {REMEDY}") from None
    except (EOFError, OSError) as error:
        raise UsageError(f"checkpoint {name} is not whole ({str(error) or 'it is cut short'}): {REMEDY}") from None
    except Exception as error:  # the instructions of a pickle can raise anything
        first = str(error).strip().splitlines()[0:1]
        raise UsageError(f"{name} is not a checkpoint ({' '.join(first)[:100]}): {REMEDY}") from error
    if isinstance(found, dict):
        for settings in (found.get("cfg"), found.get("args")):
            _check_settings(settings, name)
    return found


def check_numbers(weights: Iterable[Tuple[str, Tensor]], what: str) -> None:
    """Check that every number of ``weights`` is finite.

    Args:
        weights: by name.
        what: what they belong to, for the message.

    Raises:
        UsageError: one is NaN or infinite; the message names the first such weight.
    """
    for name, weight in weights:
        if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
            bad = weight[~torch.isfinite(weight)].flatten()
            raise UsageError(
                f"{what} is of no use: in its weight {name} {len(bad)} of {weight.numel()} numbers are not finite "
                f"(the first is {float(bad[0])}): use an earlier one, and train with a lower --lr or with --clip-norm 1"
            )


def _verify(file: IO[bytes], name: str) -> None:
    """Compare every record of a zip archive with its checksum, which ``torch.save`` writes and ``torch.load`` ignores.

    Raises:
        UsageError: a record is damaged or compressed, or the archive is no archive.
    """
    size = file.seek(0, io.SEEK_END)
    record = ""
    try:
        with zipfile.ZipFile(file) as archive:
            records = archive.infolist()
            compressed = [one.filename for one in records if one.compress_type != zipfile.ZIP_STORED]
            _see_one_archive(archive, size)
            if compressed or sum(one.file_size for one in records) > size:
                raise UsageError(
                    f"checkpoint {name} is refused: {compressed[0] if compressed else 'a record'} in it is compressed, "
                    f"and torch.save compresses nothing; {REMEDY}"
                )
            for one in records:
                record = one.filename
                with archive.open(one) as stream:
                    while stream.read(BLOCK):
                        pass
    except UsageError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError, struct.error, RuntimeError, ValueError):
        where = f", its record {record} is damaged" if record else ""
        raise UsageError(f"checkpoint {name} is not whole{where}: use another one of the same folder") from None


def _see_one_archive(archive: zipfile.ZipFile, size: int) -> None:
    """Check that torch finds the same records as Python: nothing stands after the table of records or before it.

    If the position of the table is wrong, the two look for it in different ways.

    Raises:
        zipfile.BadZipFile: there are two ways to read it.
    """
    file = archive.fp
    if file is None:
        raise zipfile.BadZipFile("it is closed")
    file.seek(size - 22)
    end = file.read(22)
    offset = struct.unpack("<L", end[16:20])[0] if end[:4] == b"PK\5\6" else -1
    if offset == 0xFFFFFFFF:  # the 64-bit form of the end of the table stands before this one
        file.seek(size - 22 - 20 - 56)
        larger = file.read(56)
        offset = struct.unpack("<Q", larger[48:56])[0] if larger[:4] == b"PK\6\6" else -1
    if archive.comment or offset != archive.start_dir:
        raise zipfile.BadZipFile("its table of records is not where it says")


def _check_settings(settings: Any, name: str) -> None:
    """Check that the settings of a checkpoint are plain values, and remove those that start a program or a download.

    Raises:
        UsageError: there is an interpolation among them, or they are too many.
    """
    if settings is not None and not isinstance(settings, (dict, argparse.Namespace)):
        raise UsageError(f"{name} is not a checkpoint: its settings are a {type(settings).__name__}; {REMEDY}")
    for count, (key, value, owner) in enumerate(_walk(settings)):
        if count > MOST_SETTINGS:
            raise UsageError(f"checkpoint {name} is refused: it has more than {MOST_SETTINGS:,} settings; {REMEDY}")
        if type(value) not in SETTINGS:
            raise UsageError(
                f"checkpoint {name} is refused: its setting {key} is a {type(value).__name__}, no plain value; {REMEDY}"
            )
        if "${" in str(key) or isinstance(value, str) and "${" in value:
            raise UsageError(
                f"checkpoint {name} is refused: its setting {key} is {str(value)[:80]!r}, which would be replaced by "
                f"something else, and fairseq-train writes values alone; {REMEDY}"
            )
        if key in PROGRAMS and value:
            logger.warning(f"checkpoint {name}: its setting {key} ({value}) starts a program and is left out")
            owner[key] = PROGRAMS[key]
        if key in ("bpe", "tokenizer") and _fetches(value, owner):
            logger.warning(f"checkpoint {name}: its setting {key} fetches files and is left out; give it yourself")
            owner[key] = None


def _walk(settings: Any) -> Iterator[Tuple[str, Any, Dict[str, Any]]]:
    """Name and value of every setting, and the dictionary that contains it; endless if the settings contain a loop."""
    waiting: List[Tuple[str, Any, Dict[str, Any]]] = [("", settings, {})]
    while waiting:
        key, value, owner = waiting.pop()
        yield key, value, owner
        if isinstance(value, argparse.Namespace):
            value = vars(value)
        if isinstance(value, dict):
            waiting += [(inner, one, value) for inner, one in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(key, one, {}) for one in value]


def _fetches(choice: Union[None, str, Dict[str, Any], argparse.Namespace], flat: Dict[str, Any]) -> bool:
    """Whether a subword model or tokenizer would be downloaded.

    Args:
        choice: its name, in old checkpoints, or its settings, which include the name.
        flat: the settings that stand beside the name.
    """
    own = vars(choice) if isinstance(choice, argparse.Namespace) else choice
    own = own if isinstance(own, dict) else {**flat, "_name": own}
    files = {key: str(own.get(key)) for key in FILES}
    needed = FETCHED.get(str(own.get("_name")), ())
    return any("://" in file for file in files.values()) or any(not os.path.isfile(files[key]) for key in needed)
