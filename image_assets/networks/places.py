"""Where networks lie below a store; light, for everybody."""

from __future__ import annotations

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec

CNN_CLASSIFIER = "cnn_classifier"


def cnn_prefix(dataset: DatasetSpec) -> str:
    """Where the networks that tell a dataset's categories apart lie: models with a history and a champion."""
    return models_prefix(dataset, CNN_CLASSIFIER)
