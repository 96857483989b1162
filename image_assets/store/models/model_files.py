"""Models as files: `model-<first 12 digits of its SHA-256>.<format>`, and beside each a manifest of that name in JSON.

Nothing here depends on the time: the same model of the same data gives the same files. Which of the models is the
current one is not said here, see `model_champion`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from importlib.metadata import version
from math import prod
from typing import Literal, TypeVar, assert_never

import obstore
from obstore.store import ObjectStore
from pydantic import Field, JsonValue, ValidationError, model_validator

from image_assets.errors import Explained
from image_assets.settings.section import Sha256, Strict, faults_of
from image_assets.store.models.model import FORMATS, Model, ModelFormat
from image_assets.store.objects import content_of, remove, sizes_below

LEGACY_MODEL_MANIFEST = "manifest.json"
"""Where stores of before the history of models keep the manifest of their only model."""
DIGITS = 12  # of a digest, in file names
_LIBRARIES: dict[ModelFormat, tuple[str, ...]] = {
    "skops": ("numpy", "scikit-learn", "skops"),
    "safetensors": ("keras", "numpy", "safetensors"),
}
_MANIFEST_NAME = re.compile(rf"model-([0-9a-f]{{{DIGITS}}})\.json")


class ModelMissingError(Explained, LookupError):
    """No model has been saved here."""


class ModelRefusedError(Explained, ValueError):
    """The files are not a model that may be loaded; the message says which file, and what is wrong with it."""


class ModelDescription(Strict):
    """What a model is and what it was made of, as its trainer knows it."""

    dataset: str
    kind: str = Field(description="Kind of classifier, as the dataset file names it.")
    candidate: str = Field(default="", description="The kind with its settings, as they were selected.")
    classes: dict[str, int] = Field(description="Category → label.")
    extractor: str = Field(description="Name of the feature extractor.")
    extractor_digest: str = Field(description="Digest of the extractor's weights and settings.")
    feature_width: int = Field(gt=0, description="Numbers that the model is given of an image.")
    partitions: list[tuple[dt.date, str]] = Field(description="Day and category of the partitions trained on.")
    training_ids_sha256: Sha256 = Field(description="Which images it was trained on, see `ids_digest`.")
    held_out: float = Field(gt=0, lt=1, description="Share of images kept for the evaluation, of a split by image.")
    split: str = Field(default="by image", description="How images were held out, in words.")
    metrics: dict[str, JsonValue] = Field(description="Figures on the held-out images.")

    @property
    def data_day(self) -> dt.date:
        """The latest day that the model was trained on; the first of all days where there is none."""
        return max((day for day, _ in self.partitions), default=dt.date.min)


class ModelManifest(ModelDescription):
    """A description, and the file that it describes."""

    format: Literal[1] = 1
    model_format: ModelFormat = Field(default="skops", description="What the model file is; not said in old manifests.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that wrote the model.")
    file: str = Field(description="Name of the model file, beside the manifest.")
    sha256: Sha256 = Field(description="SHA-256 of the model file.")

    @model_validator(mode="after")
    def _file_is_named_by_its_content(self) -> ModelManifest:
        name = file_name(self.sha256, self.model_format)
        if self.file != name:
            raise ValueError(f"a {self.model_format} file with this SHA-256 is named {name}, not {self.file}")
        return self


class _SealedManifest(ModelManifest):
    """A manifest as it lies in the store, with a digest of itself: what somebody edits is noticed."""

    seal: Sha256 = Field(description="SHA-256 of the manifest without this line, as compact JSON with sorted keys.")

    @model_validator(mode="after")
    def _seal_is_whole(self) -> _SealedManifest:
        if self.seal != seal_of(self):
            raise ValueError("was altered: its content does not match its seal; train the model again")
        return self


_Manifest = TypeVar("_Manifest", bound=ModelManifest)


def seal_of(manifest: ModelManifest) -> str:
    """The digest that goes into the stored manifest: SHA-256 of compact JSON with sorted keys, without the seal."""
    # Manifests that were sealed before a field came up say nothing of it.
    content = manifest.model_dump(mode="json", exclude={"seal"}, exclude_unset=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def ids_digest(image_ids: Iterable[str]) -> str:
    """SHA-256 of a set of image ids, whatever their order: of the sorted ids, one a line."""
    return hashlib.sha256("".join(f"{image_id}\n" for image_id in sorted(image_ids)).encode()).hexdigest()


def store_model(store: ObjectStore, prefix: str, model: Model, description: ModelDescription) -> ModelManifest:
    """Keep a model beside the others, without making it the current one.

    Args:
        store: Where models are kept.
        prefix: Folder of the dataset's models within the store.
        model: A fitted model.
        description: What it is.

    Returns:
        The manifest as it was written.
    """
    content = _dumped(model)
    digest = hashlib.sha256(content).hexdigest()
    manifest = ModelManifest(
        **description.model_dump(),
        model_format=model.format,
        libraries={name: version(name) for name in _LIBRARIES[model.format]},
        file=file_name(digest, model.format),
        sha256=digest,
    )
    obstore.put(store, object_key(prefix, manifest.file), content)
    put_model_manifest(store, prefix, manifest)
    return manifest


def put_model_manifest(store: ObjectStore, prefix: str, manifest: ModelManifest) -> None:
    """Write a model's manifest, in one piece."""
    # What an older manifest leaves out is said from now on.
    whole = ModelManifest(**manifest.model_dump())
    content = {**whole.model_dump(mode="json"), "seal": seal_of(whole)}
    obstore.put(store, object_key(prefix, manifest_name(manifest.sha256)), json.dumps(content, indent=2).encode())


