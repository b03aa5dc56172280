"""The files of onnxruntime-web, which runs a model's graphs in a browser."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from s2s_plugins.errors import UsageError, WorkError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"


class RuntimeFile(NamedTuple):
    """A file of the package.

    Attributes:
        original: its name in the package's folder ``dist``.
        sha256: of its content.
    """

    original: str
    sha256: str


# by their names on a page. ".mjs" is not among them: some servers do not know it as JavaScript.
FILES = {
    "ort.js": RuntimeFile("ort.wasm.min.mjs", "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"),
    "ort-wasm.js": RuntimeFile(
        "ort-wasm-simd-threaded.mjs", "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm.wasm": RuntimeFile(
        "ort-wasm-simd-threaded.wasm", "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
OFFLINE = f"name a folder that has the files of {PACKAGE}'s dist: --runtime DIR"


def runtime_files(folder: Optional[Path] = None) -> Dict[str, Path]:
    """The runtime's files by their names on a page; fetched by npm if they are not in the user's cache.

    Args:
        folder: one that has them already, under their names in the package, of any version.

    Raises:
        UsageError: the folder lacks one, or there is no npm.
        WorkError: npm cannot fetch the package, or it is not what it was.
    """
    if folder is not None:
        lacking = [file.original for file in FILES.values() if not (folder / file.original).is_file()]
        if lacking:
            raise UsageError(f"--runtime {folder} lacks {lacking[0]}: name the folder dist of {PACKAGE} {VERSION}")
        return {name: folder / file.original for name, file in FILES.items()}
    cache = cache_folder()
    if _other(cache):
        _fetch(cache)
    return {name: cache / file.original for name, file in FILES.items()}


def cache_folder() -> Path:
    """Where the files are kept between exports."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "s2s_plugins" / f"{PACKAGE}-{VERSION}"


def _other(folder: Path) -> List[str]:
    """The files that a folder lacks, or has with other content."""

    def is_it(file: RuntimeFile) -> bool:
        path = folder / file.original
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256

    return [file.original for file in FILES.values() if not is_it(file)]


def _fetch(cache: Path) -> None:
    """Fill the cache from the package."""
    npm = shutil.which("npm")
    if npm is None:
        raise UsageError(
            f"the page needs {PACKAGE}, which npm fetches, and npm is not installed: install it, or {OFFLINE}"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent", "--fetch-retries=1"]
        done = subprocess.run(command, cwd=temporary, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        archives = list(Path(temporary).glob("*.tgz"))
        if done.returncode or not archives:
            said = next(iter((done.stderr or done.stdout).strip().splitlines()), f"exit code {done.returncode}")
            raise WorkError(f"npm cannot fetch {PACKAGE} {VERSION} ({said}): try again, or {OFFLINE}")
        new = Path(temporary) / "new"
        new.mkdir()
        _extract(archives[0], new)
        other = _other(new)
        if other:
            raise WorkError(
                f"npm fetched a {PACKAGE} {VERSION} whose {other[0]} is not the one that was tried: {OFFLINE}"
            )
        cache.mkdir(exist_ok=True)
        for file in FILES.values():
            os.replace(new / file.original, cache / file.original)


def _extract(archive: Path, folder: Path) -> None:
    """Write the files into ``folder``, those that the archive has."""
    with tarfile.open(archive) as members:
        for file in FILES.values():
            try:
                content = members.extractfile(f"package/dist/{file.original}")
            except KeyError:
                continue
            if content is not None:
                (folder / file.original).write_bytes(content.read())
