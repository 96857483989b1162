"""Noise on pictures: of the strength that was asked for, and the same in every run."""

from __future__ import annotations

import numpy as np
import pytest

from image_assets.networks.denoising.noise import all_noisy, noisy
from image_assets.settings.denoising import AnyNoise, Blur, GaussianNoise, SaltAndPepper, said_of_noise

GREY = np.full((64, 64, 3), 0.5, np.float32)
GAUSSIAN, SALT, BLUR = (
    GaussianNoise(kind="gaussian", deviation=0.1),
    SaltAndPepper(kind="salt_and_pepper", share=0.2),
    Blur(kind="blur", deviation=2),
)


@pytest.mark.parametrize("noise", [GAUSSIAN, SALT])
def test_the_same_image_gets_the_same_noise_whatever_comes_before_it(noise: AnyNoise) -> None:
    two = all_noisy(np.stack([GREY, GREY]), ["a", "b"], [noise], seed=5)
    np.testing.assert_array_equal(two[1], noisy(GREY, "b", [noise], seed=5))
    assert not np.array_equal(two[0], two[1])


@pytest.mark.parametrize("noise", [GAUSSIAN, SALT])
def test_another_seed_and_another_pass_give_other_noise(noise: AnyNoise) -> None:
    first = noisy(GREY, "a", [noise])
    assert not np.array_equal(first, noisy(GREY, "a", [noise], seed=1))
    assert not np.array_equal(first, noisy(GREY, "a", [noise], draw=1))


def test_gaussian_noise_has_its_deviation_and_stays_within_black_and_white() -> None:
    changed = noisy(GREY, "a", [GAUSSIAN])
    assert changed.dtype == np.float32
    assert changed.std() == pytest.approx(0.1, rel=0.05)
    white = noisy(np.ones_like(GREY), "a", [GAUSSIAN])
    assert white.max() == 1
    assert white.min() < 1


def test_salt_and_pepper_break_whole_pixels_half_of_them_black() -> None:
    changed = noisy(GREY, "a", [SALT])
    broken = (changed != GREY).any(axis=-1)
    assert broken.mean() == pytest.approx(0.2, abs=0.03)
    assert (np.ptp(changed, axis=-1) == 0).all()
    assert (changed[broken] == 0).mean() == pytest.approx(0.5, abs=0.1)


def test_blur_smears_an_edge_and_leaves_the_channels_apart() -> None:
    edge = np.zeros((32, 32, 3), np.float32)
    edge[:, 16:, 0] = 1
    changed = noisy(edge, "a", [BLUR])
    assert 0.2 < changed[16, 15, 0] < 0.5
    assert changed[..., 1:].max() == 0


def test_kinds_of_noise_follow_each_other() -> None:
    # A blur after the salt leaves no white pixel, before it it does not touch it.
    assert noisy(GREY, "a", [SALT, BLUR]).max() < 1
    assert noisy(GREY, "a", [BLUR, SALT]).max() == 1
    assert said_of_noise((SALT, BLUR)) == "salt and pepper on 20.0% of the pixels, then a blur of 2 pixels"
