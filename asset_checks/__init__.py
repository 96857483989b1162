"""What must hold: one module per asset, built for each dataset by a factory."""

from collections.abc import Iterable

import dagster as dg

from asset_checks import (
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
from asset_checks.check import Check, asset_checks_of
from image_assets.dataset import DatasetSpec
from image_assets.settings.annotated import AnnotatedSection


def checks_of(dataset: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    """All checks of a dataset."""
    return [
        asset_checks_of(
            dataset,
            "raw_images",
            (
                *raw_images.CHECKS,
                *_of_source(dataset),
                *image_quality.CHECKS,
                *volume.volume_checks(dataset),
                drift.metrics_drift,
            ),
            partitioned=True,
        ),
        asset_checks_of(dataset, "image_features", (*image_features.CHECKS, drift.features_drift), partitioned=True),
        asset_checks_of(dataset, "predictions", predictions.CHECKS, partitioned=True),
        asset_checks_of(dataset, "near_duplicates", near_duplicates.CHECKS, partitioned=True),
        asset_checks_of(dataset, "feature_shards", feature_shards.CHECKS, partitioned=True),
        asset_checks_of(dataset, "label_conflicts", label_conflicts.CHECKS, partitioned=False),
        asset_checks_of(dataset, "classifier", (*classifier.CHECKS, *classifier_baselines.CHECKS), partitioned=False),
        asset_checks_of(dataset, "embedding", embedding.CHECKS, partitioned=False),
        asset_checks_of(dataset, "label_suspects", label_suspects.CHECKS, partitioned=False),
        asset_checks_of(dataset, "accounting", accounting.CHECKS, partitioned=False),
        *_checks_of_annotations(dataset),
        *_checks_of_imagenet(dataset),
    ]


def _of_source(dataset: DatasetSpec) -> tuple[Check, ...]:
    """What must hold of what arrived in one way only."""
    return url_lists.CHECKS if dataset.source.kind == "url_list" else ()


def _checks_of_annotations(dataset: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    source = dataset.source
    if not isinstance(source, AnnotatedSection):
        return []
    found = [
        asset_checks_of(dataset, "label_selection", label_selection.CHECKS, partitioned=False),
        asset_checks_of(dataset, "image_labels", image_chips.LABEL_CHECKS, partitioned=True),
    ]
    if source.with_boxes:
        found += [
            asset_checks_of(dataset, "image_boxes", image_chips.BOX_CHECKS, partitioned=True),
            asset_checks_of(dataset, "image_chips", image_chips.CHECKS, partitioned=True),
        ]
    return found


def _checks_of_imagenet(dataset: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    if not dataset.imagenet.wanted:
        return []
    return [asset_checks_of(dataset, "imagenet_predictions", imagenet_predictions.CHECKS, partitioned=True)]


def check_keys(checks: Iterable[dg.AssetChecksDefinition]) -> list[dg.AssetCheckKey]:
    """The keys of checks, in their order."""
    return [key for layer in checks for key in layer.check_keys]


def all_checks() -> list[Check]:
    """Every check that a dataset can have, in the order of the assets."""
    modules = (
        raw_images,
        url_lists,
        image_quality,
        volume,
        image_features,
        predictions,
        near_duplicates,
        feature_shards,
        label_conflicts,
        classifier,
        classifier_baselines,
        embedding,
        label_suspects,
        accounting,
        label_selection,
        imagenet_predictions,
    )
    found = [one for module in modules for one in module.CHECKS]
    chips = (*image_chips.LABEL_CHECKS, *image_chips.BOX_CHECKS, *image_chips.CHECKS)
    return [*found, drift.metrics_drift, drift.features_drift, *chips]
