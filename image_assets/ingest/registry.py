"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.coco import Coco
from image_assets.ingest.annotated.files import annotation_folder
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.open_images import OpenImages
from image_assets.ingest.annotated.source import AnnotatedSource
from image_assets.ingest.archives.tree import UnpackedTree
from image_assets.ingest.bucket import BucketTree, ByLastModified
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree, landing_place
from image_assets.ingest.read_once import ReadOnce
from image_assets.ingest.source import FileTree, Source
from image_assets.ingest.staging import staging_folder
from image_assets.settings.annotated import AnnotatedSection, CocoSource, OpenImagesSource
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.settings.sources import AnySource, BucketSource, FolderSource, UrlListSource
from image_assets.settings.stages import Limits


def source_of(dataset: DatasetSpec, landing: str, options: Mapping[str, str] | None = None) -> Source:
    """The source of a dataset, which may have a landing zone of its own. Raises as `open_source`."""
    return open_source(dataset.source, landing, dataset.time_zone, options, dataset.limits, tuple(dataset.categories))


def open_source(
    spec: AnySource,
    landing: str,
    time_zone: str = "UTC",
    options: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    categories: Collection[str] = (),
) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.
        time_zone: In which the dataset's days begin.
        options: Options of the object store, for a landing zone in a bucket.
        limits: The dataset's limits: what is too large is not downloaded to the end.
        categories: The dataset's categories: they tell how archives that hold several are arranged.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    where = spec.landing or landing
    match spec:
        case FolderSource():
            return DayFolders(_with_archives(spec, where, LocalTree(where, no_arrivals(spec.ignore))), categories)
        case BucketSource():
            bucket = BucketTree(where, options, no_arrivals(spec.ignore))
            if spec.days == "by_key":
                return DayFolders(_with_archives(spec, where, bucket), categories)
            return ByLastModified(bucket, ZoneInfo(time_zone), partial(_with_archives, spec, where), categories)
        case UrlListSource():
            from image_assets.ingest.urls.source import UrlLists  # loads aiohttp, which no other source needs

            tree = _tree(where, no_arrivals(spec.ignore), options)
            return UrlLists(tree, spec, staging_folder(spec.staging, where), (limits or Limits()).max_bytes)
        case OpenImagesSource() | CocoSource():
            tree = _with_archives(spec, where, _tree(where, no_arrivals(spec.ignore), options))
            return AnnotatedSource(tree, annotated_selection(spec, where), _beside_days(spec, where))


def annotated_selection(spec: OpenImagesSource | CocoSource, landing: str) -> LabelSelection:
    """What the annotation files of a dataset say.

    Raises:
        SourceError: the landing zone is no local folder and the section names no folder of annotations.
    """
    folder = annotation_folder(spec.annotations, landing, no_arrivals(spec.ignore))
    annotations = OpenImages(spec, folder) if isinstance(spec, OpenImagesSource) else Coco(spec, folder)
    return LabelSelection(annotations, staging_folder(spec.staging, landing))


def _beside_days(spec: AnnotatedSection, landing: str) -> list[str]:
    """The folder of annotations, where it lies in the landing zone."""
    zone = landing_place(landing).folder
    if zone is None:
        return []
    folder = annotation_folder(spec.annotations, landing, ()).path
    return [folder.relative_to(zone).parts[0]] if zone in folder.parents else []


def _tree(landing: str, ignore: Sequence[str], options: Mapping[str, str] | None) -> FileTree:
    """Where lists and annotated images arrive: a local folder, or a bucket."""
    return BucketTree(landing, options, ignore) if landing_place(landing).bucket else LocalTree(landing, ignore)


def _with_archives(spec: FolderSource | BucketSource | AnnotatedSection, landing: str, tree: FileTree) -> FileTree:
    """The tree with its archives opened, where the dataset file wants that; what is far away is fetched once."""
    staging = staging_folder(spec.staging, landing)
    if isinstance(tree, BucketTree) and landing_place(tree.url).bucket:
        tree = ReadOnce(tree, tree.url, staging)
    if not spec.archives.unpack:
        return tree
    return UnpackedTree(tree, staging, spec.archives, no_arrivals(spec.ignore))
