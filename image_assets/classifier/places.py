"""Where a dataset's models and what belongs to them lie below a store, and what is there; light, for everybody."""

from __future__ import annotations

from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.store.models.model_history import read_history
from image_assets.store.models.model_store import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    champion_manifest,
    read_champion,
)
from image_assets.store.store import Store

CLASSIFIER = "classifier"


def models_prefix(dataset: DatasetSpec, asset: ModelAsset) -> str:
    """Where the models that an asset trains lie below the store, with their history and champion."""
    return f"{dataset.name}/{asset}"


def classifier_prefix(dataset: DatasetSpec) -> str:
    """Where the models of features lie below the store."""
    return models_prefix(dataset, CLASSIFIER)


def scores_prefix(dataset: DatasetSpec) -> str:
    """Where the scores of candidates lie below the store."""
    return f"{dataset.name}/classifier-scores"


def statistics_prefix(dataset: DatasetSpec) -> str:
    """Where the running totals of the daily refinement lie below the store."""
    return f"{dataset.name}/classifier-statistics"


def current_manifest(dataset: DatasetSpec, store: Store, asset: ModelAsset = CLASSIFIER) -> ModelManifest | None:
    """The manifest of an asset's current model, None where none was trained."""
    try:
        return champion_manifest(store.objects(), models_prefix(dataset, asset))
    except ModelMissingError:
        return None


def why_not_promoted(dataset: DatasetSpec, store: Store, asset: ModelAsset = CLASSIFIER) -> str:
    """Why an asset's model that was trained last is not the current one; empty where it is, or where there is none."""
    objects, prefix = store.objects(), models_prefix(dataset, asset)
    try:
        champion = read_champion(objects, prefix)
    except (ModelMissingError, ModelRefusedError):
        return ""
    if champion.latest == champion.sha256:
        return ""
    decided = [one for one in read_history(objects, prefix) if one.challenger == champion.latest and not one.promoted]
    return decided[-1].reason if decided else ""
