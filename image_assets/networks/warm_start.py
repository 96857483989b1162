"""Whether a training begins with the weights of the current network, and with which.

The same images, settings and history of champions give the same answer: a run that is repeated, after a kill or after
its network has become the champion, begins with what it began with before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from obstore.store import ObjectStore

from image_assets.classifier.training.row_index import RowIndex
from image_assets.schema import Partition
from image_assets.settings.networks import CnnClassifier
from image_assets.store.models.model_files import (
    DIGITS,
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    ids_digest,
    load_model_of,
)
from image_assets.store.models.model_store import read_champion
from image_assets.store.models.network_model import NetworkModel

BEGAN_WITH = "began_with"
"""Of a manifest's metrics: SHA-256 of the network whose weights a training began with."""


@dataclass(frozen=True)
class Beginning:
    """What a training begins with.

    Attributes:
        said: In a sentence, for people; empty where it was not asked for.
        network: SHA-256 of the network that was taken; None: of none.
        weights: Its weights, in the order in which its preset has them.
    """

    said: str = ""
    network: str | None = None
    weights: tuple[np.ndarray, ...] = ()


ANEW = Beginning()
"""With the weights that the seed gives; nothing else was asked for."""


def beginning(
    objects: ObjectStore, prefix: str, spec: CnnClassifier, categories: Mapping[str, int], training: RowIndex
) -> Beginning:
    """What a training of these images begins with, as the dataset file asks for it.

    A network is taken only if it is of the same shape and categories, and every image that it has learnt from is one
    to learn from today: what was removed, marked or held out since stays out of a new network's weights too.

    Args:
        objects: The store.
        prefix: Folder of the dataset's networks.
        spec: Of the network.
        categories: Category → label, as the dataset file has them.
        training: All images to train on, those of the validation included.
    """
    if not spec.warm_start:
        return ANEW
    try:
        sha256 = read_champion(objects, prefix).sha256
        model, manifest = load_model_of(objects, prefix, sha256)
        if manifest.training_ids_sha256 == ids_digest(training.image_ids):
            # It is what came of these very images: the training is the one that it had.
            before = manifest.metrics.get(BEGAN_WITH)
            if not isinstance(before, str):
                return Beginning(f"begins anew: so did {_short(sha256)}, the current network, which is of these images")
            sha256 = before
            model, manifest = load_model_of(objects, prefix, sha256)
    except ModelMissingError as error:
        return Beginning(f"begins anew: {error}")
    except ModelRefusedError as error:
        return Beginning(f"begins anew: the network before cannot be used: {error}")
    if why := _unfit(model, manifest, spec, categories, training):
        return Beginning(f"begins anew: {_short(sha256)}, the network before, {why}")
    assert isinstance(model, NetworkModel)
    return Beginning(
        f"begins with the weights of {_short(sha256)}, of {manifest.data_day}",
        sha256,
        tuple(model.network.get_weights()),
    )


def _unfit(
    model: object, manifest: ModelManifest, spec: CnnClassifier, categories: Mapping[str, int], training: RowIndex
) -> str:
    """Why a network's weights are not taken; empty where they are."""
    if not isinstance(model, NetworkModel):
        return f"is a {manifest.kind}"
    its, wanted = model.about, (spec.preset, spec.size, spec.colour)
    if (its.preset, its.size, its.colour) != wanted:
        return f"is {its.preset}, {its.size} × {its.size} {its.colour}"
    labels = set(np.unique(training.labels).tolist())
    if {*its.classes} != labels or _named(manifest.classes, labels) != _named(categories, labels):
        return f"tells other categories apart: {_named(manifest.classes, {*its.classes})}"
    learnt = training.of([Partition(day, category) for day, category in manifest.partitions])
    if ids_digest(learnt.image_ids) != manifest.training_ids_sha256:
        return "has learnt from other images of its days than are to learn from now"
    return ""


def _named(categories: Mapping[str, int], labels: set[int]) -> dict[str, int]:
    return {name: label for name, label in sorted(categories.items()) if label in labels}


def _short(sha256: str) -> str:
    return sha256[:DIGITS]
