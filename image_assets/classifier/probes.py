"""Feature vectors to compare two forms of one model on: real held-out ones, or such as the model's scaler has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.pipeline import Pipeline

from image_assets.classifier.split import held_out
from image_assets.dataset import DatasetSpec
from image_assets.features.table import feature_matrix
from image_assets.schema import IMAGE_FEATURES
from io_managers.model_files import ModelManifest
from io_managers.store import Store

_ROWS = 2_000
_ENOUGH = 100


@dataclass(frozen=True)
class Probes:
    """float32 [N, D] features, and where they come from."""

    features: np.ndarray
    origin: str


def probes(dataset: DatasetSpec, store: Store, model: Pipeline, manifest: ModelManifest) -> Probes:
    """At most 2,000 held-out vectors of the model's extractor; with fewer than 100 of them, generated ones too."""
    rows = store.table(dataset.name, IMAGE_FEATURES).scan().filter(pl.col("extractor") == manifest.extractor_digest)
    ids = rows.select("image_id").collect()["image_id"].sort()
    chosen = ids.filter(pl.Series(held_out(ids, manifest.held_out)))[:_ROWS]
    real = feature_matrix(rows.filter(pl.col("image_id").is_in(chosen.implode())).select("features").collect())
    if len(real) >= _ENOUGH:
        return Probes(real, "held-out images")
    made = generated_probes(model, _ROWS)
    if not len(real):
        return Probes(made, "generated rows")
    return Probes(np.concatenate([real, made]), f"rows, {len(real):,} held-out images and generated ones")


def generated_probes(model: Pipeline, rows: int) -> np.ndarray:
    """float32 [rows, D], drawn from normal distributions of the mean and deviation that the model's scaler has seen."""
    scaler = model.named_steps["scale"]
    drawn = np.random.default_rng(0).normal(size=(rows, len(scaler.mean_)))
    return (scaler.mean_ + drawn * scaler.scale_).astype(np.float32)
