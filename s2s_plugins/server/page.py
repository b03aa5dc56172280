"""The files of the page: that of ``s2s export --web``, which asks this server, or a folder."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.web.folder import DESCRIPTION, PAGE, SERVER

TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


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
    files = dict(files_of(PAGE))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', (PAGE / "index.html").read_text(encoding="utf-8"))
    assert policy is not None
    headers = (("Content-Security-Policy", f"{policy[1]}; frame-ancestors 'none'"), *files["/"].headers)
    files["/"] = files["/"]._replace(headers=headers)
    return {**files, f"/{DESCRIPTION}": File(SERVER, "application/json")}


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
