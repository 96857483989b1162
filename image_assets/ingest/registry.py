"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import Source
from image_assets.settings.sources import FolderSource


def open_source(spec: FolderSource, landing: str) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    return folder_source(spec.landing or landing, spec.ignore)


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**` on a local disk."""
    return DayFolders(LocalTree(landing, ignore))
