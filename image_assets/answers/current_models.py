"""The current model of each asset that trains models, and what is wrong with it: one that nobody can load is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.store.listing import Listing
from image_assets.store.models.model_champion import CHAMPION
from image_assets.store.models.model_files import model_content
from image_assets.store.models.model_store import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    champion_manifest,
)
from image_assets.store.store import Store

_READ_BYTES = 16 << 20
"""Models of so many bytes are read to see whether they are whole; of larger ones it is seen that they are there."""


@dataclass
class CurrentModels:
    """The current models of a dataset.

    Attributes:
        manifests: Of each asset; None where there is none that can be read.
        damaged: What is missing or altered of them, each in one line.
    """

    manifests: dict[ModelAsset, ModelManifest | None] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def current_models(dataset: DatasetSpec, store: Store, there: Listing) -> CurrentModels:
    """Look for them; none is loaded.

    Args:
        dataset: Whose models they are.
        store: Where they are kept.
        there: What lies in the dataset's folder.
    """
    found = CurrentModels()
    for asset in dataset.model_assets:
        found.manifests[asset] = None
        for one in _looked_at(dataset, store, there, asset):
            if isinstance(one, ModelManifest):
                found.manifests[asset] = one
            else:
                found.damaged.append(f"{store.url}/{one}; `image-assets repair` makes good what can be")
    return found


def _looked_at(dataset: DatasetSpec, store: Store, there: Listing, asset: ModelAsset) -> Iterator[ModelManifest | str]:
    """The manifest of an asset's current model, and what is wrong."""
    prefix, lying = models_prefix(dataset, asset), there.below(asset)
    try:
        manifest = champion_manifest(store.objects(), prefix)
        yield manifest
        file = lying.get(manifest.file)
        if file is None or file.bytes <= _READ_BYTES:
            model_content(store.objects(), prefix, manifest)
    except ModelMissingError:
        if any(name.startswith("model-") for name in lying):
            yield f"{prefix}/{CHAMPION} is missing, though models are there; name one by `image-assets models promote`"
    except ModelRefusedError as error:
        yield str(error)
