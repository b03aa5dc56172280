"""``description.json`` of a prepared folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Optional

from s2s_plugins.errors import UsageError

DESCRIPTION = "description.json"  # what was prepared, and of what
REMEDY = "remove the folder, and prepare it again"


def read_description(folder: Path) -> Optional[Dict[str, Any]]:
    """The description of a prepared folder; None if there is none.

    Raises:
        UsageError: it is damaged.
    """
    path = folder / DESCRIPTION
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged ({error}): {REMEDY}") from None
    if not isinstance(plain, dict):
        raise UsageError(f"{path} is damaged (it holds no object): {REMEDY}")
    return plain
