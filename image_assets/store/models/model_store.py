"""How models are kept: many, with their history, and one of them the champion.

Layout under a prefix of the store:

- `model-<first 12 digits of its SHA-256>.skops` and `.json`: a model and its manifest, see `model_files`.
- `champion.json`: which of them is the current one, put last and in one piece, see `model_champion`.
- `history/<day>-<12 digits>.json`: a record per decision, see `model_history`.

Readers see the old champion or the new one, never half of one. Nothing that a run writes depends on the time: the same
model of the same data gives the same files.
"""

from __future__ import annotations

from obstore.store import ObjectStore

from image_assets.store.models.model import Model
from image_assets.store.models.model_champion import CHAMPION, read_champion
from image_assets.store.models.model_files import (
    ModelDescription,
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    ids_digest,
    load_model_of,
    manifest_name,
    manifest_of,
)

__all__ = [
    "CHAMPION",
    "ModelDescription",
    "ModelManifest",
    "ModelMissingError",
    "ModelRefusedError",
    "champion_manifest",
    "ids_digest",
    "latest_manifest",
    "load_model",
    "load_model_of",
    "manifest_of",
    "read_champion",
]


def champion_manifest(store: ObjectStore, prefix: str) -> ModelManifest:
    """The manifest of the champion, without loading the model.

    Raises:
        ModelMissingError: nothing has been saved under the prefix.
        ModelRefusedError: what names the champion, or its manifest, is missing, altered or not of this format.
    """
    champion = read_champion(store, prefix)
    try:
        return manifest_of(store, prefix, champion.sha256)
    except ModelMissingError:
        again = read_champion(store, prefix)
        if again.sha256 != champion.sha256:
            # Another run made its model the champion, and removed this one, since the champion was read.
            return champion_manifest(store, prefix)
        key = f"{prefix}/{manifest_name(champion.sha256)}".lstrip("/")
        raise ModelRefusedError(f"{key} is missing, though it is the champion's; train the model again") from None


def latest_manifest(store: ObjectStore, prefix: str) -> ModelManifest:
    """The manifest of the model that was trained last, promoted or not. Raises as `champion_manifest`."""
    return manifest_of(store, prefix, read_champion(store, prefix).latest)


def load_model(store: ObjectStore, prefix: str, extractor_digest: str | None = None) -> tuple[Model, ModelManifest]:
    """Load the champion, after everything that can be checked has been checked.

    Args:
        store: Where models are kept.
        prefix: Folder of the dataset's models within the store.
        extractor_digest: Digest of the extractor whose features the model is to be given, or None for no matter.

    Raises:
        ModelMissingError: nothing has been saved under the prefix.
        ModelRefusedError: see `load_model_of`, and `champion_manifest`. Nothing of a refused file has run.
    """
    manifest = champion_manifest(store, prefix)
    try:
        return load_model_of(store, prefix, manifest.sha256, extractor_digest)
    except (ModelRefusedError, ModelMissingError):
        if champion_manifest(store, prefix).sha256 != manifest.sha256:
            # As above: this one may be gone because it was replaced.
            return load_model(store, prefix, extractor_digest)
        raise
