"""Files from Debian's packages: fetched with apt-get and read without root; nothing is installed.

A .deb is an ``ar`` archive of two tar archives, deb(5); ``data.tar.*`` holds the files.
"""

from __future__ import annotations

import io
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

from common import corpora
from s2s_plugins.errors import WorkError

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60  # bytes before each member: name 16, date 12, owner 6, group 6, mode 8, size 10, end 2


def fetch(name: str, cache: Path) -> Path:
    """The package's file in ``cache``, fetched if it is not there; prints the licence that it names.

    Args:
        name: of the package.
        cache: folder of downloads.

    Raises:
        WorkError: it could not be downloaded, or what is there is damaged.
    """
    pattern = f"{name}_*.deb"
    found = sorted(cache.glob(pattern))
    if not found:
        print(f"fetching {name} from Debian", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        _download(name, pattern, cache)
        found = sorted(cache.glob(pattern))
    print(f"{found[-1].name}: licence {licence(name, found[-1])}", flush=True)
    return found[-1]


def lists(cache: Path, remedy: str) -> Path:
    """The folder with what ``apt-get update`` fetches, in English: the system's package lists, but below ``cache``.

    The system's own may be old or missing, and descriptions have been in files of translations since 2011, which
    many installations do not fetch.

    Args:
        cache: folder of downloads.
        remedy: what to do where there is no apt-get or no network; ends the message.

    Raises:
        WorkError: there is no apt-get, or it fails.
    """
    folder = cache / "apt" / "lists"
    if any(folder.glob("*Translation-en")):
        return folder
    if shutil.which("apt-get") is None:
        raise WorkError(f"apt-get is not on PATH: use Debian or Ubuntu, {remedy}")
    print("fetching package lists with apt-get update", flush=True)
    partial = cache / "apt.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (partial / name).mkdir(parents=True)
    command = ["apt-get", "update", "-qq", *_state(partial), "-o", "Acquire::Languages=en"]
    command += ["-o", "Acquire::GzipIndexes=false", "-o", "APT::Update::Error-Mode=any"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0 or not any((partial / "lists").glob("*Translation-en")):
        said = (done.stderr.strip().splitlines() or ["it fetched no English descriptions"])[-1]
        raise WorkError(f"apt-get update failed ({said}): check the network and /etc/apt, {remedy}")
    os.replace(partial, cache / "apt")
    return folder


def _state(folder: Path) -> List[str]:
    return ["-o", f"Dir::State={folder.resolve()}", "-o", f"Dir::Cache={folder.resolve()}"]


def _download(name: str, pattern: str, cache: Path) -> None:
    remedy = f"or put a file {pattern} into {cache}"
    state = _state(lists(cache, remedy).parent)
    # in a folder of its own, so that a half-fetched file is never taken for whole
    with tempfile.TemporaryDirectory(prefix="partial-", dir=cache) as partial:
        command = ["apt-get", "download", *state, name]
        done = subprocess.run(command, cwd=partial, capture_output=True, text=True, errors="replace")
        fetched = sorted(Path(partial).glob(pattern))
        if not fetched:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            reason = errors[0] if errors else f"apt-get download left no {pattern}"
            raise WorkError(f"could not download {name} ({reason}): check its name and the network, {remedy}")
        os.replace(fetched[0], cache / fetched[0].name)


def files(deb: Path, pattern: str) -> Iterator[Tuple[str, bytes]]:
    """Path and content of each file whose path, without a leading ``./``, matches ``pattern`` as a whole.

    Args:
        deb: the package.
        pattern: a regular expression.

    Raises:
        WorkError: the package is damaged.
    """
    with _tar(deb) as archive:
        for entry in archive:
            path = entry.name[2:] if entry.name.startswith("./") else entry.name
            if entry.isfile() and re.fullmatch(pattern, path):
                yield path, corpora.content(archive, entry)


def licence(name: str, deb: Path) -> str:
    """The first licence that the package's ``copyright`` names.

    Raises:
        WorkError: the package is damaged.
    """
    for path, content in files(deb, f"usr/share/doc/{re.escape(name)}/copyright"):
        found = re.search(r"^License:\s*(\S.*)$", content.decode("utf-8", "replace"), re.MULTILINE)
        if found:
            return f"{found.group(1)} (in {path})"
    return "not named"


@contextmanager
def _tar(deb: Path) -> Iterator[tarfile.TarFile]:
    """The open tar archive with a package's files.

    Raises:
        WorkError: the package is damaged.
    """
    with corpora.reading(deb):
        try:
            name, content = _data(deb)
            if name.endswith(".zst"):  # Ubuntu's; tarfile reads them from Python 3.14 on, dpkg-deb is there
                content = _unpacked(deb)
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                yield archive
        except (lzma.LZMAError, ValueError) as error:
            raise tarfile.TarError(str(error) or "damaged") from None


def _data(deb: Path) -> Tuple[str, bytes]:
    """Name and content of the ``data.tar.*`` in a package.

    Raises:
        ValueError: it is no package.
    """
    content = deb.read_bytes()
    place = len(AR_MAGIC)
    if not content.startswith(AR_MAGIC):
        raise ValueError("not a Debian package")
    while place < len(content):
        header = content[place : place + AR_HEADER]
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        place += AR_HEADER
        if place + size > len(content):
            raise ValueError("cut off")
        if name.startswith("data.tar"):
            return name, content[place : place + size]
        place += size + size % 2  # members begin at even places
    raise ValueError("no data.tar in it")


def _unpacked(deb: Path) -> bytes:
    """``data.tar`` as dpkg-deb unpacks it.

    Raises:
        WorkError: it does not.
    """
    try:
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], capture_output=True)
    except FileNotFoundError:
        raise WorkError(f"{deb} is packed with zstd: install dpkg, or put one from Debian there") from None
    if done.returncode != 0:
        raise ValueError(done.stderr.decode("utf-8", "replace").strip() or "dpkg-deb fails")
    return done.stdout
