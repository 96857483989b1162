"""A landing zone on a disk as a source, archives as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**`."""
    return DayFolders(LocalTree(landing, ignore))
