"""The nearest images are those of a full comparison, ties and strange numbers included."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from image_assets.search.codes import Query, coded
from image_assets.search.kept import Day
from image_assets.search.likeness import directions, likenesses
from image_assets.search.nearest import Wish, nearest
from image_assets.search.products import products
from image_assets.search.segments import Batch, Head, Part, open_segment, write_segment

STRANGE = [0.0, 1e-38, 1e30, -1e30, float("nan"), float("inf")]


def features(random: np.random.Generator, rows: int, width: int) -> np.ndarray:
    """Clusters with copies: some rows are there several times, some hold what no extractor gives."""
    made = random.gamma(0.5, 1, (rows, width)) * (random.random((rows, width)) < 0.7) + random.normal(0, 0.01, width)
    made[random.integers(0, rows, rows // 3)] = made[random.integers(0, rows)]
    made = made.astype(np.float32)
    if rows > 3:
        made[random.integers(0, rows), random.integers(0, width)] = random.choice(STRANGE)
        made[random.integers(0, rows)] = 0
    return made


def kept(folder: Path, date: dt.date, ids: list[str], vectors: np.ndarray, rooted: bool) -> Day:
    """A day of two categories as a file."""
    half = len(ids) // 2
    head = Head(len(ids), vectors.shape[1], max(map(len, ids)), (Part("one", 0, half), Part("two", half, len(ids))))
    batches = [Batch(ids[start : start + 7], vectors[start : start + 7]) for start in range(0, len(ids), 7)]
    path = folder / f"{date}.near"
    write_segment(path, head, batches, rooted)
    return Day(date, open_segment(path))


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 80),
    width=st.sampled_from([1, 2, 3, 17, 64, 130]),
    number=st.integers(1, 90),
    rooted=st.booleans(),
    only=st.sampled_from([None, "one", "two"]),
)
def test_the_nearest_are_those_of_a_full_comparison(
    seed: int, rows: int, width: int, number: int, rooted: bool, only: str | None
) -> None:
    random = np.random.default_rng(seed)
    vectors = features(random, rows, width)
    ids = [f"{name:04}" for name in random.permutation(rows).tolist()]
    first = random.integers(0, rows + 1)
    with TemporaryDirectory() as folder:
        days = [
            kept(Path(folder), dt.date(2026, 11, day), ids[some], vectors[some], rooted)
            for day, some in ((3, slice(0, first)), (4, slice(first, rows)))
            if len(ids[some])
        ]
        categories = [
            part.category for day in days for part in day.segment.head.parts for _ in range(part.start, part.end)
        ]
        (wanted,) = directions(vectors[random.integers(0, rows)][None] + random.normal(0, 0.01, width), rooted)
        besides = ids[:1]
        wish = Wish(number, None if only is None else lambda one: one.category == only, besides)
        found = nearest(days, wanted, wish, rooted)
    every = pl.DataFrame(
        {
            "image_id": ids,
            "category": categories,
            "similarity": likenesses(directions(vectors, rooted), wanted),
        }
    ).filter(~pl.col("image_id").is_in(besides))
    if only is not None:
        every = every.filter(category=only)
    expected = every.sort("similarity", "image_id", descending=[True, False]).head(number)
    assert found.drop("date").equals(expected)


@given(seed=st.integers(0, 2**32), width=st.integers(1, 2_000), rooted=st.booleans())
def test_every_cosine_lies_within_what_is_said_of_it(seed: int, width: int, rooted: bool) -> None:
    random = np.random.default_rng(seed)
    rows = directions(features(random, 20, width), rooted)
    query = Query.of(directions(random.normal(0.3, 1, (1, width)).astype(np.float32), rooted)[0])
    codes = coded(rows)
    bounds = query.bounds(products(codes.codes, query.weights), codes.low, codes.step, codes.error)
    exact = rows @ query.direction
    assert (bounds.least <= exact).all()
    assert (exact <= bounds.most).all()


def test_bytes_alone_would_put_images_in_another_order() -> None:
    random = np.random.default_rng(0)
    rows = directions(random.gamma(0.5, 1, (1, 500)) + random.normal(0, 1e-3, (200, 500)), rooted=False)
    query = Query.of(rows[0])
    codes = coded(rows)
    by_bytes = codes.low * query.direction.sum() + codes.step * (products(codes.codes, query.weights) @ query.steps)
    assert np.argsort(-by_bytes)[1:20].tolist() != np.argsort(-(rows @ rows[0]))[1:20].tolist()


def test_whole_numbers_are_not_cut_off_where_every_code_and_weight_is_the_largest() -> None:
    codes, weights = np.full((40, 4_096), 255, np.uint8), np.full((4_096, 3), 63, np.int8)
    assert (products(codes, weights) == 255 * 63 * 4_096).all()
    assert (products(codes, -weights) == -255 * 63 * 4_096).all()


def test_the_root_decides_by_many_small_features_where_the_plain_cosine_follows_one_large_one() -> None:
    wanted = np.array([[9, 1, 1, 1, 1, 1]], np.float32)
    others = np.array([[9, 0, 0, 0, 0, 3], [3, 1, 1, 1, 1, 1]], np.float32)
    for rooted, place in ((False, 0), (True, 1)):
        cosines = likenesses(directions(others, rooted), directions(wanted, rooted)[0])
        assert int(cosines.argmax()) == place
