"""Where networks and their reports lie below a store; light, for everybody."""

from __future__ import annotations

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec

CNN_CLASSIFIER = "cnn_classifier"


def cnn_prefix(dataset: DatasetSpec) -> str:
    """Where the networks that tell a dataset's categories apart lie: models with a history and a champion."""
    return models_prefix(dataset, CNN_CLASSIFIER)


def cnn_report_name(sha256: str | None = None) -> str:
    """Name of the report of the network with that SHA-256; of the newest for None."""
    return f"{CNN_CLASSIFIER}-{sha256[:12]}.html" if sha256 else f"{CNN_CLASSIFIER}.html"
