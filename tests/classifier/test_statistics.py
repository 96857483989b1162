"""Running statistics: any cut and order gives what one pass over all rows gives."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.classifier.daily.statistics import (
    ClassStatistics,
    class_statistics,
    merge,
    no_statistics,
    statistics_of_file,
)
from image_assets.classifier.training.matrix_file import temporary_matrix
from tests.classifier.synthetic import clusters

LABELS = (0, 1, 2, 7)


def reference(rows: np.ndarray, labels: np.ndarray) -> ClassStatistics:
    """By numpy, class by class."""
    width = rows.shape[1]
    means, scatter = np.zeros((len(LABELS), width)), np.zeros((width, width))
    for place, label in enumerate(LABELS):
        of_class = rows[labels == label].astype(np.float64)
        if len(of_class):
            means[place] = of_class.mean(axis=0)
            scatter += np.cov(of_class.T, bias=True).reshape(width, width) * len(of_class)
    counts = np.array([np.sum(labels == label) for label in LABELS])
    return ClassStatistics(np.array(LABELS), counts, means, scatter)


def assert_same(found: ClassStatistics, expected: ClassStatistics, scale: float = 1) -> None:
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 40),
    width=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    offset=st.sampled_from([0.0, 1.0, 1e4]),
    data=st.data(),
)
def test_any_cut_in_any_order_gives_the_same_as_one_pass(seed, rows, width, cuts, offset, data):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width)) + offset
    labels = rng.choice(LABELS[: rng.integers(1, 5)], rows)
    parts = [
        class_statistics(some, those, LABELS)
        for some, those in zip(np.split(features, sorted(cuts)), np.split(labels, sorted(cuts)), strict=True)
    ]
    order = data.draw(st.permutations(range(len(parts))))
    found = reduce(merge, [parts[i] for i in order], no_statistics(LABELS, width))
    assert_same(found, reference(features, labels), offset + 1)


def test_no_digits_are_lost_where_means_are_large():
    rng = np.random.default_rng(0)
    deviation = rng.normal(size=(3_000, 4)) * 1e-3
    labels = rng.choice(LABELS, 3_000)
    parts = zip(np.split(deviation + 1e5, 10), np.split(labels, 10), strict=True)
    far = reduce(merge, (class_statistics(part, of, LABELS) for part, of in parts), no_statistics(LABELS, 4))
    near = reference(deviation, labels)
    np.testing.assert_allclose(far.scatter, near.scatter, rtol=1e-5, atol=1e-8)
    # The control: sums of squares and of rows, subtracted in the end, have nothing left of it.
    rows = deviation + 1e5
    naive = rows.T @ rows - len(rows) * np.outer(rows.mean(axis=0), rows.mean(axis=0))
    assert np.abs(naive - (deviation - deviation.mean(axis=0)).T @ (deviation - deviation.mean(axis=0))).max() > 1e-3


def test_rows_on_disk_give_the_same_whatever_the_threads():
    features, labels = clusters(9_000, width=8)
    with temporary_matrix(len(features), 8) as matrix:
        matrix.write(np.arange(len(features)), features)
        seen = []
        found = statistics_of_file(matrix, labels, LABELS, lambda done, total: seen.append((done, total)))
        again = statistics_of_file(matrix, labels, LABELS)
    assert_same(found, reference(features, labels))
    assert found.scatter.tobytes() == again.scatter.tobytes()
    assert seen[-1] == (9_000, 9_000)


def test_mean_and_variance_are_those_of_all_rows():
    features, labels = clusters(500, width=6)
    parts = (class_statistics(features[some], labels[some], LABELS) for some in (slice(100), slice(100, None)))
    found = reduce(merge, parts, no_statistics(LABELS, 6))
    np.testing.assert_allclose(found.mean, features.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(found.variance, features.var(axis=0, dtype=np.float64))


def test_what_does_not_fit_together_is_refused():
    features, labels = clusters(20, width=3)
    some = class_statistics(features, labels, LABELS)
    with pytest.raises(ValueError, match=r"labels \[2\] are none of"):
        class_statistics(features, labels, (0, 1))
    with pytest.raises(ValueError, match="cannot be merged"):
        merge(some, class_statistics(features, labels, (0, 1, 2)))
    with pytest.raises(ValueError, match=r"× 3 features cannot be merged .* × 2"):
        merge(some, class_statistics(features[:, :2], labels, LABELS))
