"""A model as bytes, to be opened on another machine."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, Iterator, Optional

from s2s_plugins.inference.files.contents import ONNX, content_of, model_file_of
from s2s_plugins.inference.ngrams import FILE, read_ngrams

NAME = "model.safetensors"


@dataclass(frozen=True)
class Shipped:
    """The files of a model.

    Args:
        files: contents by name.
        is_folder: whether the model is the folder of them.
        ngrams: contents of the n-grams' files by name; empty: none vote.
    """

    files: Dict[str, bytes]
    is_folder: bool = False
    ngrams: Dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, model: str) -> Shipped:
        """The files of a model file, a folder of ``s2s export --onnx``, or an installed package.

        Raises:
            UsageError: it is none of these.
        """
        content = content_of(model)
        if content == ONNX:
            root = Path(model)
            paths = sorted(path for path in root.rglob("*") if path.is_file())
            return cls({path.relative_to(root).as_posix(): path.read_bytes() for path in paths}, True)
        return cls({NAME: model_file_of(model).read_bytes()})  # of a checkpoint it says what to do

    def with_ngrams(self, path: Path) -> Shipped:
        """The same with n-grams, which vote on its predictions.

        Args:
            path: of ``ngrams.fst``, or of the folder that has it.

        Raises:
            UsageError: there are none.
        """
        found = read_ngrams(path)
        files = [one for one in (found.path, found.facts) if one.is_file()]
        return replace(self, ngrams={Path(FILE).with_suffix(one.suffix).name: one.read_bytes() for one in files})

    @property
    def ngrams_checksum(self) -> Optional[str]:
        """SHA-256 of the n-grams; None: none vote."""
        return hashlib.sha256(self.ngrams[FILE]).hexdigest() if self.ngrams else None

    def write_ngrams(self, folder: str) -> None:
        """Write the files of the n-grams."""
        for name, content in self.ngrams.items():
            Path(folder, name).write_bytes(content)

    @property
    def checksum(self) -> str:
        """SHA-256 of the model file; of a folder, of its files and their names."""
        if not self.is_folder:
            return hashlib.sha256(self.files[NAME]).hexdigest()
        found = hashlib.sha256()
        for name, content in self.files.items():
            found.update(f"{name}\0{len(content)}\0".encode())
            found.update(content)
        return found.hexdigest()

    @contextlib.contextmanager
    def unpacked(self) -> Iterator[str]:
        """A path that the model can be opened from; afterwards it is gone."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            yield folder if self.is_folder else str(Path(folder, NAME))
