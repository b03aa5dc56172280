"""The files of the page: our own small one, or a folder that ``s2s export --web`` has written."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Tuple

from s2s_plugins.errors import UsageError

PAGE = Path(__file__).with_name("page.html")
TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)


class File(NamedTuple):
    """A file that is served.

    Attributes:
        path: where it is.
        kind: its content type.
        headers: of the answer.
    """

    path: Path
    kind: str
    headers: Tuple[Tuple[str, str], ...] = (("X-Content-Type-Options", "nosniff"),)

    def read(self) -> bytes:
        """Its content, as it is now."""
        return self.path.read_bytes()


def own_page() -> Mapping[str, File]:
    """The page that asks this server, by path."""
    return {"/": File(PAGE, "text/html", (("Content-Security-Policy", POLICY), ("X-Content-Type-Options", "nosniff")))}


def files_of(folder: Path) -> Mapping[str, File]:
    """The files below ``folder``, by path. They are looked up now: no path of a request is one of this machine.

    Raises:
        UsageError: it is no folder, or has no ``index.html``.
    """
    if not folder.is_dir() or not (folder / "index.html").is_file():
        raise UsageError(f"--page {folder} has no index.html: name a folder that s2s export --web has written")
    found: Dict[str, File] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            found["/" + path.relative_to(folder).as_posix()] = File(path, kind)
    found["/"] = found["/index.html"]
    return found
