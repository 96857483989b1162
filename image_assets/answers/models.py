"""Which models are there, which ones are current, and why?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from image_assets.classifier.places import models_prefix
from image_assets.classifier.promotion.by_hand import KeptModel, ModelCommandError, decision_as_json, kept_models
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.predictions.asked import check_trained
from image_assets.predictions.choosing import located
from image_assets.store.models.model_history import Decision, read_history
from image_assets.store.store import Store


@dataclass(frozen=True)
class Models:
    """The models of one asset of a dataset.

    Attributes:
        asset: That trained them.
        models: That are kept, the newest day of data first.
        history: Every decision, the oldest first, also on models that are gone.
    """

    asset: ModelAsset
    models: tuple[KeptModel, ...]
    history: tuple[Decision, ...]


def models_of(dataset: DatasetSpec, store: Store, asset: ModelAsset | None = None) -> Models:
    """All models of an asset, by default of the one that `predictions.model` names.

    Raises:
        ModelCommandError: there is none.
        ModelMissingError: the dataset does not ask for such models.
    """
    asset = asset or dataset.predictions.model
    check_trained(dataset, asset)
    objects, prefix = store.objects(), models_prefix(dataset, asset)
    return Models(asset, tuple(kept_models(objects, prefix)), tuple(read_history(objects, prefix)))


def all_models(dataset: DatasetSpec, store: Store) -> tuple[Models, ...]:
    """The models of every asset that has any. Raises `ModelCommandError` where none has."""
    found: list[Models] = []
    missing: list[ModelCommandError] = []
    for asset in dataset.model_assets:
        try:
            found.append(models_of(dataset, store, asset))
        except ModelCommandError as error:
            missing.append(error)
    if not found:
        raise missing[0]
    return tuple(found)


def models_as_json(found: Iterable[Models], *, with_history: bool = True) -> dict[str, Any]:
    """The output of `image-assets models list --json`."""
    groups = list(found)
    report: dict[str, Any] = {"models": [one.as_json() for group in groups for one in group.models]}
    if with_history:
        report["history"] = [decision_as_json(group.asset, one) for group in groups for one in group.history]
    return report


def model_of(dataset: DatasetSpec, store: Store, beginning: str, asset: ModelAsset | None = None) -> KeptModel:
    """The only model whose digest begins so, or the current one for `champion`. Raises as `located`."""
    asset, digits = located(dataset, store, beginning, asset)
    (found,) = (one for one in kept_models(store.objects(), models_prefix(dataset, asset)) if one.digits == digits)
    return found
