"""How models are kept: a model file named by its content, and a manifest that says which one is current.

Layout under a prefix of the store: `model-<first 12 digits of its SHA-256>.skops` and `manifest.json`. The manifest is
put last and in one piece, so a reader sees the old model or the new one, never half of one. Nothing here depends on
the time: the same model of the same data gives the same files.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import obstore
from obstore.store import ObjectStore
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MANIFEST = "manifest.json"
_LIBRARIES = ("numpy", "scikit-learn", "skops")
_SHA256 = r"^[0-9a-f]{64}$"


class ModelMissingError(LookupError):
    """No model has been saved here."""


class ModelRefusedError(ValueError):
    """The files are not a model that may be loaded; the message says which file, and what is wrong with it."""


class ModelDescription(BaseModel):
    """What a model is and what it was made of, as its trainer knows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    kind: str = Field(description="Kind of classifier, as the dataset file names it.")
    candidate: str = Field(default="", description="The kind with its settings, as they were selected.")
    classes: dict[str, int] = Field(description="Category → label.")
    extractor: str = Field(description="Name of the feature extractor.")
    extractor_digest: str = Field(description="Digest of the extractor's weights and settings.")
    feature_width: int = Field(gt=0)
    partitions: list[tuple[dt.date, str]] = Field(description="Day and category of the partitions trained on.")
    training_ids_sha256: str = Field(pattern=_SHA256, description="Which images it was trained on, see `ids_digest`.")
    held_out: float = Field(gt=0, lt=1, description="Share of images kept for the evaluation, of a split by image.")
    split: str = Field(default="by image", description="How images were held out, in words.")
    metrics: dict[str, JsonValue] = Field(description="Figures on the held-out images.")


class ModelManifest(ModelDescription):
    """A description, and the file that it describes."""

    format: Literal[1] = 1
    libraries: dict[str, str] = Field(description="Versions of the libraries that wrote the model.")
    file: str = Field(description="Name of the model file, beside the manifest.")
    sha256: str = Field(pattern=_SHA256, description="SHA-256 of the model file.")

    @model_validator(mode="after")
    def _file_is_named_by_its_content(self) -> ModelManifest:
        if self.file != _file_name(self.sha256):
            raise ValueError(f"a file with this SHA-256 is named {_file_name(self.sha256)}, not {self.file}")
        return self


def ids_digest(image_ids: Iterable[str]) -> str:
    """SHA-256 of a set of image ids, whatever their order: of the sorted ids, one a line."""
    return hashlib.sha256("".join(f"{image_id}\n" for image_id in sorted(image_ids)).encode()).hexdigest()


def save_model(store: ObjectStore, prefix: str, model: Pipeline, description: ModelDescription) -> ModelManifest:
    """Save a model and make it the current one.

    The file of the model that was current before is removed after the switch. A run that is killed leaves the model
    that was current, and at most one file that nothing refers to.

    Args:
        store: Where models are kept.
        prefix: Folder of this model within the store.
        model: A fitted pipeline.
        description: What it is.

    Returns:
        The manifest as it was written.
    """
    # Loads scikit-learn, which readers of manifests, such as every run of every asset, need not wait for.
    from io_managers.skops_files import dump_model

    content = dump_model(model)
    digest = hashlib.sha256(content).hexdigest()
    manifest = ModelManifest(
        **description.model_dump(),
        libraries={name: version(name) for name in _LIBRARIES},
        file=_file_name(digest),
        sha256=digest,
    )
    try:
        previous = read_manifest(store, prefix).file
    except (ModelMissingError, ModelRefusedError):
        previous = manifest.file
    obstore.put(store, _key(prefix, manifest.file), content)
    obstore.put(store, _key(prefix, MANIFEST), manifest.model_dump_json(indent=2).encode())
    if previous != manifest.file:
        # Another run may have removed it already.
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(store, _key(prefix, previous))
    return manifest


def read_manifest(store: ObjectStore, prefix: str) -> ModelManifest:
    """The manifest of the current model, without loading the model.

    Raises:
        ModelMissingError: nothing has been saved under the prefix.
        ModelRefusedError: the manifest is not one of this format.
    """
    key = _key(prefix, MANIFEST)
    try:
        content = bytes(obstore.get(store, key).bytes())
    except FileNotFoundError:
        raise ModelMissingError(f"{key}: there is no model; train one first") from None
    try:
        return ModelManifest.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'whole file'}: {e['msg']}" for e in error.errors())
        raise ModelRefusedError(f"{key} is not a manifest that this version reads: {problems}") from None


def load_model(store: ObjectStore, prefix: str, extractor_digest: str | None = None) -> tuple[Pipeline, ModelManifest]:
    """Load the current model, after everything that can be checked has been checked.

    Args:
        store: Where models are kept.
        prefix: Folder of this model within the store.
        extractor_digest: Digest of the extractor whose features the model is to be given, or None for no matter.

    Raises:
        ModelMissingError: nothing has been saved under the prefix.
        ModelRefusedError: the manifest is of another format, the file is missing or its SHA-256 is another one, it
            holds types that no model of ours is made of, manifest and model do not belong together, or the model
            was trained on another extractor's features. Nothing of a refused file has run.
    """
    from io_managers.skops_files import UnsafeModelError, parse_model

    manifest = read_manifest(store, prefix)
    if extractor_digest not in (None, manifest.extractor_digest):
        raise ModelRefusedError(
            f"{_key(prefix, MANIFEST)}: the model was trained on features of {manifest.extractor} "
            f"{manifest.extractor_digest}, not on those of {extractor_digest}; train it again"
        )
    key = _key(prefix, manifest.file)
    try:
        content = bytes(obstore.get(store, key).bytes())
    except FileNotFoundError:
        if read_manifest(store, prefix) != manifest:
            # Another run made its model current, and removed this one, since the manifest was read.
            return load_model(store, prefix, extractor_digest)
        raise ModelRefusedError(f"{key} is missing, though the manifest names it; train the model again") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise ModelRefusedError(
            f"{key} was altered: its SHA-256 is {digest}, the manifest says {manifest.sha256}; train the model again"
        )
    try:
        model = parse_model(content)
    except UnsafeModelError as error:
        raise ModelRefusedError(f"{key}: {error}") from error
    _check_belongs(model, manifest, key)
    return model, manifest


def _check_belongs(model: Pipeline, manifest: ModelManifest, key: str) -> None:
    """See that the model takes and gives what its manifest says."""
    try:
        width, labels = model.n_features_in_, model.classes_.tolist()
    except (AttributeError, IndexError) as error:
        raise ModelRefusedError(f"{key} is not a fitted classifier ({error}); train the model again") from error
    if width != manifest.feature_width or not set(labels) <= set(manifest.classes.values()):
        raise ModelRefusedError(
            f"{key} takes {width} features and answers with labels {labels}, but its manifest says "
            f"{manifest.feature_width} features and {manifest.classes}; train the model again"
        )


def _file_name(sha256: str) -> str:
    return f"model-{sha256[:12]}.skops"


def _key(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
