"""Files that are there whole or not at all, for whoever looks for them meanwhile. Nothing of ours is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

PARTIAL = ".partial-"
"""How the names of unfinished files begin."""


@contextmanager
def beside(path: Path, partial: str = PARTIAL) -> Iterator[Path]:
    """A new path in the folder of another, on the same disk, to write to; what is there at the end is removed.

    Args:
        path: The other; its folder is there.
        partial: How the name begins.
    """
    unfinished = path.with_name(f"{partial}{uuid4().hex}")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path, partial: str = PARTIAL) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at `path` at the end, replacing what is there, or nothing on an error.

    Args:
        path: The file; its folder is there.
        partial: How the name of the unfinished file begins.

    Raises:
        OSError: the disk refuses it.
    """
    with beside(path, partial) as unfinished:
        with open(unfinished, "xb") as stream:
            yield stream
        os.replace(unfinished, path)


def write_whole(path: Path, content: bytes, partial: str = PARTIAL) -> None:
    """Make this the content of a file, in one moment. Raises `OSError` as `written_whole`."""
    with written_whole(path, partial) as stream:
        stream.write(content)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writers left in a folder that nobody else writes into now."""
    for unfinished in folder.glob(f"{PARTIAL}*"):
        unfinished.unlink(missing_ok=True)
