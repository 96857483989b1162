"""Regions for the map of a small platform, whose images are too few for crowds of their own."""

from __future__ import annotations

import numpy as np

from image_assets.embedding.kept_fit import KeptFits
from image_assets.embedding.kept_regions import FOLDER, Regions
from image_assets.schema import EMBEDDING
from tests.platform import Platform


def make_plants_a_region(platform: Platform) -> int:
    """Keep them as a run keeps regions; how many images these are."""
    places = platform.rows(EMBEDDING)
    (fit,) = places["fit"].unique()
    plants = places["label"].to_numpy() == 0
    of_fitted = np.where(plants, 0, -1).astype(np.int16)
    fits = KeptFits(platform.store.objects(platform.dataset.name, FOLDER))
    regions = Regions(places.select("x", "y").to_numpy(), of_fitted, np.ones(1, np.float32))
    fits.keep_regions(fits.load(fit)[1], regions)
    return int(plants.sum())
