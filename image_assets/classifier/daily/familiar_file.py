"""What is kept of a full refit so that the models of the days after it can say how familiar an image looks."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np
import obstore
from obstore.store import ObjectStore

from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.familiarity import Familiar
from image_assets.store.objects import content_of

FAMILIAR = "familiar.npz"
_MAGIC = b"image-assets familiar images 1\n"
_ARRAYS = ("features", "labels", "grid")


def write_familiar(objects: ObjectStore, prefix: str, familiar: Familiar, extractor_digest: str) -> None:
    """Keep it in the place of what was there: a line that names the format, a SHA-256, and arrays of numpy."""
    header = {"extractor": extractor_digest, "by_length": familiar.by_length, **familiar.calibration.model_dump()}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        header=np.frombuffer(json.dumps(header).encode(), np.uint8),
        **{name: getattr(familiar, name) for name in _ARRAYS},
    )
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    obstore.put(objects, f"{prefix}/{FAMILIAR}", _MAGIC + digest + b"\n" + content)


def read_familiar(objects: ObjectStore, prefix: str, extractor_digest: str, labels: np.ndarray) -> Familiar | None:
    """What was kept; None where there is nothing that can be used, so that a model does without.

    Args:
        objects: The store.
        prefix: Folder within it.
        extractor_digest: Of the features that it is to be of.
        labels: int [K], ascending: the categories that it is to be of.
    """
    content = content_of(objects, f"{prefix}/{FAMILIAR}") or b""
    digest, _, arrays = content.removeprefix(_MAGIC).partition(b"\n")
    if not content.startswith(_MAGIC) or hashlib.sha256(arrays).hexdigest().encode() != digest:
        return None
    try:
        with np.load(io.BytesIO(arrays), allow_pickle=False) as found:
            header = json.loads(found["header"].tobytes())
            extractor, by_length = header.pop("extractor"), bool(header.pop("by_length", False))
            calibration = FamiliarityRecord.model_validate(header)
            features, labels_kept, grid = (found[name] for name in _ARRAYS)
            familiar = Familiar(features, labels_kept, grid, calibration, by_length)
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile):
        return None
    fits = extractor == extractor_digest and np.array_equal(np.unique(familiar.labels), labels)
    return familiar if fits else None
