"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import Source
from image_assets.ingest.staging import staging_folder
from image_assets.ingest.urls.source import UrlLists
from image_assets.settings import sources as settings
from image_assets.settings.sources import UrlListSource
from image_assets.settings.stages import Limits


def open_source(spec: settings.Source, landing: str, limits: Limits = Limits()) -> Source:  # noqa: B008  # frozen
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.
        limits: The dataset's limits: what is too large is not downloaded to the end.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    if isinstance(spec, UrlListSource):
        return url_list_source(spec, spec.landing or landing, limits)
    return folder_source(spec.landing or landing, spec.ignore)


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**` on a local disk."""
    return DayFolders(LocalTree(landing, ignore))


def url_list_source(spec: UrlListSource, landing: str, limits: Limits) -> UrlLists:
    """Lists of URLs below `LANDING/<day>/` on a local disk, downloaded into the source's staging folder."""
    return UrlLists(LocalTree(landing, spec.ignore), spec, staging_folder(spec.staging, landing), limits.max_bytes)
