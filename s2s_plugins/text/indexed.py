"""Binarised texts: ``PREFIX.bin`` and ``PREFIX.idx`` of fairseq (``--dataset-impl mmap``, its default).

The ``.bin`` file holds the token numbers of all texts, one text after the other. The ``.idx`` file holds, in order:
9 bytes of magic, the version (uint64), the type of a number (uint8), the number of texts (uint64), their sizes (int32
each) and the places where they start in the ``.bin`` file, in bytes (int64 each).
"""

from __future__ import annotations

import struct
from array import array
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Sequence, Type, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError

MAGIC, VERSION = b"MMIDIDX\x00\x00", 1
LEGACY = b"TNTIDX\x00\x00"
HEADER = struct.Struct("<9sQBQ")
# as the .idx file numbers them
NUMBER_TYPES = {1: "u1", 2: "i1", 3: "i2", 4: "i4", 5: "i8", 8: "u2", 9: "u4", 10: "u8"}
REMEDY = "binarise the text again, with fairseq-preprocess or s2s prepare"


class IndexedWriter:
    """Writes ``prefix.bin`` and ``prefix.idx``, to be used in a ``with`` statement.

    Args:
        prefix: path without extension.
        vocabulary: size of the dictionary, which decides how many bytes a token takes.
    """

    def __init__(self, prefix: Path, vocabulary: int) -> None:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        self.index = Path(f"{prefix}.idx")
        self.code = 8 if vocabulary < 65_500 else 9  # the limit is fairseq's
        self.type = np.dtype(NUMBER_TYPES[self.code])
        self.sizes = array("i")
        self.file = open(f"{prefix}.bin", "wb")

    def add(self, numbers: Sequence[int]) -> None:
        """Write one text."""
        self.file.write(np.array(numbers, dtype=self.type).tobytes())
        self.sizes.append(len(numbers))

    def __enter__(self) -> "IndexedWriter":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.file.close()
        sizes = np.array(self.sizes, dtype=np.int32)
        starts = np.cumsum(sizes, dtype=np.int64) - sizes
        with self.index.open("wb") as file:
            file.write(HEADER.pack(MAGIC, VERSION, self.code, len(sizes)))
            file.write(sizes.tobytes())
            file.write((starts * self.type.itemsize).tobytes())


class IndexedTexts:
    """Reads ``prefix.bin`` and ``prefix.idx``; the texts stay in the file.

    Args:
        prefix: path without extension.
        vocabulary: size of the dictionary.

    Attributes:
        sizes: lengths of the texts, in tokens.

    Raises:
        UsageError: a file is damaged or has another format, or the files do not match each other or the dictionary.
        OSError: one cannot be read.
    """

    def __init__(self, prefix: Path, vocabulary: int) -> None:
        index = Path(f"{prefix}.idx").read_bytes()
        if index.startswith(LEGACY):
            raise UsageError(
                f"{prefix}.idx is of --dataset-impl cached or lazy: binarise the text again with fairseq-preprocess "
                "--dataset-impl mmap, its default"
            )
        try:
            magic, version, code, count = HEADER.unpack_from(index)
            self.type = np.dtype(NUMBER_TYPES[code])
            self.sizes: NDArray[np.int32] = np.frombuffer(index, np.int32, count, HEADER.size)
            self.starts: NDArray[np.int64] = np.frombuffer(index, np.int64, count, HEADER.size + self.sizes.nbytes)
        except (struct.error, KeyError, ValueError, OverflowError):
            magic = b""
        if magic != MAGIC or version != VERSION:
            raise UsageError(f"{prefix}.idx or {prefix}.bin is damaged (the index is incomplete): {REMEDY}")
        data = Path(f"{prefix}.bin")
        self.buffer: NDArray[np.uint8] = (
            np.memmap(data, mode="r") if data.stat().st_size else np.zeros(0, dtype=np.uint8)
        )
        check_numbers(prefix, self.sizes, self.starts, self.buffer, self.type, vocabulary)

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, place: int) -> List[int]:
        """The token numbers of one text.

        Raises:
            IndexError: there is no text with this number.
        """
        size, start = int(self.sizes[place]), int(self.starts[place])
        numbers: List[int] = np.frombuffer(self.buffer, self.type, size, start).tolist() if size else []
        return numbers


def check_numbers(
    prefix: Union[Path, str],
    sizes: NDArray[np.integer],
    starts: NDArray[np.integer],
    buffer: Union[memoryview, NDArray[np.uint8]],
    kind: np.dtype,
    vocabulary: Optional[int],
) -> None:
    """Check that ``prefix.bin`` holds every token that its index lists, and that each is in the dictionary.

    Args:
        prefix: path without extension, for messages.
        sizes: lengths of the texts, in tokens.
        starts: positions of the texts in the file, in bytes.
        buffer: the bytes of ``prefix.bin``.
        kind: data type of a token.
        vocabulary: size of the dictionary; None: any token is accepted.

    Raises:
        UsageError: tokens are missing, or one is not in the dictionary.
    """
    ends = starts.astype(np.int64) + sizes.astype(np.int64) * kind.itemsize
    if len(sizes) and (sizes.min() < 0 or starts.min() < 0 or ends.max() > len(buffer)):
        raise UsageError(f"{prefix}.bin has {len(buffer):,} bytes, which does not match {prefix}.idx: {REMEDY}")
    if vocabulary is None or len(buffer) < kind.itemsize:
        return
    tokens = np.frombuffer(buffer, kind, len(buffer) // kind.itemsize)
    least, most = int(tokens.min()), int(tokens.max())
    if least < 0 or most >= vocabulary:
        raise UsageError(
            f"{prefix}.bin has a token {least if least < 0 else most}, its dictionary has {vocabulary} symbols: it is "
            f"damaged or belongs to other data; {REMEDY}"
        )
