"""The map of today: yesterday's with the new images placed on it, or one that is fitted anew from where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from image_assets.embedding.alignment import Displacement, aligned, displacement
from image_assets.embedding.feature_stream import Features, Gathered, as_bytes, digests
from image_assets.embedding.fitted_sample import fitted_sample
from image_assets.embedding.integrity import Integrity, integrity
from image_assets.embedding.kept_fit import About, Fit, FitManifest, FitRefused, KeptFits
from image_assets.embedding.kept_regions import Regions
from image_assets.embedding.map_table import ADDED, FITTED, PLACED, MapTable, finite, positions
from image_assets.embedding.neighbours import nearest_others
from image_assets.embedding.quality import KEPT_OF, SAMPLE, overlap, spread, trustworthiness, usual
from image_assets.embedding.reduction import Reduction
from image_assets.embedding.refit import Placing, placing, why_refit
from image_assets.embedding.regions import regions_of
from image_assets.embedding.starting_places import starting_places
from image_assets.embedding.tsne import fit_places, place_among, refit_places
from image_assets.settings.stages import Embedding
from image_assets.workers import Progress, no_progress


@dataclass(frozen=True)
class MapSettings:
    """What a map is made with.

    Attributes:
        spec: What the dataset file says.
        extractor: Digest of the features' extractor.
        names: Category by label.
        groups: Gives the groups of lookalikes, image_id and group_id. Asked for only where a map is fitted.
        track: Tells the progress of a piece of work, by its title and the unit that it counts.
    """

    spec: Embedding
    extractor: str
    names: Mapping[int, str] = field(default_factory=dict)
    groups: Callable[[], pl.DataFrame] = lambda: pl.DataFrame(schema={"image_id": pl.String, "group_id": pl.String})
    track: Callable[[str, str], AbstractContextManager[Progress]] = lambda title, unit: nullcontext(no_progress)  # noqa: ARG005


@dataclass(frozen=True)
class MapOfToday:
    """A map, and what is to be said of it.

    Attributes:
        table: The map.
        because: Why it was fitted anew; empty where new images were taken in.
        moved: How far images that were on the map before are from where they were; None on the first map.
        added: How images fit it that came since it was fitted.
        trustworthiness: Of 2,000 images.
        regions: The region that each image lies in, int16 [N]; -1 in none.
        integrity: How well the fitted images stand for all.
    """

    table: MapTable
    because: str
    moved: Displacement | None
    added: Placing
    trustworthiness: float
    regions: np.ndarray
    integrity: Integrity


def todays_map(features: Features, before: MapTable, fits: KeptFits, settings: MapSettings) -> MapOfToday:
    """Make the map of today.

    Args:
        features: Of all images, at least 10.
        before: The map as it was; of no images where there was none.
        fits: Where fits are kept.
        settings: What it is made with.

    Raises:
        UnusableFeaturesError: vectors of several widths, NaN or infinity.
    """
    refit = _Refit(features, before, fits, settings)
    if not before.fit:
        there = bool(len(before.ids))
        return refit.continued("no fit of it was kept" if there else "there was no map yet", before)
    try:
        fit, manifest = fits.load(before.fit)
    except FitRefused as refused:
        return refit.continued(str(refused), before)
    regions = fits.regions(before.fit)
    if regions is None:  # of an earlier version, or damaged: the same fit has the same
        regions = regions_of(fit.places)
        fits.keep_regions(manifest, regions)
    if changed := About(settings.extractor, settings.spec, len(features), "").differs(manifest):
        return refit.from_scratch(changed)
    today = _taken_in(features, before, _Kept(fit, manifest, regions), settings)
    return refit.continued(today.because, today.table, fit) if today.because else today


class _Kept(NamedTuple):
    """A fit that is kept, with what is kept beside it."""

    fit: Fit
    manifest: FitManifest
    regions: Regions


def _taken_in(features: Features, before: MapTable, kept: _Kept, settings: MapSettings) -> MapOfToday:
    """Yesterday's map with new images placed on it; `because` says why it should not stay so."""
    fit, manifest, regions = kept
    table = MapTable.empty(features.ids, settings.spec.dimensions, before.fit)
    in_fit, known = positions(features.ids, fit.ids), positions(features.ids, before.ids)
    later = np.flatnonzero((in_fit < 0) & ~((known >= 0) & (before.how[known] == PLACED)))
    measured = Gathered(later[spread(len(later), SAMPLE)])
    sample = Gathered(spread(len(features), SAMPLE))
    of_features = np.empty(len(features), dtype=np.int64)
    new: list[tuple[np.ndarray, np.ndarray]] = []
    for batch in features.batches():
        rows, found = batch.rows, digests(batch.features)
        of_features[rows] = found
        fitted = in_fit[rows] >= 0
        fitted[fitted] = fit.digests[in_fit[rows[fitted]]] == found[fitted]
        table.put(rows[fitted], fit.places[in_fit[rows[fitted]]], FITTED)
        stays = ~fitted & before.holds(known[rows], found)
        table.put(rows[stays], before.places[known[rows[stays]]], before.how[known[rows[stays]]])
        fresh = ~fitted & ~stays
        new.append((rows[fresh], fit.reduction.apply(batch.features[fresh])))
        for wanted in (measured, sample):
            wanted.look_at(batch)
    _place(table, fit, new, ADDED, settings)
    everything = np.arange(len(features))
    table.seal(everything, of_features)
    added = placing(measured.features, table.places[measured.rows], fit)
    present = int((in_fit >= 0).sum())
    because = why_refit(fit, present, features.labels, added, settings.spec, settings.names)
    trust = trustworthiness(sample.features, table.places[sample.rows])
    where = regions.of(table.places)
    known = manifest.integrity
    figures = {"trustworthiness": known.trustworthiness, "recall": known.recall} if known else {}
    stands = integrity(features.labels, table.how == FITTED, table.places, where).model_copy(update=figures)
    return MapOfToday(table, because, _moved(before, table), added, trust, where, stands)


