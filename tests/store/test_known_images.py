"""What a model keeps of its training images, and what it says of others by them."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from image_assets.store.models.known_images import (
    NEAREST,
    UNUSUAL,
    WEIGHT,
    KnownImages,
    familiarity_of,
    quantile_grid,
    unit_vectors,
    usual_lengths,
)

WIDTH = 8


def known_of(rows: list[np.ndarray], grid: np.ndarray | None = None) -> KnownImages:
    """Of every category its rows [n, WIDTH]."""
    known = KnownImages().fit(np.zeros((1, WIDTH)))
    known.counts_ = np.array([len(one) for one in rows])
    known.vectors_ = np.zeros((len(rows), max(map(len, rows)), WIDTH), np.float16)
    for place, one in enumerate(rows):
        known.vectors_[place, : len(one)] = unit_vectors(one)
    known.grid_ = quantile_grid(np.linspace(-1, 1, 50)) if grid is None else grid
    known.usual_ = usual_lengths(np.linspace(0.9, 1.1, 101))
    return known


def drawn(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def test_closeness_is_the_mean_cosine_to_the_nearest_of_each_category() -> None:
    references, rows = [drawn(9, 1), drawn(7, 2), drawn(2, 3)], drawn(20, 4)
    found = known_of(references).closeness(rows)
    for place, of_category in enumerate(references):
        units = unit_vectors(of_category).astype(np.float16).astype(np.float64)
        cosines = unit_vectors(rows).astype(np.float64) @ units.T
        expected = np.sort(cosines, axis=1)[:, -NEAREST:].mean(axis=1)
        np.testing.assert_allclose(found[:, place], expected, atol=1e-6)


def test_the_measure_is_the_lead_and_part_of_the_closeness() -> None:
    known, rows = known_of([drawn(9, 1), drawn(7, 2), drawn(8, 3)]), drawn(20, 4)
    close = known.closeness(rows)
    answers = np.arange(20) % 3
    for row, answer in enumerate(answers):
        own, other = close[row, answer], max(np.delete(close[row], answer))
        assert known.measure(rows, answers, np.ones(20))[row] == pytest.approx(own - other + WEIGHT * own, abs=1e-6)


@given(arrays(np.float32, (6, WIDTH), elements=st.integers(-1_000, 1_000).map(float)), st.floats(0.01, 100))
def test_only_the_direction_counts_and_the_answer_is_a_share(rows: np.ndarray, longer: float) -> None:
    known, answers = known_of([drawn(9, 1), drawn(4, 2)]), np.array([0, 1] * 3)
    found = known.familiarity(rows, answers, np.ones(6))
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(known.familiarity(rows * np.float32(longer), answers, np.ones(6)), found, atol=1e-4)
    one_by_one = np.concatenate(
        [known.familiarity(rows[place : place + 1], answers[place : place + 1], np.ones(1)) for place in range(6)]
    )
    np.testing.assert_allclose(one_by_one, found, atol=1e-5)


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=300))
def test_a_grid_ascends_and_familiarity_with_it(values: list[float]) -> None:
    grid = quantile_grid(np.array(values))
    assert (np.diff(grid) > 0).all()
    ordered = np.sort(np.array(values))
    assert (np.diff(familiarity_of(ordered, grid)) >= 0).all()


@given(st.integers(0, 2**32), st.floats(0.02, 0.5))
def test_of_what_it_was_calibrated_on_the_stated_share_is_below(seed: int, share: float) -> None:
    values = np.random.default_rng(seed).normal(size=2_000)
    below = (familiarity_of(values, quantile_grid(values)) < share).mean()
    assert below == pytest.approx(share, abs=0.01)


def test_taken_for_what_it_is_an_image_is_more_familiar() -> None:
    references = [drawn(9, 1) + 2, drawn(9, 2) - 2]
    known = known_of(references)
    own = known.measure(references[0], np.zeros(9, int), np.ones(9))
    taken_for_the_other = known.measure(references[0], np.ones(9, int), np.ones(9))
    assert (own > taken_for_the_other).all()


def test_a_length_out_of_the_usual_range_counts_against_an_image_and_others_do_not() -> None:
    known, rows, answers = known_of([drawn(9, 1), drawn(9, 2)]), drawn(5, 3), np.zeros(5, int)
    least, most = np.log([0.91, 1.09])
    assert known.usual_ is not None
    np.testing.assert_allclose(known.usual_, [least, most], atol=1e-6)
    usual = known.measure(rows, answers, np.ones(5))
    np.testing.assert_array_equal(known.measure(rows, answers, np.linspace(0.92, 1.08, 5)), usual)
    out = np.exp([least - 1, least - 0.01, most + 0.01, most + 1, most + 2])
    expected = UNUSUAL / (most - least) * np.array([1, 0.01, 0.01, 1, 2])
    np.testing.assert_allclose(usual - known.measure(rows, answers, out), expected, rtol=1e-3)
    assert known.familiarity(rows, answers, np.zeros(5)).max() == 0
    # As a model of before it was noted: any length is as good.
    known.usual_ = None
    np.testing.assert_array_equal(known.measure(rows, answers, out), usual)


def test_where_all_lengths_are_one_rounding_is_not_unusual() -> None:
    known, rows, answers = known_of([drawn(9, 1), drawn(9, 2)]), drawn(2, 3), np.zeros(2, int)
    known.usual_ = usual_lengths(np.ones(50))
    np.testing.assert_array_equal(
        known.measure(rows, answers, np.array([1 - 1e-6, 1 + 1e-6])), known.measure(rows, answers, np.ones(2))
    )


def test_a_model_that_was_asked_is_written_as_one_that_was_not() -> None:
    asked, fresh = (known_of([drawn(9, 1), drawn(9, 2)]) for _ in range(2))
    asked.familiarity(drawn(3, 3), np.array([0, 1, 0]), np.ones(3))
    assert "_matrix" in vars(asked)
    assert skops.io.dumps(asked).count(b"npy") == skops.io.dumps(fresh).count(b"npy")
    kept = {"vectors_", "counts_", "grid_", "usual_", "n_features_in_"}
    assert asked.__getstate__().keys() == fresh.__getstate__().keys() == kept


def test_the_step_changes_nothing_of_what_passes() -> None:
    rows = drawn(5, 0)
    assert known_of([drawn(3, 1), drawn(3, 2)]).transform(rows) is rows
