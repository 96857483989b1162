"""Which checks each asset has, and in which datasets: said here once, for Dagster's definitions and the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_assets.asset_checks import (
    accounting,
    classifier,
    classifier_baselines,
    drift,
    embedding,
    feature_shards,
    image_chips,
    image_features,
    image_quality,
    imagenet_predictions,
    label_conflicts,
    label_selection,
    label_suspects,
    near_duplicates,
    predictions,
    raw_images,
    url_lists,
    volume,
)
from image_assets.asset_checks.check import Check, checks_in
from image_assets.dataset import DatasetSpec
from image_assets.settings.annotated import AnnotatedSection


def _always(dataset: DatasetSpec) -> bool:
    del dataset
    return True


@dataclass(frozen=True)
class CheckGroup:
    """Checks of one asset that are there or not together.

    Attributes:
        asset: The asset's name.
        checks: The checks, in the order in which they are evaluated.
        partitioned: Whether the asset has partitions, each of which is checked.
        has: Whether a dataset has them.
        where: Which datasets have them, in words; empty for all.
        besides: Other assets that the checks look at: a run that makes these too makes them first.
    """

    asset: str
    checks: Sequence[Check]
    partitioned: bool = True
    has: Callable[[DatasetSpec], bool] = _always
    where: str = ""
    besides: Sequence[str] = ()


def _from_url_lists(dataset: DatasetSpec) -> bool:
    return dataset.source.kind == "url_list"


def _annotated(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection)


def _with_boxes(dataset: DatasetSpec) -> bool:
    return isinstance(dataset.source, AnnotatedSection) and dataset.source.with_boxes


def _with_imagenet(dataset: DatasetSpec) -> bool:
    return dataset.imagenet.wanted


_OF_CHIPS = (
    image_chips.every_box_accounted_for,
    image_chips.chip_ids_unique,
    image_chips.chips_have_their_size,
    image_chips.boxes_fit_their_picture,
)
_ANNOTATIONS = "only of a source with annotations"
_BOXES = f"{_ANNOTATIONS} and boxes"
_IMAGENET = "only where `imagenet` is wanted"
CHECK_GROUPS: tuple[CheckGroup, ...] = (
    CheckGroup("raw_images", (*checks_in(raw_images, image_quality, volume), drift.metrics_drift)),
    CheckGroup("raw_images", checks_in(url_lists), has=_from_url_lists, where="only of a source of kind `url_list`"),
    CheckGroup("image_features", (*checks_in(image_features), drift.features_drift)),
    CheckGroup("predictions", checks_in(predictions)),
    CheckGroup("near_duplicates", checks_in(near_duplicates)),
    CheckGroup("feature_shards", checks_in(feature_shards)),
    CheckGroup("label_conflicts", checks_in(label_conflicts), partitioned=False, besides=("feature_shards",)),
    CheckGroup("classifier", checks_in(classifier, classifier_baselines), partitioned=False),
    CheckGroup("embedding", checks_in(embedding), partitioned=False),
    CheckGroup("label_suspects", checks_in(label_suspects), partitioned=False),
    CheckGroup("accounting", checks_in(accounting), partitioned=False),
    CheckGroup("label_selection", checks_in(label_selection), partitioned=False, has=_annotated, where=_ANNOTATIONS),
    CheckGroup("image_labels", [image_chips.labels_have_an_image], has=_annotated, where=_ANNOTATIONS),
    CheckGroup("image_boxes", [image_chips.boxes_have_an_image], has=_with_boxes, where=_BOXES),
    CheckGroup("image_chips", _OF_CHIPS, has=_with_boxes, where=_BOXES),
    CheckGroup("imagenet_predictions", checks_in(imagenet_predictions), has=_with_imagenet, where=_IMAGENET),
)