def manifest_of(store: ObjectStore, prefix: str, sha256: str) -> ModelManifest:
    """The manifest of one model, without loading the model.

    Args:
        store: Where models are kept.
        prefix: Folder of the dataset's models within the store.
        sha256: Digest of the model, or its first 12 digits.

    Raises:
        ModelMissingError: there is no such model.
        ModelRefusedError: the manifest was altered, or is not one of this format.
    """
    key = object_key(prefix, manifest_name(sha256))
    content = content_of(store, key)
    if content is None:
        legacy = legacy_manifest(store, prefix)
        if legacy is not None and legacy.sha256.startswith(sha256):
            return legacy
        raise ModelMissingError(f"{key}: there is no such model; `image-assets models list` names them")
    sealed = _parsed(_SealedManifest, content, key)
    manifest = ModelManifest(**sealed.model_dump(exclude={"seal"}))
    if not manifest.sha256.startswith(sha256):
        raise ModelRefusedError(f"{key} is the manifest of another model, {manifest.sha256}; train the model again")
    return manifest


def legacy_manifest(store: ObjectStore, prefix: str) -> ModelManifest | None:
    """The manifest of the only model of a store of before; None where there is none.

    Raises:
        ModelRefusedError: it is not one of this format.
    """
    key = object_key(prefix, LEGACY_MODEL_MANIFEST)
    content = content_of(store, key)
    return None if content is None else _parsed(ModelManifest, content, key)


def model_digests(store: ObjectStore, prefix: str) -> list[str]:
    """The first 12 digits of every model that has a manifest, in ascending order."""
    names = (path.removeprefix(f"{prefix}/") for path in sizes_below(store, f"{prefix}/" if prefix else None))
    return sorted({match[1] for name in names if (match := _MANIFEST_NAME.fullmatch(name))})


def remove_model(store: ObjectStore, prefix: str, digits: str) -> None:
    """Remove a model's files, the manifest first: a model without one is not there."""
    names = (manifest_name(digits), *(file_name(digits, one) for one in FORMATS))
    remove(store, *(object_key(prefix, name) for name in names))


