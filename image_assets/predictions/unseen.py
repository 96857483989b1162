"""Which model scores a partition: one that has not learnt from it, as far as there is one."""

from __future__ import annotations

from collections.abc import Collection

from obstore.store import ObjectStore

from image_assets.predictions.score import trained_on
from image_assets.schema import Partition
from image_assets.store.models.model import Model
from image_assets.store.models.model_store import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    load_model,
    load_model_of,
    manifest_of,
)


class SeenError(LookupError):
    """The current model was trained on the partition, and no other has scored it: its answers would be no test."""


def scoring_model(
    objects: ObjectStore,
    prefix: str,
    given: str,
    partition: Partition,
    scored_by: Collection[str],
    others: Collection[str] = (),
) -> tuple[Model, ModelManifest]:
    """The current model; where that was trained on the partition, the one that scored it before.

    So a partition that is run again has the same predictions, and they stay what they were: by a model that had not
    seen the images. A partition that was trained on without having been scored is left without predictions; one whose
    model is no longer kept is scored by the current one.

    Args:
        objects: The store.
        prefix: Folder of the dataset's models of the kind that is asked.
        given: Digest of what these are given.
        partition: What is to be scored.
        scored_by: Digests of the models that its present rows are by.
        others: Folders of the dataset's models of other kinds: what they said before a model had seen it stays.

    Raises:
        ModelMissingError: there is no model.
        ModelRefusedError: the current one cannot be used.
        SeenError: see above.
    """
    model, manifest = load_model(objects, prefix, given)
    if not trained_on(manifest, partition):
        return model, manifest
    if not scored_by:
        raise SeenError(f"the current model, {manifest.file}, was trained on it, and no model before has scored it")
    if len(scored_by) == 1:
        (before,) = scored_by
        if any(_kept(objects, other, before) for other in others):
            said = f"the current model, {manifest.file}, was trained on it"
            raise SeenError(f"{said}; its predictions are by {before[:12]}, which goes by something else, and stay")
        try:
            return load_model_of(objects, prefix, before, given)
        except (ModelMissingError, ModelRefusedError):
            return model, manifest
    return model, manifest


def _kept(objects: ObjectStore, prefix: str, sha256: str) -> bool:
    try:
        return manifest_of(objects, prefix, sha256).sha256 == sha256
    except (ModelMissingError, ModelRefusedError):
        return False
