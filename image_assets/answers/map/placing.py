"""About where on the map is an image that is not on it: among the fitted images that its features are most like."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from image_assets.answers.latest import Latest
from image_assets.answers.map.points import MapPoints, points_of
from image_assets.answers.map.regions import fit_shown
from image_assets.answers.neighbours import UnknownImage
from image_assets.dataset import DatasetSpec
from image_assets.embedding.kept_regions import FOLDER
from image_assets.schema import EMBEDDING
from image_assets.store.store import Store

if TYPE_CHECKING:
    from image_assets.embedding.kept_fit import Fit

_LOG = logging.getLogger(__name__)
_NEAREST = 15
"""Among the middle of so many of its nearest fitted images an image begins that is placed on the map."""


@dataclass(frozen=True)
class MapPlace:
    """A place on the map.

    Attributes:
        x: As the table of the map has it.
        y: Likewise.
        across: The same from the left of the map's square, 0 … 1,
        up: and from its bottom.
        region: The name of the region that it lies in; None where it lies in none.
        on_map: Whether the image itself is there; otherwise the place is about where the next run would put it.
    """

    x: float
    y: float
    across: float
    up: float
    region: str | None
    on_map: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Known:
    """The fit of the map that is shown, and the digest of the extractor whose features were fitted."""

    fit: Fit
    extractor: str


_FITS: Latest[_Known | None] = Latest()


def place_of(
    dataset: DatasetSpec, store: Store, image_id: str, features: np.ndarray, extractor: str
) -> MapPlace | None:
    """Where an image is on the map, or about where it would be.

    Args:
        dataset: Whose map.
        store: Where it is kept.
        image_id: SHA-256 of the image.
        features: Of the image, float32 [D].
        extractor: Digest of what made them.

    Returns:
        None where there is no map, its fit is not kept, or other features were fitted.

    Raises:
        DamagedFile: a file of a table is missing or cut.
    """
    points = points_of(dataset, store)
    try:
        own = points.point_of(image_id)
    except UnknownImage:
        pass
    else:
        return _at(points, points.plane.points[own], points.regions.name_of(own), on_map=True)
    known = _FITS.get((store.url, dataset.name), points.version, lambda: _fit_of(dataset, store))
    if known is None or known.extractor != extractor or not points.number:
        return None
    return _among_fitted(points, known.fit, features)


def _among_fitted(points: MapPoints, fit: Fit, features: np.ndarray) -> MapPlace:
    from image_assets.embedding.neighbours import nearest

    found, _ = nearest(fit.reduced, fit.reduction.apply(features[None, :]), _NEAREST)
    place = np.median(fit.places[found[0]], axis=0, keepdims=True).astype(np.float32)
    return _at(points, place[0, :2], points.regions.name_at(place), on_map=False)


def _at(points: MapPoints, place: np.ndarray, region: str | None, *, on_map: bool) -> MapPlace:
    x, y = place.tolist()
    across, up = ((place - points.plane.corner) / points.plane.side).clip(0, 1).tolist()
    return MapPlace(x, y, across, up, region, on_map)


def _fit_of(dataset: DatasetSpec, store: Store) -> _Known | None:
    from image_assets.embedding.kept_fit import FitRefused, KeptFits

    shown = fit_shown(store.table(dataset.name, EMBEDDING).scan())
    if shown is None:
        return None
    try:
        fit, manifest = KeptFits(store.objects(dataset.name, FOLDER)).load(shown)
    except FitRefused as refused:
        _LOG.warning("no place on the map of %s is told of new images: %s", dataset.name, refused)
        return None
    return _Known(fit, manifest.extractor)