class _Refit:
    """A map that is fitted anew.

    Args:
        features: Of all images.
        before: The map as it was.
        fits: Where fits are kept.
        settings: What it is made with.
    """

    def __init__(self, features: Features, before: MapTable, fits: KeptFits, settings: MapSettings) -> None:
        self._features, self._before, self._fits, self._settings = features, before, fits, settings

    def from_scratch(self, because: str) -> MapOfToday:
        """A map that is not made of the one before, and is only turned as that was."""
        chosen = _Chosen.of(self._features, self._sample(), self._settings.spec)
        with self._settings.track("t-SNE", "iterations") as progress:
            places = fit_places(chosen.reduced, self._settings.spec, progress)
        return self._made(chosen, places, because)

    def continued(self, because: str, start: MapTable, last: Fit | None = None) -> MapOfToday:
        """The same map as before, as far as the images allow.

        Args:
            because: Why.
            start: Where images are by now, new ones too.
            last: The fit before, where there is one.
        """
        spec = self._settings.spec
        chosen = _Chosen.of(self._features, self._sample(), spec)
        began = starting_places(chosen.reduced, start.places_of(chosen.ids))
        if began is None:
            return self.from_scratch(because)
        # The more points, the more room they need: the width of a map grows so that its density stays.
        unit = 1.0 if last is None else (len(chosen.ids) / len(last.ids)) ** (1 / spec.dimensions) / last.scale
        held = finite(self._before.places_of(chosen.ids))
        with self._settings.track("t-SNE", "iterations") as progress:
            places = refit_places(chosen.reduced, began * unit, held, spec, progress)
        return self._made(chosen, places, because)

    def _made(self, chosen: _Chosen, places: np.ndarray, because: str) -> MapOfToday:
        """Turn the fitted points as the map before was, keep them, and place all others."""
        features, settings = self._features, self._settings
        was = self._before.places_of(chosen.ids)
        both, scale = finite(was), 1.0
        if both.any():
            alignment = aligned(places[both], was[both])
            places, scale = alignment.apply(places), alignment.scale
        fit = chosen.fitted(places.astype(np.float32), scale, features.labels)
        regions = regions_of(fit.places)
        manifest = self._fits.save(fit, About(settings.extractor, settings.spec, len(features), because), regions)
        self._fits.forget_others(manifest.sha256, self._before.fit)
        table = MapTable.empty(features.ids, settings.spec.dimensions, manifest.sha256)
        in_fit = positions(features.ids, fit.ids)
        sample = Gathered(spread(len(features), SAMPLE))
        of_features = np.empty(len(features), dtype=np.int64)
        rest: list[tuple[np.ndarray, np.ndarray]] = []
        for batch in features.batches():
            of_features[batch.rows] = digests(batch.features)
            further = in_fit[batch.rows] < 0
            rest.append((batch.rows[further], fit.reduction.apply(batch.features[further])))
            sample.look_at(batch)
        there = in_fit >= 0
        table.put(np.flatnonzero(there), fit.places[in_fit[there]], FITTED)
        _place(table, fit, rest, PLACED, settings)
        table.seal(np.arange(len(features)), of_features)
        added, trust = Placing(0, fit.usual.kept, 0.0), trustworthiness(sample.features, table.places[sample.rows])
        where = regions.of(table.places)
        figures = {"trustworthiness": trustworthiness(chosen.features, fit.places), "recall": _recall(table, fit, rest)}
        stands = integrity(features.labels, there, table.places, where).model_copy(update=figures)
        self._fits.note(manifest, stands)
        return MapOfToday(table, because, _moved(self._before, table), added, trust, where, stands)

    def _sample(self) -> np.ndarray:
        features, spec = self._features, self._settings.spec
        return fitted_sample(features.ids, features.labels, self._groups(), spec.fit_points, spec.seed)

    def _groups(self) -> np.ndarray:
        """A number for every group of lookalikes, int64 [N]; -1: like no other."""
        known = self._settings.groups()
        groups = np.full(len(self._features), -1)
        at = positions(as_bytes(known["image_id"]), self._features.ids)
        groups[at[at >= 0]] = known["group_id"].rank("dense").to_numpy()[at >= 0]
        return groups


