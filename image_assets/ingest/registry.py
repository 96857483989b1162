"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from image_assets.ingest.archives.tree import UnpackedTree
from image_assets.ingest.bucket import BucketTree, ByLastModified
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import FileTree, Source
from image_assets.ingest.staging import staging_folder
from image_assets.ingest.urls.source import UrlLists
from image_assets.settings.sources import BucketSource, FolderSource, UrlListSource
from image_assets.settings.sources import Source as SourceSpec
from image_assets.settings.stages import Limits


def open_source(
    spec: SourceSpec,
    landing: str,
    time_zone: str = "UTC",
    options: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.
        time_zone: In which the dataset's days begin.
        options: Options of the object store, for a landing zone in a bucket.
        limits: The dataset's limits: what is too large is not downloaded to the end.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    where = spec.landing or landing
    match spec:
        case FolderSource():
            return DayFolders(_with_archives(spec, where, LocalTree(where, spec.ignore)))
        case BucketSource():
            bucket = BucketTree(where, options, spec.ignore)
            if spec.days == "by_key":
                return DayFolders(_with_archives(spec, where, bucket))
            return ByLastModified(bucket, ZoneInfo(time_zone), partial(_with_archives, spec, where))
        case UrlListSource():
            tree = _tree(where, spec.ignore, options)
            return UrlLists(tree, spec, staging_folder(spec.staging, where), (limits or Limits()).max_bytes)


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**` on a local disk, archives as they are."""
    return DayFolders(LocalTree(landing, ignore))


def _tree(landing: str, ignore: Sequence[str], options: Mapping[str, str] | None) -> FileTree:
    """Where lists and annotated images arrive: a local folder, or a bucket."""
    return BucketTree(landing, options, ignore) if landing.startswith("s3://") else LocalTree(landing, ignore)


def _with_archives(spec: FolderSource | BucketSource, landing: str, tree: FileTree) -> FileTree:
    """The tree with its archives opened, where the dataset file wants that."""
    if not spec.archives.unpack:
        return tree
    return UnpackedTree(tree, staging_folder(spec.staging, landing), spec.archives, spec.ignore)
