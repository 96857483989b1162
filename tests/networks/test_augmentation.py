"""Changes of pictures: the same seed draws the same, and none of them is made when the network is asked."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
keras = pytest.importorskip("keras", reason="the extra networks is not installed")

from image_assets.networks.augmentation import augmentation_layers  # noqa: E402
from image_assets.settings.networks import Augmentation  # noqa: E402

NOTHING = Augmentation(mirror=False, rotation=0, brightness=(1, 1))


def changed(spec: Augmentation, pictures: np.ndarray, seed: int = 0, training: bool = True) -> np.ndarray:
    found = pictures
    for layer in augmentation_layers(spec, seed):
        found = layer(found, training=training)
    return np.asarray(found)


def pictures(number: int = 64) -> np.ndarray:
    return np.random.default_rng(1).random((number, 8, 8, 1), np.float32)


def test_the_same_seed_changes_pictures_alike_and_another_differently() -> None:
    given = pictures()
    first = changed(Augmentation(), given, seed=5)
    np.testing.assert_array_equal(first, changed(Augmentation(), given, seed=5))
    assert not np.array_equal(first, changed(Augmentation(), given, seed=6))


def test_nothing_is_changed_when_the_network_is_asked() -> None:
    np.testing.assert_array_equal(changed(Augmentation(), pictures(), training=False), pictures())
    assert augmentation_layers(NOTHING, 0) == []


def test_brightness_is_multiplied_by_factors_within_bounds() -> None:
    spec = NOTHING.model_copy(update={"brightness": (0.4, 1)})
    factors = changed(spec, pictures()) / pictures()
    each = factors.reshape(len(factors), -1)
    np.testing.assert_allclose(each, each[:, :1] * np.ones_like(each), rtol=1e-4)
    assert 0.4 <= each.min() < 0.5
    assert 0.9 < each.max() <= 1.0001


def test_half_of_the_pictures_are_mirrored() -> None:
    found = changed(NOTHING.model_copy(update={"mirror": True}), pictures())
    mirrored = (found == pictures()[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (found == pictures()).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 16 < mirrored.sum() < 48


def test_pictures_are_turned_by_no_more_than_is_said() -> None:
    # A line to the right: its far end goes up or down by the sine of the angle.
    line = np.zeros((64, 65, 65, 1), np.float32)
    line[:, 32, 33:] = 1
    found = changed(NOTHING.model_copy(update={"rotation": 25}), line)[..., 0]
    ends = found[:, :, 58].argmax(axis=1) - 32
    angles = np.degrees(np.arctan2(ends, 26))
    assert np.abs(angles).max() <= 26
    assert np.abs(angles).max() > 15
