"""JavaScript of others that a page needs: onnxruntime-web runs the graphs, sentencepiece-js makes pieces of text."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional

from s2s_plugins.errors import UsageError, WorkError


class RuntimeFile(NamedTuple):
    """A file of a package.

    Attributes:
        original: its place in the package.
        sha256: of its content.
    """

    original: str
    sha256: str


class Package(NamedTuple):
    """A package of npm.

    Attributes:
        name: there.
        version: the one that is tried.
        files: by their names on a page.
    """

    name: str
    version: str
    files: Mapping[str, RuntimeFile]


# ".mjs" is not among the names on a page: some servers do not know it as JavaScript
ONNX = Package(
    "onnxruntime-web",
    "1.30.0",
    {
        "ort.js": RuntimeFile(
            "dist/ort.wasm.min.mjs", "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
        ),
        "ort-wasm.js": RuntimeFile(
            "dist/ort-wasm-simd-threaded.mjs", "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
        ),
        "ort-wasm.wasm": RuntimeFile(
            "dist/ort-wasm-simd-threaded.wasm", "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
        ),
    },
)
PIECES = Package(
    "@sctg/sentencepiece-js",
    "1.3.3",
    {
        "sentencepiece.js": RuntimeFile(
            "dist/index.js", "de24f2d49b0cb6f607e4afb51ca932ccc4b38d6fb412667bc0860e2a512d6392"
        ),
        "sentencepiece-LICENSE.txt": RuntimeFile(
            "LICENSE", "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4"
        ),
    },
)


def runtime_files(folder: Optional[Path] = None, pieces: bool = False) -> Dict[str, bytes]:
    """The contents of the files by their names on a page; fetched by npm if they are not in the user's cache.

    Args:
        folder: one that has them already, as the folder ``runtime`` of a page or the ``dist`` of onnxruntime-web, of
            any version.
        pieces: whether the page makes pieces of text.

    Raises:
        UsageError: the folder lacks one, or there is no npm.
        WorkError: npm cannot fetch a package, or it is not what it was.
    """
    found: Dict[str, bytes] = {}
    for package in [ONNX, PIECES] if pieces else [ONNX]:
        found.update(_cached(package) if folder is None else _given(package, folder))
    return found


def _given(package: Package, folder: Path) -> Dict[str, bytes]:
    """The files of a package in a user's folder."""
    found = {}
    for name, file in package.files.items():
        places = [folder / name, folder / Path(file.original).name]
        path = next((path for path in places if path.is_file()), None)
        if path is None:
            raise UsageError(
                f"--runtime {folder} lacks {name}: name the folder runtime of another page, or leave the flag out"
            )
        found[name] = path.read_bytes()
    return found


def cache_folder(package: Package) -> Path:
    """Where the files of a package are kept between exports."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "s2s_plugins" / f"{package.name.replace('/', '-')}-{package.version}"


def _cached(package: Package) -> Dict[str, bytes]:
    """The files of a package in the cache, which is filled first if it lacks one, or has it with another content."""
    cache = cache_folder(package)
    if _other(package, cache):
        _fetch(package, cache)
    found = {name: (cache / name).read_bytes() for name in package.files}
    return {name: _for_browsers(content) if package is PIECES else content for name, content in found.items()}


def _other(package: Package, folder: Path) -> List[str]:
    """The files of a package that a folder lacks, or has with other content."""

    def is_it(name: str) -> bool:
        path = folder / name
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == package.files[name].sha256

    return [name for name in package.files if not is_it(name)]


def _fetch(package: Package, cache: Path) -> None:
    """Fill the cache from npm's registry."""
    named, npm = f"{package.name} {package.version}", shutil.which("npm")
    offline = "name a folder that has its files, as the folder runtime of another page: --runtime DIR"
    if npm is None:
        raise UsageError(
            f"the page needs {named}, which npm fetches, and npm is not installed: install it, or {offline}"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
        command = [
            npm,
            "pack",
            f"{package.name}@{package.version}",
            "--ignore-scripts",
            "--loglevel=error",
            "--fetch-retries=1",
        ]
        done = subprocess.run(command, cwd=temporary, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        archives = list(Path(temporary).glob("*.tgz"))
        if done.returncode or not archives:
            said = next(iter((done.stderr or done.stdout).strip().splitlines()), f"exit code {done.returncode}")
            raise WorkError(f"npm cannot fetch {named} ({said}): try again, or {offline}")
        new = Path(temporary) / "new"
        new.mkdir()
        _extract(package, archives[0], new)
        other = _other(package, new)
        if other:
            original = package.files[other[0]].original
            raise WorkError(f"npm fetched a {named} whose {original} is not the one that was tried: {offline}")
        cache.mkdir(exist_ok=True)
        for name in package.files:
            os.replace(new / name, cache / name)


def _extract(package: Package, archive: Path, folder: Path) -> None:
    """Write the files of a package into ``folder``, those that the archive has."""
    with tarfile.open(archive) as members:
        for name, file in package.files.items():
            try:
                content = members.extractfile(f"package/{file.original}")
            except KeyError:
                continue
            if content is not None:
                (folder / name).write_bytes(content.read())


def _for_browsers(content: bytes) -> bytes:
    """The package's module without Node.js's own modules, which it only needs to read files, and without the models of
    others that are in it, four fifths of its size."""
    without, imports = re.subn(rb"^import [^\n]* from '(?:fs|buffer)';$", b"", content, flags=re.MULTILINE)
    without, _ = re.subn(rb'^(const \w+_b64 = )"[^"]*"', rb'\1""', without, flags=re.MULTILINE)
    without = without.replace(b"globalThis.Buffer = Buffer$1;", b"")
    if not imports:
        return content  # its licence
    said = f"/* {PIECES.name} {PIECES.version}, Apache-2.0. Changed by s2s export: no imports, no embedded models. */\n"
    return said.encode() + without
