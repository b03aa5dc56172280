"""Where a run was made: machine, versions, and the state of our code."""

from __future__ import annotations

import os
import platform
import re
import zlib
from importlib import metadata
from typing import Dict, List

from benchmarks.client import ROOT

INSTRUCTIONS = {"AVX2": "avx2", "AVX512": "avx512f", "AVX512 bf16": "avx512_bf16", "AMX bf16": "amx_bf16"}


def machine() -> dict:
    """CPU model, number of cores, and the relevant instruction sets."""
    model, flags = platform.processor() or platform.machine(), set()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            text = stream.read()
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if found:
        model = found.group(1)
    found = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    if found:
        flags = set(found.group(1).split())
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "instructions": {name: flag in flags for name, flag in INSTRUCTIONS.items()},
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> Dict[str, str]:
    """Versions of Python and the packages, without importing them: the parent process stays small."""
    found = {"python": platform.python_version()}
    for name, packages in {"torch": ["torch"], "fairseq": ["ve-fairseq", "fairseq"]}.items():
        found[name] = next(filter(None, map(_version, packages)), "not installed")
    text = (ROOT / "s2s_plugins" / "__init__.py").read_text(encoding="utf-8")
    found["s2s_plugins"] = re.findall(r'__version__ = "(.+?)"', text)[0]
    return found


def _version(package: str) -> str:
    try:
        return f"{metadata.version(package)}{' (' + package + ')' if package.startswith('ve-') else ''}"
    except metadata.PackageNotFoundError:
        return ""


def code() -> str:
    """A checksum of the plugin's sources: results of two versions do not belong in one table."""
    paths: List[str] = sorted(str(path) for path in (ROOT / "s2s_plugins").rglob("*.py"))
    checksum = 0
    for path in paths:
        with open(path, "rb") as stream:
            checksum = zlib.crc32(stream.read(), checksum)
    return f"{checksum:08x}"
