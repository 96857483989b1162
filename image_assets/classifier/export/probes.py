"""Feature vectors to compare two forms of one model on: real held-out ones, or such as the model has learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.categories.record import in_use
from image_assets.classifier.training.images import set_aside, undisputed, with_source_sets
from image_assets.dataset import DatasetSpec
from image_assets.features.table import feature_matrix
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.store.models.model import Model
from image_assets.store.models.model_files import ModelManifest, ids_digest
from image_assets.store.store import Store

_ROWS = 2_000
_ENOUGH = 100


@dataclass(frozen=True)
class Probes:
    """float32 [N, D] features, and where they come from."""

    features: np.ndarray
    origin: str


def probes(dataset: DatasetSpec, store: Store, model: Model, manifest: ModelManifest) -> Probes:
    """At most 2,000 vectors of the model's extractor; with fewer than 100 of them, generated ones too.

    Held-out ones, where the tables still show which images the model was trained on: the digest of their ids is in its
    manifest. Otherwise any, and they are not called held-out.
    """
    features = in_use(store.table(dataset.name, IMAGE_FEATURES).scan(), dataset)
    rows = features.filter(pl.col("extractor") == manifest.extractor_digest)
    unseen = held_out_ids(dataset, store, rows, manifest)
    origin = "images, on some of which it may have been trained" if unseen is None else "held-out images"
    ids = rows.select("image_id").collect()["image_id"] if unseen is None else unseen
    chosen = ids.sort()[:_ROWS]
    real = feature_matrix(rows.filter(pl.col("image_id").is_in(chosen.implode())).select("features").collect())
    if len(real) >= _ENOUGH:
        return Probes(real, origin)
    made = generated_probes(model, _ROWS)
    if not len(real):
        return Probes(made, "generated rows")
    return Probes(np.concatenate([real, made]), f"rows, {len(real):,} {origin} and generated ones")


def held_out_ids(
    dataset: DatasetSpec, store: Store, features: pl.LazyFrame, manifest: ModelManifest
) -> pl.Series | None:
    """Ids that are certainly held out from a model; None where the tables or the split have changed since.

    Args:
        dataset: Whose model.
        store: Where its tables are.
        features: Those rows of `image_features` that a model of today would be trained and judged on.
        manifest: Of the model.
    """
    conflicts, groups, images = (
        store.table(dataset.name, one).scan() for one in (LABEL_CONFLICTS, DUPLICATE_GROUPS, RAW_IMAGES)
    )
    decisions = decisions_of(dataset, store)
    wanted = decisions.applied(features.select("image_id", "date", "category"))
    rows = undisputed(wanted, in_doubt(conflicts, decisions)).sort("image_id").collect()
    rows = with_source_sets(rows, images, dataset.classifier)
    aside = pl.Series(set_aside(rows["image_id"], rows.lazy(), groups, dataset.classifier))
    trained = pl.DataFrame(manifest.partitions, schema={"date": pl.Date, "category": pl.String}, orient="row")
    known = rows.filter(~aside).join(trained, on=["date", "category"], how="semi").sort("image_id")
    if ids_digest(known["image_id"]) != manifest.training_ids_sha256:
        return None
    return rows.filter(aside)["image_id"]


def generated_probes(model: Model, rows: int) -> np.ndarray:
    """float32 [rows, D], drawn from normal distributions of the mean and deviation of what the model has learnt."""
    drawn = np.random.default_rng(0).normal(size=(rows, *model.row_shape))
    return model.rows_like(drawn).astype(np.float32)
