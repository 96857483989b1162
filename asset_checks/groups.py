"""Which checks each asset has, and in which datasets: said here once, for Dagster's definitions and the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_assets.asset_checks import (
    accounting,
    classifier,
    classifier_baselines,
    cnn_classifier,
    denoising_autoencoder,
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
    removed_images,
    url_lists,
    volume,
)
from image_assets.asset_checks.check import Check, checks_in
from image_assets.dataset import DatasetSpec
from image_assets.health.checked_assets import CHECKED_ASSETS, always


@dataclass(frozen=True)
class CheckGroup:
    """Checks of one asset that are there or not together.

    Attributes:
        asset: The asset's name.
        checks: The checks, in the order in which they are evaluated.
        partitioned: Whether the asset has partitions, each of which is checked.
        of: Which datasets with that asset have them.
        where: Which datasets have them, in words; empty for all.
        besides: Other assets that the checks look at: a run that makes these too makes them first.
    """

    asset: str
    checks: Sequence[Check]
    partitioned: bool = True
    of: Callable[[DatasetSpec], bool] = always
    where: str = ""
    besides: Sequence[str] = ()

    def has(self, dataset: DatasetSpec) -> bool:
        """Whether a dataset has them."""
        return CHECKED_ASSETS[self.asset](dataset) and self.of(dataset)


def _from_url_lists(dataset: DatasetSpec) -> bool:
    return dataset.source.kind == "url_list"


_OF_CHIPS = (
    image_chips.every_box_accounted_for,
    image_chips.chip_ids_unique,
    image_chips.chips_have_their_size,
    image_chips.boxes_fit_their_picture,
    image_chips.few_boxes_refused,
    image_chips.loaded_images_have_boxes,
)
_REMOVED = (removed_images.removed_images_left_nothing, removed_images.models_are_without_removed_images)
_ANNOTATIONS = "only of a source with annotations"
_BOXES = f"{_ANNOTATIONS} and boxes"
_CNN = "only where `networks` has a `cnn_classifier`"
_DENOISING = "only where `networks.denoising_autoencoder` is wanted"
_IMAGENET = "only where `imagenet` is wanted"
CHECK_GROUPS: tuple[CheckGroup, ...] = (
    CheckGroup(
        "raw_images",
        (
            *checks_in(raw_images, image_quality, volume),
            drift.metrics_drift,
            removed_images.removed_images_stay_out,
        ),
    ),
    CheckGroup("raw_images", checks_in(url_lists), of=_from_url_lists, where="only of a source of kind `url_list`"),
    CheckGroup("image_features", (*checks_in(image_features), drift.features_drift)),
    CheckGroup("predictions", checks_in(predictions)),
    CheckGroup("near_duplicates", checks_in(near_duplicates)),
    CheckGroup("feature_shards", checks_in(feature_shards)),
    CheckGroup("label_conflicts", checks_in(label_conflicts), partitioned=False, besides=("feature_shards",)),
    CheckGroup("classifier", checks_in(classifier, classifier_baselines), partitioned=False),
    CheckGroup("embedding", checks_in(embedding), partitioned=False),
    CheckGroup("label_suspects", checks_in(label_suspects), partitioned=False),
    CheckGroup("accounting", (*checks_in(accounting), *_REMOVED), partitioned=False),
    CheckGroup("label_selection", checks_in(label_selection), partitioned=False, where=_ANNOTATIONS),
    CheckGroup("image_labels", [image_chips.labels_have_an_image], where=_ANNOTATIONS),
    CheckGroup("image_boxes", [image_chips.boxes_have_an_image], where=_BOXES),
    CheckGroup("image_chips", _OF_CHIPS, where=_BOXES),
    CheckGroup("cnn_classifier", checks_in(cnn_classifier), partitioned=False, where=_CNN),
    CheckGroup("denoising_autoencoder", checks_in(denoising_autoencoder), partitioned=False, where=_DENOISING),
    CheckGroup("imagenet_predictions", checks_in(imagenet_predictions), where=_IMAGENET),
)
