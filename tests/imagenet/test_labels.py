"""The names of the classes, and the most probable ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from image_assets.imagenet.labels import (
    are_probabilities,
    imagenet_labels,
    softmax,
    top_classes,
    without_background,
)

LOGITS = arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(7)), elements=st.floats(-1e4, 1e4, width=32))


def test_there_is_a_name_of_its_own_for_each_of_the_thousand_classes() -> None:
    names = imagenet_labels()
    assert len(names) == len(set(names)) == 1_000
    assert (names[0], names[281], names[999].split(",")[0]) == (
        "tench, Tinca tinca",
        "tabby, tabby cat",
        "toilet tissue",
    )
    big_cats = [name.split(",")[0] for name in names[286:294]]
    assert big_cats == ["cougar", "lynx", "leopard", "snow leopard", "jaguar", "lion", "tiger", "cheetah"]


@given(LOGITS)
def test_softmax_gives_probabilities_in_the_order_of_the_logits_however_large(logits: np.ndarray) -> None:
    found = softmax(logits)
    assert are_probabilities(found)
    assert (np.take_along_axis(found, logits.argmax(axis=1)[:, None], axis=1)[:, 0] == found.max(axis=1)).all()
    np.testing.assert_allclose(found, softmax(logits + np.float32(0)), atol=0)


@pytest.mark.parametrize(
    ("outputs", "so"),
    [
        ([[0.25, 0.75], [1, 0]], True),
        ([[0.25, 0.7504]], True),
        ([[0.25, 0.76]], False),
        ([[-0.5, 1.5]], False),
        ([[0.5, 0.5], [3, -1]], False),
        ([[float("nan"), 1]], False),
    ],
)
def test_outputs_are_probabilities_where_every_row_is_positive_and_sums_to_one(outputs, so: bool) -> None:
    assert are_probabilities(np.array(outputs, np.float32)) is so


def test_the_background_is_left_out_and_keeps_its_share() -> None:
    probabilities = np.full((2, 1_001), 0.0005, np.float32)
    probabilities[:, 0] = 0.5
    assert without_background(probabilities).shape == (2, 1_000)
    np.testing.assert_allclose(without_background(probabilities).sum(axis=1), 0.5, atol=1e-4)
    np.testing.assert_array_equal(without_background(probabilities[:, 1:]), probabilities[:, 1:])


@given(arrays.arrays(np.float32, (3, 20), elements=st.sampled_from([0.0, 0.1, 0.2, 0.5])), st.integers(1, 20))
def test_the_most_probable_come_first_and_equal_ones_by_their_number(probabilities: np.ndarray, number: int) -> None:
    classes, scores = top_classes(probabilities, number)
    for row, chosen, found in zip(probabilities.tolist(), classes.tolist(), scores.tolist(), strict=True):
        expected = sorted(range(20), key=lambda one, row=row: (-row[one], one))[:number]
        assert chosen == expected
        assert found == [row[one] for one in expected]