def load_model_of(
    store: ObjectStore, prefix: str, sha256: str, extractor_digest: str | None = None
) -> tuple[Model, ModelManifest]:
    """Load one model, after everything that can be checked has been checked.

    Args:
        store: Where models are kept.
        prefix: Folder of the dataset's models within the store.
        sha256: Digest of the model, or its first 12 digits.
        extractor_digest: Digest of the extractor whose features the model is to be given, or None for no matter.

    Raises:
        ModelMissingError: there is no such model.
        ModelRefusedError: the manifest is altered or of another format, the file is missing or its SHA-256 is another
            one, it holds types that no model of ours is made of, manifest and model do not belong together, or the
            model was trained on another extractor's features. Nothing of a refused file has run.
    """
    manifest = manifest_of(store, prefix, sha256)
    key = object_key(prefix, manifest.file)
    if extractor_digest not in (None, manifest.extractor_digest):
        raise ModelRefusedError(
            f"{key}: the model was trained on features of {manifest.extractor} "
            f"{manifest.extractor_digest}, not on those of {extractor_digest}; train it again"
        )
    model = _parsed_model(_checked_content(store, key, manifest.sha256), manifest.model_format, key)
    _check_belongs(model, manifest, key)
    return model, manifest


def model_content(store: ObjectStore, prefix: str, manifest: ModelManifest) -> bytes:
    """The bytes of a model file that are what the manifest says. Raises `ModelRefusedError` where they are not."""
    return _checked_content(store, object_key(prefix, manifest.file), manifest.sha256)


def _checked_content(store: ObjectStore, key: str, sha256: str) -> bytes:
    content = content_of(store, key)
    if content is None:
        raise ModelRefusedError(f"{key} is missing, though the manifest names it; train the model again")
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ModelRefusedError(
            f"{key} was altered: its SHA-256 is {digest}, the manifest says {sha256}; train the model again"
        )
    return content


def _parsed(kind: type[_Manifest], content: bytes, key: str) -> _Manifest:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ModelRefusedError(f"{key} is not a manifest that this version reads: {faults_of(error)}") from None


def _dumped(model: Model) -> bytes:
    # Loads scikit-learn or Keras, which readers of manifests, such as every run of every asset, need not wait for.
    match model.format:
        case "skops":
            from image_assets.store.models.skops_files import dump_model

            return dump_model(model)
        case "safetensors":
            from image_assets.store.models.network_files import dump_network

            return dump_network(model)
    assert_never(model.format)


def _parsed_model(content: bytes, model_format: ModelFormat, key: str) -> Model:
    match model_format:
        case "skops":
            from image_assets.store.models.skops_files import UnsafeModelError, parse_model

            try:
                return parse_model(content)
            except UnsafeModelError as error:
                raise ModelRefusedError(f"{key}: {error}") from error
        case "safetensors":
            from image_assets.networks.keras_here import prepare_keras

            prepare_keras()  # says what is to be installed
            from image_assets.store.models.network_files import parse_network
            from image_assets.store.models.tensor_files import TensorFileError

            try:
                return parse_network(content)
            except TensorFileError as error:
                raise ModelRefusedError(f"{key}: {error}") from error
    assert_never(model_format)


def _check_belongs(model: Model, manifest: ModelManifest, key: str) -> None:
    """See that the model takes and gives what its manifest says."""
    try:
        shape, labels = model.row_shape, model.classes.tolist()
    except (AttributeError, IndexError) as error:
        raise ModelRefusedError(f"{key} is not a fitted classifier ({error}); train the model again") from error
    if prod(shape) != manifest.feature_width or not set(labels) <= set(manifest.classes.values()):
        raise ModelRefusedError(
            f"{key} takes {' × '.join(map(str, shape))} {model.input} and answers with labels {labels}, but its "
            f"manifest says {manifest.feature_width} {model.input} and {manifest.classes}; train the model again"
        )


def file_name(sha256: str, model_format: ModelFormat) -> str:
    """Name of a model's file."""
    return f"model-{sha256[:DIGITS]}.{model_format}"


def is_model_file(path: str, sha256: str) -> bool:
    """Whether a path ends in the name of the model with that SHA-256, whatever its format."""
    return path.rsplit("/", 1)[-1] in {file_name(sha256, one) for one in FORMATS}


def manifest_name(sha256: str) -> str:
    """Name of a model's manifest."""
    return f"model-{sha256[:DIGITS]}.json"


def object_key(prefix: str, name: str) -> str:
    """Path within the store of a file below a prefix, which may be empty."""
    return f"{prefix}/{name}" if prefix else name
