"""Which training images are for the validation: by groups, some of every category, always the same."""

from __future__ import annotations

import numpy as np
import polars as pl

from image_assets.networks.validation import validation_side


def test_lookalikes_stay_together_and_every_category_has_some() -> None:
    groups = pl.Series([f"{number // 2:064x}" for number in range(400)])
    labels = np.repeat([0, 1], 200)
    aside = validation_side(groups, labels, 0.1)
    assert (aside[::2] == aside[1::2]).all()
    assert [int(aside[labels == label].sum()) for label in (0, 1)] == [20, 20]


def test_it_depends_on_the_names_alone() -> None:
    groups = pl.Series([f"{number:064x}" for number in range(100)])
    labels = np.arange(100) % 3
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(
        validation_side(groups, labels, 0.2)[order], validation_side(groups.gather(order), labels[order], 0.2)
    )


def test_a_category_of_two_pictures_gives_one_and_of_one_picture_none() -> None:
    groups = pl.Series([f"{number:064x}" for number in range(3)])
    aside = validation_side(groups, np.array([0, 0, 1]), 0.1)
    assert aside.tolist() in ([True, False, False], [False, True, False])
