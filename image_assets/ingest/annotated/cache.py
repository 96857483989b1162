"""What is computed of annotation files once, and kept: a folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from image_assets.alone import locked
from image_assets.ingest.staging import staging_errors


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """The folder, filled by `build` where it is not there yet.

    Only one process builds at a time, the others wait and find it. What a killed one left is of no account.

    Args:
        folder: Where it is to be; the name says what it is made of.
        build: Given an empty folder to fill.

    Raises:
        SourceError: the staging folder cannot be written.
    """
    if folder.is_dir():
        return folder
    with staging_errors(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                _build(folder, build)
    return folder


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    beside = folder.parent / f".making-{uuid4().hex}"
    beside.mkdir()  # with the rights that it is to have: others may share the staging folder
    try:
        build(beside)
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
