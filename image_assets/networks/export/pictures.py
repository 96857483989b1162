"""Pictures to compare two forms of one network on: real held-out ones, and noise where there are few."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import polars as pl

from image_assets.categories.record import in_use
from image_assets.classifier.export.probes import held_out_ids
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.networks.pixels import PixelForm, decoded_pictures
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.models.model_files import ModelManifest
from image_assets.store.models.network_model import NetworkModel
from image_assets.store.store import Store

_PICTURES, _BYTES = 300, 200_000_000
_ENOUGH = 50


@dataclass(frozen=True)
class PictureProbes:
    """uint8 [N, H, W, C] prepared pictures, and where they come from."""

    pictures: np.ndarray
    origin: str


def picture_probes(dataset: DatasetSpec, store: Store, model: NetworkModel, manifest: ModelManifest) -> PictureProbes:
    """At most 300 pictures as the network takes them, or 200 MB; with fewer than 50 of them, noise too.

    Held-out ones, where the tables still show which images the network was trained on: the digest of their ids is in
    its manifest. Otherwise any, and they are not called held-out.
    """
    features = in_use(store.table(dataset.name, IMAGE_FEATURES).scan(), dataset)
    # Networks are trained on the images that have features, so that their sides are those of the classifier.
    rows = features.filter(pl.col("extractor") == shared_extractor(dataset.extractor).digest)
    unseen = held_out_ids(dataset, store, rows, manifest)
    origin = "pictures, on some of which it may have been trained" if unseen is None else "held-out pictures"
    there = rows.select("image_id", "date", "category").collect().sort("image_id")
    chosen = there if unseen is None else there.filter(pl.col("image_id").is_in(unseen.implode()))
    form = PixelForm(model.about.size, model.about.colour)
    most = max(_ENOUGH, min(_PICTURES, _BYTES // prod(form.shape)))
    raw_images = store.table(dataset.name, RAW_IMAGES)
    parts = [pictures for _, pictures in decoded_pictures(raw_images, chosen.head(most), form)]
    real = np.concatenate([np.empty((0, *form.shape), np.uint8), *parts])
    if len(real) >= _ENOUGH:
        return PictureProbes(real, origin)
    noise = np.random.default_rng(0).integers(0, 256, (_ENOUGH, *form.shape), np.uint8)
    if not len(real):
        return PictureProbes(noise, "pictures of noise")
    return PictureProbes(np.concatenate([real, noise]), f"pictures, {len(real):,} {origin} and noise")
