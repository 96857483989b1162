"""What is kept of a denoising network: where it lies below a store, and the figures that its check looks at; light."""

from __future__ import annotations

import obstore
from obstore.store import ObjectStore
from pydantic import Field, ValidationError

from image_assets.errors import Explained
from image_assets.networks.denoising.figures import DenoisingFigures
from image_assets.settings.section import Frozen, Sha256, faults_of
from image_assets.store.objects import content_of

DENOISING = "denoising_autoencoder"
RECORD = "record.json"


class RecordRefusedError(Explained, ValueError):
    """The record of a denoising network cannot be read; the message says which, and why."""


class DenoisingRecord(Frozen):
    """The denoising network that was trained last."""

    preset: str
    noise: str = Field(description="What it takes away, in words.")
    sha256: Sha256 = Field(description="Of the network's file.")
    trained: int = Field(description="Images that it was trained on.")
    epochs: int = Field(description="Passes over them.")
    figures: DenoisingFigures


def denoising_prefix(dataset: str) -> str:
    """Where a dataset's denoising network lies below the store."""
    return f"{dataset}/{DENOISING}"


def write_record(objects: ObjectStore, dataset: str, record: DenoisingRecord) -> None:
    """Keep what is said of a network, in one piece."""
    obstore.put(objects, f"{denoising_prefix(dataset)}/{RECORD}", record.model_dump_json(indent=1).encode())


def read_record(objects: ObjectStore, dataset: str) -> DenoisingRecord | None:
    """What is said of the network that was trained last; None where there is none.

    Raises:
        RecordRefusedError: it was altered, or is of another version.
    """
    key = f"{denoising_prefix(dataset)}/{RECORD}"
    content = content_of(objects, key)
    if content is None:
        return None
    try:
        return DenoisingRecord.model_validate_json(content)
    except ValidationError as error:
        raise RecordRefusedError(f"{key} cannot be read: {faults_of(error)}; materialise {DENOISING} again") from None
