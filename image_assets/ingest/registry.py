"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.annotated.coco import Coco
from image_assets.ingest.annotated.files import annotation_folder
from image_assets.ingest.annotated.open_images import OpenImages
from image_assets.ingest.annotated.selection import Selection
from image_assets.ingest.annotated.source import AnnotatedSource
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import FileTree, Source
from image_assets.ingest.staging import staging_folder
from image_assets.settings import sources as settings


def open_source(spec: settings.Source, landing: str) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    place = spec.landing or landing
    if isinstance(spec, settings.OpenImagesSource | settings.CocoSource):
        return AnnotatedSource(_tree(place, spec.ignore), annotated_selection(spec, place))
    return folder_source(place, spec.ignore)


def annotated_selection(spec: settings.OpenImagesSource | settings.CocoSource, landing: str) -> Selection:
    """What the annotation files of a dataset say.

    Raises:
        SourceError: the landing zone is no local folder and the section names no folder of annotations.
    """
    folder = annotation_folder(spec.annotations, landing, spec.ignore)
    annotations = OpenImages(spec, folder) if isinstance(spec, settings.OpenImagesSource) else Coco(spec, folder)
    return Selection(annotations, staging_folder(spec.staging, landing))


def _tree(landing: str, ignore: Sequence[str]) -> FileTree:
    return LocalTree(landing, ignore)


def folder_source(landing: str | Path, ignore: Sequence[str] = ()) -> DayFolders:
    """Files under `LANDING/<day>/<category>/**` on a local disk."""
    return DayFolders(LocalTree(landing, ignore))
