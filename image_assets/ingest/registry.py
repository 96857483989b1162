"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.archives.tree import UnpackedTree
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import FileTree, Source
from image_assets.ingest.staging import staging_folder
from image_assets.settings.sources import FolderSource


def open_source(spec: FolderSource, landing: str) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    where = spec.landing or landing
    tree = LocalTree(where, spec.ignore)
    return DayFolders(_with_archives(tree, spec, where))


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**` on a local disk, as they lie there: archives are files."""
    return DayFolders(LocalTree(landing, ignore))


def _with_archives(tree: FileTree, spec: FolderSource, landing: str) -> FileTree:
    """The tree with its archives opened, where the dataset file wants that."""
    if not spec.archives.unpack:
        return tree
    return UnpackedTree(tree, staging_folder(spec.staging, landing), spec.archives, spec.ignore)
