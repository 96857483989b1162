"""A model that is made the champion without being compared with the one before, as a test's starting point."""

from __future__ import annotations

from obstore.store import ObjectStore

from image_assets.store.models.model import Model
from image_assets.store.models.model_champion import Champion, see_champion, switch
from image_assets.store.models.model_files import ModelDescription, ModelManifest, store_model


def save_model(store: ObjectStore, prefix: str, model: Model, description: ModelDescription) -> ModelManifest:
    """Save a model and make it the champion, without comparing it with the one before.

    A run that is killed leaves the model that was current, and at most files that nothing refers to.

    Arguments and result are those of `store_model`.

    Raises:
        ChangedMeanwhileError: another run switched the champion at the same time.
    """
    seen = see_champion(store, prefix)
    manifest = store_model(store, prefix, model, description)
    before = seen.champion
    if before is None:
        new = Champion(sha256=manifest.sha256, since=manifest.data_day, reason="first", latest=manifest.sha256)
    elif before.sha256 == manifest.sha256:
        new = before.model_copy(update={"latest": manifest.sha256})
    else:
        new = Champion(
            sha256=manifest.sha256,
            since=manifest.data_day,
            reason="not compared",
            replaced=before.sha256,
            latest=manifest.sha256,
            withdrawn=before.withdrawn,
        )
    switch(store, prefix, seen, new)
    return manifest
