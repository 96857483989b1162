"""The nearest images are those of a full comparison, ties and strange numbers included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.search import candidates
from image_assets.search.axes import Axes, fitted
from image_assets.search.codes import Query, coded
from image_assets.search.kept import Day
from image_assets.search.layout import Batch, Head, Part
from image_assets.search.likeness import directions, likenesses
from image_assets.search.nearest import Wish, nearest
from image_assets.search.products import products
from image_assets.search.segments import open_segment, write_segment

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


def kept(
    folder: Path, date: dt.date, ids: list[str], vectors: np.ndarray, rooted: bool, axes: Axes | None = None
) -> Day:
    """A day of two categories as a file."""
    half = len(ids) // 2
    parts = (Part("one", 0, half), Part("two", half, len(ids)))
    placed = ("", 0) if axes is None else (axes.digest, len(axes.rows))
    head = Head(len(ids), vectors.shape[1], max(map(len, ids)), parts, *placed)
    batches = [Batch(ids[start : start + 7], vectors[start : start + 7]) for start in range(0, len(ids), 7)]
    path = folder / f"{date}.near"
    write_segment(path, head, batches, rooted, axes)
    return Day(date, open_segment(path), axes)


@contextmanager
def small_steps(many: float) -> Iterator[None]:
    """Have few rows go through what millions go through."""
    steps = {"_FIRST": 3, "_MORE": 2, "_TOGETHER": 4, "_PIECE_ROWS": 16, "_MANY": many}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in steps.items():
            patch.setattr(candidates, name, value)
        yield


def axes_for(kind: str, rows: np.ndarray, random: np.random.Generator) -> Axes | None:
    """Some for directions of which a few may be chosen well, badly, or not at all."""
    width = rows.shape[1]
    count = max(1, width // 4)
    match kind:
        case "fitted":
            return fitted(rows, count)
        case "any":
            return fitted(random.normal(size=(5, width)), count)
        case "all":
            return fitted(rows, width)
        case _:
            return None


def full_comparison(ids: list[str], vectors: np.ndarray, wanted: np.ndarray, rooted: bool) -> pl.DataFrame:
    every = pl.DataFrame({"image_id": ids, "similarity": likenesses(directions(vectors, rooted), wanted)})
    return every.sort("similarity", "image_id", descending=[True, False])


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 80),
    width=st.sampled_from([1, 2, 3, 17, 64, 130]),
    number=st.sampled_from([1, 2, 5, 20, 90]),
    rooted=st.booleans(),
    only=st.sampled_from([None, "one", "two"]),
    kinds=st.tuples(*[st.sampled_from(["fitted", "any", "all", "none"])] * 2),
    many=st.sampled_from([0, 0.2, 1]),
)
def test_the_nearest_are_those_of_a_full_comparison(
    seed: int,
    rows: int,
    width: int,
    number: int,
    rooted: bool,
    only: str | None,
    kinds: tuple[str, str],
    many: float,
) -> None:
    random = np.random.default_rng(seed)
    vectors = features(random, rows, width)
    ids = [f"{name:04}" for name in random.permutation(rows).tolist()]
    first = random.integers(0, rows + 1)
    axes = [axes_for(kind, directions(vectors, rooted), random) for kind in kinds]
    with TemporaryDirectory() as folder, small_steps(many):
        days = [
            kept(Path(folder), dt.date(2026, 11, day), ids[some], vectors[some], rooted, one)
            for day, some, one in ((3, slice(0, first), axes[0]), (4, slice(first, rows), axes[1]))
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
