"""Having another of a dataset's models asked: which one is meant, of which asset, and what it must fit."""

from __future__ import annotations

import datetime as dt

from image_assets.classifier.places import models_prefix
from image_assets.classifier.promotion.by_hand import ModelCommandError, find_model, promote_model, roll_back
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.model_assets import ModelAsset
from image_assets.predictions.asked import check_trained, digest_of_given
from image_assets.store.models.model_champion import Champion
from image_assets.store.models.model_files import model_digests
from image_assets.store.store import Store


def located(
    dataset: DatasetSpec, store: Store, beginning: str, asset: ModelAsset | None = None
) -> tuple[ModelAsset, str]:
    """Which model is meant: its asset, and the first 12 digits of its digest.

    Args:
        dataset: Whose models.
        store: Where they are.
        beginning: Of the model's digest; or `champion`.
        asset: That trained it; None: whichever did, and of the champions the one that `predictions.model` names.

    Raises:
        ModelCommandError, ModelMissingError, ModelRefusedError: as `find_model`; or a model of each asset is meant.
    """
    objects = store.objects()
    if asset is None and beginning != "champion":
        digits = beginning[:12].lower()
        having: list[ModelAsset] = [
            one
            for one in dataset.model_assets
            if any(name.startswith(digits) for name in model_digests(objects, models_prefix(dataset, one)))
        ]
        if len(having) > 1:
            raise ModelCommandError(f"{beginning}: models of {' and '.join(having)} begin so; give more of the digest")
        asset = having[0] if having else None
    asset = asset or dataset.predictions.model
    check_trained(dataset, asset)
    return asset, find_model(objects, models_prefix(dataset, asset), beginning)


def promote(dataset: DatasetSpec, store: Store, asset: ModelAsset, beginning: str) -> Champion:
    """Make a model the champion of its asset. Raises as `promote_model`, and what its library lacks."""
    return promote_model(store.objects(), models_prefix(dataset, asset), beginning, *_now(dataset, asset))


def go_back(dataset: DatasetSpec, store: Store, asset: ModelAsset) -> Champion:
    """Make the champion before the current one that again. Raises as `roll_back`, and what its library lacks."""
    check_trained(dataset, asset)
    return roll_back(store.objects(), models_prefix(dataset, asset), *_now(dataset, asset))


def _now(dataset: DatasetSpec, asset: ModelAsset) -> tuple[str, dict[str, int], dt.datetime]:
    """What a model has to fit: what it is given and the categories, as the dataset file says them now; and when."""
    given = digest_of_given(dataset, asset, shared_extractor(dataset.extractor))
    return given, dataset.categories, dt.datetime.now(dt.UTC)
