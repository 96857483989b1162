"""Which program this is: a digest that differs once its own files, Python or an installed package do."""

from __future__ import annotations

import hashlib
import os
import site
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGES = ("image_assets", "image_assets.resources", "image_assets.io_managers", "image_assets.asset_checks")


@cache
def program_digest() -> str:
    """SHA-256 of what is installed: files of the platform by size and time, everything else by name and version."""
    lines = [sys.version, *sorted(_installed())]
    for name in _PACKAGES:
        found = find_spec(name)
        for place in sorted(found.submodule_search_locations or ()) if found else ():
            lines += files_below(Path(place), ".py")
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def files_below(place: Path, suffix: str = "") -> list[str]:
    """A line for every file below a folder, or for the file itself: its path, size and time, sorted."""
    if place.is_file():
        return [_line(place)]
    return sorted(
        _line(Path(folder, name)) for folder, _, names in os.walk(place) for name in names if name.endswith(suffix)
    )


def _line(path: Path) -> str:
    status = path.stat()
    return f"{path}\0{status.st_size}\0{status.st_mtime_ns}"


def _installed() -> Iterator[str]:
    """Names of what pip installed, which hold the version.

    `sys.path` is not asked: some libraries add a folder of their own to it once they are loaded.
    """
    for place in filter(os.path.isdir, {*site.getsitepackages(), site.getusersitepackages()}):
        yield from (f"{place}/{name}" for name in os.listdir(place) if name.endswith((".dist-info", ".egg-info")))
