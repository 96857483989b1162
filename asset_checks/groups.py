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
from image_assets.asset_checks.check import Check
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


_ANNOTATIONS = "only of a source with annotations"
_BOXES = f"{_ANNOTATIONS} and boxes"
_IMAGENET = "only where `imagenet` is wanted"
CHECK_GROUPS: tuple[CheckGroup, ...] = (
    CheckGroup("raw_images", (*raw_images.CHECKS, *image_quality.CHECKS, *volume.CHECKS, drift.metrics_drift)),
    CheckGroup("raw_images", url_lists.CHECKS, has=_from_url_lists, where="only of a source of kind `url_list`"),
    CheckGroup("image_features", (*image_features.CHECKS, drift.features_drift)),
    CheckGroup("predictions", predictions.CHECKS),
    CheckGroup("near_duplicates", near_duplicates.CHECKS),
    CheckGroup("feature_shards", feature_shards.CHECKS),
    CheckGroup("label_conflicts", label_conflicts.CHECKS, partitioned=False, besides=("feature_shards",)),
    CheckGroup("classifier", (*classifier.CHECKS, *classifier_baselines.CHECKS), partitioned=False),
    CheckGroup("embedding", embedding.CHECKS, partitioned=False),
    CheckGroup("label_suspects", label_suspects.CHECKS, partitioned=False),
    CheckGroup("accounting", accounting.CHECKS, partitioned=False),
    CheckGroup("label_selection", label_selection.CHECKS, partitioned=False, has=_annotated, where=_ANNOTATIONS),
    CheckGroup("image_labels", image_chips.LABEL_CHECKS, has=_annotated, where=_ANNOTATIONS),
    CheckGroup("image_boxes", image_chips.BOX_CHECKS, has=_with_boxes, where=_BOXES),
    CheckGroup("image_chips", image_chips.CHECKS, has=_with_boxes, where=_BOXES),
    CheckGroup("imagenet_predictions", imagenet_predictions.CHECKS, has=_with_imagenet, where=_IMAGENET),
)
