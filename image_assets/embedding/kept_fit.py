"""What a map was made of, kept in the store, so that new images are placed on it and old ones stay where they are.

Layout below `<store>/<dataset>/map`, a fit's digits being the first 12 of its file's SHA-256:

- `fit-<digits>.npz`: the fitted points; numbers and text alone, nothing in it can run.
- `fit-<digits>-regions.npz`: the regions of the map, see `kept_regions`.
- `fit-<digits>.json`: its manifest, written last: without one there is no fit.

The table `embedding` names the fit that its places belong to, so that one commit puts a new map in the place of the
old: nothing here says which fit is the current one.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np
import obstore
from obstore.store import ObjectStore
from pydantic import ValidationError

from image_assets.embedding.integrity import Integrity
from image_assets.embedding.kept_regions import FOLDER, Regions, kept_regions, regions_name, written
from image_assets.embedding.quality import Usual
from image_assets.embedding.reduction import Reduction
from image_assets.settings.section import Sha256, Strict, faults_of
from image_assets.settings.stages import Embedding
from image_assets.store.objects import content_of, remove, sizes_below

_VERSION = 1
_DIGITS = 12


class FitRefused(ValueError):
    """A kept fit that cannot be used: missing, altered, or of another version; the message says which and why."""


class FitManifest(Strict):
    """What is said of a kept fit.

    Attributes:
        version: Of this format.
        sha256: Of its file.
        bytes: Size of its file.
        extractor: Digest of the extractor whose features were fitted.
        perplexity: As the dataset file had it; so are `fit_points`, `dimensions` and `seed`.
        images: How many there were when it was made,
        fitted: and how many of them were fitted.
        because: Why it was made.
        regions: SHA-256 of the file of its regions; None: by a version that had none.
        integrity: How well the fitted images stood for all of then; None likewise.
    """

    version: int = _VERSION
    sha256: Sha256
    bytes: int
    extractor: str
    perplexity: float
    fit_points: int
    dimensions: int
    seed: int
    images: int
    fitted: int
    because: str
    regions: Sha256 | None = None
    integrity: Integrity | None = None


@dataclass(frozen=True)
class Fit:
    """A fitted map: all that placing another image on it takes.

    Attributes:
        ids: Of the fitted images, bytes [M], ascending.
        digests: Of their features, int64 [M].
        labels: Of all categories that had images then, int16 [K], ascending.
        reduction: The principal components of their features.
        reduced: Their features in these, float32 [M, C].
        places: Theirs, float32 [M, d], as the table has them.
        scale: What the library's places were multiplied by: its distances have a unit, those of the table none.
        usual: What is usual among them.
    """

    ids: np.ndarray
    digests: np.ndarray
    labels: np.ndarray
    reduction: Reduction
    reduced: np.ndarray
    places: np.ndarray
    scale: float
    usual: Usual


@dataclass(frozen=True)
class About:
    """What a fit was made of and why, for its manifest; the attributes are explained there."""

    extractor: str
    spec: Embedding
    images: int
    because: str

    def differs(self, made: FitManifest) -> str:
        """What would be another fit today than the one that was made; empty where nothing."""
        if made.extractor != self.extractor:
            return "the features are of another extractor"
        spec = self.spec.model_dump(include={"perplexity", "fit_points", "dimensions", "seed"})
        changed = [f"embedding.{name} was {was}" for name, now in spec.items() if (was := getattr(made, name)) != now]
        return ", ".join(changed)


class KeptFits:
    """The fits of a dataset.

    Args:
        objects: The object store rooted at `<store>/<dataset>/map`.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def save(self, fit: Fit, about: About, regions: Regions) -> FitManifest:
        """Keep a fit with its regions, whole or not at all; the same fit gives the same bytes."""
        content = _written(fit)
        manifest = FitManifest(
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            extractor=about.extractor,
            **about.spec.model_dump(include={"perplexity", "fit_points", "dimensions", "seed"}),
            images=about.images,
            fitted=len(fit.ids),
            because=about.because,
        )
        obstore.put(self._objects, _name(manifest.sha256, "npz"), content)
        return self.keep_regions(manifest, regions)

    def regions(self, sha256: str) -> Regions | None:
        """The regions of a fit; None where none are kept, or what is there is not what was kept."""
        return kept_regions(self._objects, sha256)

    def keep_regions(self, manifest: FitManifest, regions: Regions) -> FitManifest:
        """Keep the regions of a fit that is there; the manifest then says which they are."""
        content = written(regions)
        manifest = manifest.model_copy(update={"regions": hashlib.sha256(content).hexdigest()})
        obstore.put(self._objects, regions_name(manifest.sha256), content)
        self._say(manifest)
        return manifest

    def note(self, manifest: FitManifest, integrity: Integrity) -> None:
        """Have the manifest say how well the fitted images stand for all: known once these are on the map."""
        said = self._manifest(manifest.sha256)
        self._say(said.model_copy(update={"integrity": integrity}))

    def _say(self, manifest: FitManifest) -> None:
        text = json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n"
        obstore.put(self._objects, _name(manifest.sha256, "json"), text.encode())

    def load(self, sha256: str) -> tuple[Fit, FitManifest]:
        """A kept fit, after everything that can be checked has been checked.

        Raises:
            FitRefused: it, or its manifest, is missing, altered or of another version.
        """
        manifest = self._manifest(sha256)
        name = _name(sha256, "npz")
        content = content_of(self._objects, name)
        if content is None:
            raise FitRefused(f"{FOLDER}/{name} is missing, though its manifest is there")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise FitRefused(f"{FOLDER}/{name} was altered: its SHA-256 is not that of the table and the manifest")
        try:
            return _read(content), manifest
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise FitRefused(f"{FOLDER}/{name} is no fit of this version: {error}") from None

    def forget_others(self, *kept: str) -> None:
        """Remove all fits but these."""
        names = {_name(sha256, ending) for sha256 in kept for ending in ("npz", "json")}
        names |= {regions_name(sha256) for sha256 in kept}
        gone = [path for path in sizes_below(self._objects) if path.startswith("fit-") and path not in names]
        # A manifest goes first: a fit without one is not there.
        remove(self._objects, *sorted(gone, key=lambda path: not path.endswith(".json")))

    def _manifest(self, sha256: str) -> FitManifest:
        name = _name(sha256, "json")
        content = content_of(self._objects, name)
        if content is None:
            raise FitRefused(f"{FOLDER}/{name} is missing, which the table names")
        try:
            manifest = FitManifest.model_validate_json(content)
        except ValidationError as error:
            raise FitRefused(f"{FOLDER}/{name} is no manifest of this version: {faults_of(error)}") from None
        if manifest.version != _VERSION or manifest.sha256 != sha256:
            raise FitRefused(f"{FOLDER}/{name} is the manifest of another version or another fit")
        return manifest


def _name(sha256: str, ending: str) -> str:
    return f"fit-{sha256[:_DIGITS]}.{ending}"


def _written(fit: Fit) -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        ids=fit.ids,
        digests=fit.digests,
        labels=fit.labels,
        mean=fit.reduction.mean,
        axes=fit.reduction.axes,
        reduced=fit.reduced,
        places=fit.places,
        figures=np.array([fit.scale, fit.usual.kept, fit.usual.distance, fit.usual.left_out]),
    )
    return file.getvalue()


def _read(content: bytes) -> Fit:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        scale, *figures = file["figures"].tolist()
        return Fit(
            file["ids"],
            file["digests"],
            file["labels"],
            Reduction(file["mean"], file["axes"]),
            file["reduced"],
            file["places"],
            scale,
            Usual(*figures),
        )
