"""What is ruled out by places on a few axes is none of the nearest, however badly the axes suit the features."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.search import candidates
from image_assets.search.axes import Axes, axes_of, fitted, load_axes
from image_assets.search.layout import DamagedSegment
from image_assets.search.likeness import directions
from image_assets.search.nearest import Wish, nearest
from image_assets.search.outlook import Outlook
from image_assets.search.segments import placed
from tests.search.test_nearest import axes_for, features, full_comparison, kept

WIDTH, ROWS = 320, 3_000
DAY = dt.date(2026, 11, 3)


def spread(random: np.random.Generator, rows: int, power: float) -> np.ndarray:
    """Features of which the later ones are smaller, by a power; of 0 none is, so that no axes say much of them."""
    return random.normal(size=(rows, WIDTH)) / np.arange(1, WIDTH + 1) ** power


@given(
    seed=st.integers(0, 2**32),
    width=st.sampled_from([1, 2, 17, 64, 130, 257]),
    kind=st.sampled_from(["fitted", "any", "all"]),
    power=st.sampled_from([-1, 0, 1, 9]),
    rooted=st.booleans(),
)
def test_no_cosine_is_above_what_places_allow(seed: int, width: int, kind: str, power: float, rooted: bool) -> None:
    random = np.random.default_rng(seed)
    with np.errstate(invalid="ignore", over="ignore"):  # some are infinite before
        vectors = features(random, 20, width) * np.arange(1, width + 1, dtype=np.float32) ** np.float32(-power)
    rows = directions(vectors, rooted)
    axes = axes_for(kind, rows[:10], random)
    assert axes is not None
    for wanted in (rows[0], directions(random.normal(0.3, 1, (1, width)).astype(np.float32), rooted)[0]):
        assert (rows @ wanted <= Outlook.of(axes, wanted).most(*placed(rows, axes))).all()


def test_the_length_beside_the_axes_is_needed() -> None:
    random = np.random.default_rng(0)
    rows = directions(spread(random, 500, 0.5), rooted=False)
    axes = fitted(rows, 64)
    places, bounds = placed(rows, axes)
    without = bounds * np.array([[1], [1], [1], [0]], np.float32)
    outlook = Outlook.of(axes, rows[0])
    assert (rows @ rows[0] <= outlook.most(places, bounds)).all()
    assert (rows @ rows[0] > outlook.most(places, without)).any()


def found_of(folder: Path, vectors: np.ndarray, axes: Axes | None, beside: float = 1) -> tuple[list[str], int]:
    """The 10 nearest of the first image but for itself, and how many were looked at with all their numbers."""
    ids = [f"{name:05}" for name in range(len(vectors))]
    looked: list[int] = []
    day = kept(folder, DAY, ids, vectors.astype(np.float32), False, axes)
    bounds = day.segment.bounds * np.array([[1], [1], [1], [beside]], np.float32)[: len(day.segment.bounds)]
    day = replace(day, segment=replace(day.segment, bounds=bounds))
    some, everything = candidates._Look.at_some, candidates._Look.at_all  # pyright: ignore[reportPrivateUsage]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            candidates._Look,  # pyright: ignore[reportPrivateUsage]
            "at_some",
            lambda look, chosen: looked.append(len(chosen[1])) or some(look, chosen),
        )
        patch.setattr(
            candidates._Look,  # pyright: ignore[reportPrivateUsage]
            "at_all",
            lambda look, piece: looked.append(piece.end - piece.start) or everything(look, piece),
        )
        patch.setattr(candidates, "_FIRST", 64)
        if beside != 1:
            patch.setattr(candidates, "_MANY", 1)  # everything is never read
        (wanted,) = directions(vectors[:1].astype(np.float32), rooted=False)
        found = nearest([day], wanted, Wish(10, besides=ids[:1]), rooted=False)
    return found["image_id"].to_list(), sum(looked)


def expected(vectors: np.ndarray) -> list[str]:
    wanted = directions(vectors[:1].astype(np.float32), rooted=False)[0]
    ids = [f"{name:05}" for name in range(len(vectors))]
    return full_comparison(ids[1:], vectors[1:].astype(np.float32), wanted, rooted=False)["image_id"][:10].to_list()


def test_of_features_that_axes_suit_few_are_looked_at_with_all_their_numbers(tmp_path: Path) -> None:
    vectors = spread(np.random.default_rng(1), ROWS, 1)
    axes = fitted(directions(vectors.astype(np.float32), rooted=False), axes_of(WIDTH))
    found, looked = found_of(tmp_path, vectors, axes)
    assert found == expected(vectors)
    assert looked < ROWS / 2
    assert found_of(tmp_path, vectors, None) == (found, ROWS)


def test_of_features_that_no_axes_suit_all_are_looked_at_and_the_answer_is_the_same(tmp_path: Path) -> None:
    vectors = spread(np.random.default_rng(2), ROWS, 0)
    axes = fitted(directions(vectors[:100].astype(np.float32), rooted=False), axes_of(WIDTH))
    found, looked = found_of(tmp_path, vectors, axes)
    assert found == expected(vectors)
    assert looked >= ROWS


def test_with_a_bound_that_is_too_low_others_would_be_found(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(0, 0.01, (ROWS, WIDTH))
    vectors[:, 0] += 1  # which the axes see
    vectors[:20, WIDTH - 1] += 2  # which they do not
    axes = Axes(np.eye(WIDTH)[:64] * (1 - 1e-8), np.zeros(64))
    assert found_of(tmp_path, vectors, axes)[0] == expected(vectors)
    assert found_of(tmp_path, vectors, axes, beside=0)[0] != expected(vectors)


def test_axes_are_read_as_they_were_written(tmp_path: Path) -> None:
    axes = fitted(directions(spread(np.random.default_rng(4), 500, 1).astype(np.float32), rooted=True), 64)
    axes.save(tmp_path / "a.axes")
    read = load_axes(tmp_path / "a.axes")
    assert read is not None
    assert read.digest == axes.digest
    assert np.array_equal(read.rows, axes.rows)
    assert np.array_equal(read.centre, axes.centre)
    assert load_axes(tmp_path / "none") is None


@pytest.mark.parametrize("at", [0, 40, 70, 500, -1])
def test_axes_that_are_not_as_they_were_written_are_none(tmp_path: Path, at: int) -> None:
    path = tmp_path / "a.axes"
    fitted(np.eye(40), 8).save(path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert load_axes(path) is None
    path.write_bytes(b"")
    assert load_axes(path) is None


def test_axes_that_are_longer_than_they_may_be_are_none(tmp_path: Path) -> None:
    axes = fitted(np.eye(40), 8)
    Axes(axes.rows * (1 + 1e-6), axes.centre).save(tmp_path / "a.axes")
    assert load_axes(tmp_path / "a.axes") is None


def test_narrow_features_have_no_axes() -> None:
    assert [axes_of(width) for width in (1, 255, 256, 512, 1_152, 1_280)] == [0, 0, 32, 96, 224, 256]


def test_codes_that_are_gone_are_noticed(tmp_path: Path) -> None:
    vectors = spread(np.random.default_rng(5), 200, 1).astype(np.float32)
    axes = fitted(directions(vectors, rooted=False), 64)
    day = kept(tmp_path, DAY, [f"{name:05}" for name in range(200)], vectors, False, axes)
    (wanted,) = directions(vectors[:1], rooted=False)
    day.segment.path.unlink()
    with pytest.raises(DamagedSegment):
        nearest([day], wanted, Wish(3), rooted=False)
