"""Which assets of a dataset have checks: for those who make checks and for those who read what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from image_assets.dataset import DatasetSpec
from image_assets.settings.annotated import AnnotatedSection


def always(dataset: DatasetSpec) -> bool:
    """Whatever the dataset."""
    del dataset
    return True


def _annotated(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection)


def _with_boxes(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection) and dataset.source.with_boxes


_OF_DAYS = ("raw_images", "image_features", "predictions", "near_duplicates", "feature_shards")
_OF_ALL_DAYS = ("label_conflicts", "classifier", "embedding", "label_suspects", "accounting")
CHECKED_ASSETS: Mapping[str, Callable[[DatasetSpec], bool]] = {
    **dict.fromkeys((*_OF_DAYS, *_OF_ALL_DAYS), always),
    "label_selection": _annotated,
    "image_labels": _annotated,
    "image_boxes": _with_boxes,
    "image_chips": _with_boxes,
    "cnn_classifier": lambda dataset: dataset.networks.cnn_classifier is not None,
    "denoising_autoencoder": lambda dataset: dataset.networks.denoising_autoencoder is not None,
    "imagenet_predictions": lambda dataset: dataset.imagenet.wanted,
}
"""Assets that have checks, in their order, and whether a dataset has them."""


def checked_assets(dataset: DatasetSpec) -> list[str]:
    """The names of a dataset's assets that have checks."""
    return [asset for asset, has in CHECKED_ASSETS.items() if has(dataset)]