@dataclass(frozen=True)
class _Chosen:
    """The images that are fitted: ids, bytes [M], features, float32 [M, D], and these reduced, float32 [M, C]."""

    ids: np.ndarray
    features: np.ndarray
    reduction: Reduction
    reduced: np.ndarray

    @classmethod
    def of(cls, features: Features, rows: np.ndarray, spec: Embedding) -> _Chosen:
        vectors = features.of(rows)
        reduction = Reduction.of(vectors, spec.seed)
        return cls(features.ids[rows], vectors, reduction, reduction.apply(vectors))

    def fitted(self, places: np.ndarray, scale: float, labels: np.ndarray) -> Fit:
        """The fit, with places, float32 [M, d], and the labels of all images."""
        return Fit(
            ids=self.ids,
            digests=digests(self.features),
            labels=np.unique(labels),
            reduction=self.reduction,
            reduced=self.reduced,
            places=places,
            scale=scale,
            usual=usual(self.features, self.reduction, self.reduced, places),
        )


def _place(
    table: MapTable, fit: Fit, new: list[tuple[np.ndarray, np.ndarray]], how: str, settings: MapSettings
) -> None:
    """Give further images their places: in parts, rows int64 [n] and reduced features float32 [n, C]."""
    rows = np.concatenate([one for one, _ in new])
    reduced = np.concatenate([one for _, one in new])
    with settings.track("placing on the map", "images") as progress:
        places = place_among(fit.reduced, fit.places.astype(np.float64) / fit.scale, reduced, progress)
    table.put(rows, places * fit.scale, how)


def _recall(table: MapTable, fit: Fit, rest: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Of the ten images that are nearest to one of 2,000 by their features, the share that are so on the map, of all.

    Args:
        table: The whole map.
        fit: The fitted images.
        rest: All others: rows int64 [n] and reduced features float32 [n, C].
    """
    reduced = np.empty((len(table.ids), fit.reduced.shape[1]), np.float32)
    reduced[positions(fit.ids, table.ids)] = fit.reduced
    for rows, some in rest:
        reduced[rows] = some
    sample = spread(len(reduced), SAMPLE)
    near, _ = nearest_others(reduced, sample, KEPT_OF)
    on_map, _ = nearest_others(table.places, sample, KEPT_OF)
    return overlap(near, on_map)


def _moved(before: MapTable, after: MapTable) -> Displacement | None:
    """How far the images are, that are on both maps, from where they were."""
    if not len(before.ids):
        return None
    at = positions(after.ids, before.ids)
    return displacement(before.places[at[at >= 0]], after.places[at >= 0])
