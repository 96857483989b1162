"""The daily path's model beside the full refit's, on the same held-out images; and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import obstore
from obstore.store import ObjectStore
from pydantic import ValidationError

from image_assets.classifier.daily.path_choice import LastRefit, Trust
from image_assets.classifier.mcnemar import mcnemar
from image_assets.classifier.training.evaluate import evaluate
from image_assets.store.models.model import Model

RECORD = "last-refit.json"


def measured_trust(
    daily: Model, full: Model, features: np.ndarray, labels: np.ndarray, classes: Mapping[str, int]
) -> Trust:
    """Compare two models.

    Args:
        daily: The discriminant of the running totals.
        full: The full refit of the same day.
        features: float32 [M, D], held-out images.
        labels: int16 [M].
        classes: Category → label.

    Raises:
        NotTrainableError, UnusableFeaturesError: as `evaluate`.
    """
    one, other = (evaluate(model, features, labels, classes) for model in (daily, full))
    return Trust(
        images=len(labels),
        daily_accuracy=one.accuracy,
        full_accuracy=other.accuracy,
        daily_log_loss=one.log_loss,
        full_log_loss=other.log_loss,
        p_value=mcnemar(daily.predict(features) == labels, full.predict(features) == labels),
    )


def read_last_refit(objects: ObjectStore, prefix: str) -> LastRefit | None:
    """What was remembered; none where nothing was, or it cannot be read: then a full refit makes it anew."""
    try:
        return LastRefit.model_validate_json(bytes(obstore.get(objects, f"{prefix}/{RECORD}").bytes()))
    except (FileNotFoundError, ValidationError):
        return None


def write_last_refit(objects: ObjectStore, prefix: str, last: LastRefit) -> None:
    """Remember a full refit in the place of the one before."""
    obstore.put(objects, f"{prefix}/{RECORD}", last.model_dump_json(indent=1).encode())
