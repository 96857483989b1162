"""When a map that takes new images in is no longer good enough, and is to be fitted anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from image_assets.embedding.kept_fit import Fit
from image_assets.embedding.neighbours import nearest
from image_assets.embedding.quality import KEPT_OF, how_far, overlap
from image_assets.embedding.tsne import MIN_IMAGES
from image_assets.settings.stages import Embedding
from image_assets.wording import some

_MEASURED_FROM = 50  # added images; neighbours of fewer are a matter of chance
_LEFT = 0.5  # of the fitted images have to be there still


@dataclass(frozen=True)
class Placing:
    """How images that were placed after the fit are on the map.

    Attributes:
        images: How many were looked at.
        kept: Share of their 10 nearest fitted images that are among the 10 nearest on the map.
        unlike: Share of them that are unlike all that was fitted: farther off than 99 of 100 fitted ones are from each
            other, or farther outside the principal components.
    """

    images: int
    kept: float
    unlike: float


def placing(features: np.ndarray, places: np.ndarray, fit: Fit) -> Placing:
    """How placed images fit the map.

    Args:
        features: Theirs, float32 [N, D].
        places: Theirs on the map, float32 [N, d].
        fit: What the map was made of.
    """
    if not len(features):
        return Placing(0, fit.usual.kept, 0.0)
    near, distances = nearest(fit.reduced, fit.reduction.apply(features), KEPT_OF)
    on_map, _ = nearest(fit.places, places, KEPT_OF)
    unlike = (how_far(distances) > fit.usual.distance) | (fit.reduction.left_out(features) > fit.usual.left_out)
    return Placing(len(features), overlap(near, on_map), float(unlike.mean()))


def why_refit(
    fit: Fit, present: int, labels: np.ndarray, added: Placing, spec: Embedding, names: Mapping[int, str]
) -> str:
    """Why the map should be fitted anew; empty where it need not.

    Args:
        fit: What it was made of.
        present: How many of the fitted images are still there.
        labels: Of all images, int [N].
        added: How those fit it that came since.
        spec: What the dataset file says.
        names: Category by label.
    """
    if present < _LEFT * len(fit.ids):
        return f"{len(fit.ids) - present:,} of the {len(fit.ids):,} fitted images are gone"
    found, counts = np.unique(labels, return_counts=True)
    unseen = found[(counts >= MIN_IMAGES) & ~np.isin(found, fit.labels)]
    if len(unseen):
        return f"it was made before there were images of {some([names.get(int(one), str(one)) for one in unseen], 3)}"
    possible = min(len(labels), spec.fit_points)
    if possible >= spec.refit.growth * len(fit.ids):
        return f"{possible:,} images can be fitted, and {len(fit.ids):,} were"
    if added.unlike > spec.refit.unlike and added.unlike * added.images >= MIN_IMAGES:
        return f"{added.unlike:.0%} of the images added since are unlike all that was fitted"
    if added.images >= _MEASURED_FROM and added.kept < spec.refit.neighbours * fit.usual.kept:
        return f"images added since keep {added.kept:.1%} of their neighbours, and fitted ones {fit.usual.kept:.1%}"
    return ""
