"""Regions of the map: planted crowds are found and named, noise has none, and what is placed later lies in them."""

from __future__ import annotations

import numpy as np
import obstore
import polars as pl
import pytest
from obstore.store import MemoryStore

from image_assets.embedding.kept_regions import NOWHERE, kept_regions, regions_name
from image_assets.embedding.region_names import first_labels, named_regions
from image_assets.embedding.regions import regions_of
from tests.embedding.test_todays_map import OLD_KINDS, Days

MIDDLES = np.array([[0, 0], [40, 0], [0, 40], [40, 40]], np.float32)


def crowds(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of four crowds, of which each is smaller than the one before, and the crowd of each."""
    random = np.random.default_rng(seed)
    crowd = random.choice(4, number, p=[0.4, 0.3, 0.2, 0.1])
    return (MIDDLES[crowd] + 3 * random.normal(size=(number, 2))).astype(np.float32), crowd


@pytest.mark.parametrize("dimensions", [2, 3])
def test_planted_crowds_are_the_regions(dimensions: int) -> None:
    places, crowd = crowds(2_000)
    if dimensions == 3:
        depth = np.random.default_rng(1).normal(size=(len(places), 1)) * 3
        places = np.hstack([places, depth]).astype(np.float32)
    found = regions_of(places)
    assert found.number == 4
    inside = found.of_fitted >= 0
    assert inside.mean() > 0.9
    assert (found.of_fitted[inside] == crowd[inside]).mean() > 0.99  # the largest first
    again = regions_of(places)
    assert np.array_equal(found.of_fitted, again.of_fitted)


@pytest.mark.parametrize("seed", range(4))
def test_noise_has_no_region(seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(size=(3_000, 2)).astype(np.float32)
    found = regions_of(noise)
    assert (found.number, found.nowhere) == (0, 1.0)
    assert (found.of(noise) == NOWHERE).all()
    assert regions_of(noise[:30]).number == 0


def test_what_is_placed_later_lies_in_the_region_it_falls_into_or_in_none() -> None:
    places, _ = crowds(2_000)
    found = regions_of(places)
    later, crowd = crowds(300, seed=5)
    lies = found.of(later)
    assert (lies[lies >= 0] == crowd[lies >= 0]).all()
    assert (lies >= 0).mean() > 0.9
    between = np.array([[20, 20], [-90, 4]], np.float32)
    assert found.of(between).tolist() == [NOWHERE, NOWHERE]


def test_a_region_is_named_by_what_it_has_more_of_than_the_map() -> None:
    regions = np.repeat([0, 1, NOWHERE], [60, 40, 100])
    categories = pl.Series([*["plant"] * 50, *["animal"] * 10, *["plant"] * 40, *["plant"] * 100])
    labels = pl.Series([*["daisy, bellis"] * 30, *["tree"] * 30, *["daisy, bellis"] * 4, *["tree"] * 136])
    places = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    large, small = named_regions(regions, places, categories, labels)
    assert large.name == "plant: daisy"  # of animals there are more than elsewhere, and too few to stand for it
    assert large.label is not None
    assert (large.label.share, large.label.of_all) == pytest.approx((0.5, 34 / 200))
    assert (large.images, small.images) == (60, 40)
    assert (small.category.share, small.category.of_all) == pytest.approx((1.0, 190 / 200))
    without = named_regions(np.repeat([0, 1], 100), places, pl.Series(["plant"] * 200))
    assert [one.name for one in without] == ["plant", "plant 2"]  # no two have the same name
    assert named_regions(np.full(200, NOWHERE), places, categories) == []


def test_labels_of_chips_are_none_of_their_images() -> None:
    rows = pl.LazyFrame({"image_id": ["a", "b", "c"], "chip_id": [None, "x", None], "imagenet_label": ["1", "2", "3"]})
    found = first_labels(rows, pl.Series(["c", "b", "a"]))
    assert found is not None
    assert found.to_list() == ["3", None, "1"]
    assert first_labels(rows.head(0), pl.Series(["a"])) is None


def test_regions_are_kept_with_their_fit_and_made_again_where_they_are_damaged() -> None:
    days = Days()
    days.add(OLD_KINDS[:250])
    made = days.make()
    fit = made.table.fit
    kept = kept_regions(days.store, fit)
    assert kept is not None
    assert kept.number >= 4  # of eight kinds that were planted
    assert np.array_equal(kept.of(made.table.places), made.regions)
    content = bytes(obstore.get(days.store, regions_name(fit)).bytes())
    for damage in (content[:-9], b"", content.replace(b"\x00\x01", b"\x01\x00", 1)):
        obstore.put(days.store, regions_name(fit), damage)
        assert kept_regions(days.store, fit) is None
    obstore.delete(days.store, regions_name(fit))
    assert kept_regions(days.store, fit) is None
    days.add(OLD_KINDS[250:260])
    later = days.make()
    assert (later.because, later.table.fit) == ("", fit)
    assert bytes(obstore.get(days.store, regions_name(fit)).bytes()) == content
    before = dict(zip(made.table.ids.tolist(), made.regions.tolist(), strict=True))
    after = dict(zip(later.table.ids.tolist(), later.regions.tolist(), strict=True))
    assert {one: after[one] for one in before} == before
    assert kept_regions(MemoryStore(), fit) is None
