"""Which assets of a dataset have checks: for those who make checks and for those who read what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from image_assets.dataset import DatasetSpec
from image_assets.settings.annotated import AnnotatedSection


def _always(dataset: DatasetSpec) -> bool:
    del dataset
    return True


def _annotated(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection)


def _with_boxes(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection) and dataset.source.with_boxes


def _with_imagenet(dataset: DatasetSpec) -> bool:
    return dataset.imagenet.wanted


CHECKED_ASSETS: Mapping[str, Callable[[DatasetSpec], bool]] = {
    "raw_images": _always,
    "image_features": _always,
    "predictions": _always,
    "near_duplicates": _always,
    "feature_shards": _always,
    "label_conflicts": _always,
    "classifier": _always,
    "embedding": _always,
    "label_suspects": _always,
    "accounting": _always,
    "label_selection": _annotated,
    "image_labels": _annotated,
    "image_boxes": _with_boxes,
    "image_chips": _with_boxes,
    "imagenet_predictions": _with_imagenet,
}
"""Assets that have checks, in their order, and whether a dataset has them."""


def checked_assets(dataset: DatasetSpec) -> list[str]:
    """The names of a dataset's assets that have checks."""
    return [asset for asset, has in CHECKED_ASSETS.items() if has(dataset)]
