"""The regions of a map as they are kept beside its fit: crowds of fitted points, and who else lies in them. Light.

`map/fit-<digits>-regions.npz` holds numbers alone; the fit's manifest has its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np
from obstore.store import ObjectStore

from image_assets.store.objects import content_of

FOLDER = "map"
"""The folder of a dataset that holds fits and their regions."""
NOWHERE = -1
"""The number of what lies in no region."""
_DIGITS = 12


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a fit.

    Attributes:
        places: Of the fitted points, float32 [M, d].
        of_fitted: The region of each, int16 [M], from 0, the largest first; -1 in none.
        reach: Of each region, float32 [R]: how far from its nearest fitted point one may be to lie in it.
    """

    places: np.ndarray
    of_fitted: np.ndarray
    reach: np.ndarray

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.reach)

    @property
    def nowhere(self) -> float:
        """Share of the fitted points that lie in none."""
        return float((self.of_fitted == NOWHERE).mean())

    def of(self, places: np.ndarray) -> np.ndarray:
        """The regions that points, float32 [N, d], lie in, int16 [N]; -1 in none.

        It is that of the nearest fitted point, where this is near.
        """
        if not self.number or not len(places):
            return np.full(len(places), NOWHERE, np.int16)
        from scipy.spatial import KDTree  # slow to load, and most of who asks for a fit's files does not come here

        distance, nearest = KDTree(self.places).query(places, workers=-1)
        found = self.of_fitted[nearest].copy()
        found[distance > np.append(self.reach, 0)[found]] = NOWHERE
        return found


def written(regions: Regions) -> bytes:
    """The file of regions; the same ones give the same bytes."""
    file = io.BytesIO()
    np.savez(file, places=regions.places, of_fitted=regions.of_fitted, reach=regions.reach)
    return file.getvalue()


def regions_name(fit: str) -> str:
    """The name of the file, by the SHA-256 of the fit."""
    return f"fit-{fit[:_DIGITS]}-regions.npz"


def kept_regions(objects: ObjectStore, fit: str) -> Regions | None:
    """The regions of a fit; None where none are kept, or what is there is not what the manifest says.

    Args:
        objects: Rooted at `<store>/<dataset>/map`.
        fit: Its SHA-256.
    """
    try:
        said = json.loads(content_of(objects, f"fit-{fit[:_DIGITS]}.json") or b"{}").get("regions")
        content = content_of(objects, regions_name(fit))
        if content is None or hashlib.sha256(content).hexdigest() != said:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return Regions(file["places"], file["of_fitted"], file["reach"])
    except (KeyError, ValueError, AttributeError, zipfile.BadZipFile):
        return None
