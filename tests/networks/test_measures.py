"""PSNR and SSIM beside an independent computation, and the median filter on what it is good at."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import chelsea
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from image_assets.networks.denoising.measures import MOST_PSNR, median_filtered, psnr, ssim
from image_assets.networks.denoising.noise import noisy
from image_assets.settings.denoising import AnyNoise, Blur, GaussianNoise, SaltAndPepper

CAT = (chelsea()[100:164, 150:214] / 255).astype(np.float32)
NOISES = [GaussianNoise(kind="gaussian"), SaltAndPepper(kind="salt_and_pepper"), Blur(kind="blur")]


@pytest.mark.parametrize("noise", NOISES, ids=lambda one: one.kind)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_are_those_of_scikit_image(noise: AnyNoise, channels: int) -> None:
    clean = CAT[..., :channels]
    changed = noisy(clean, "cat", [noise])
    assert psnr(changed[None], clean[None])[0] == pytest.approx(
        peak_signal_noise_ratio(clean.astype(float), changed.astype(float), data_range=1)
    )
    theirs = structural_similarity(
        clean.astype(float),
        changed.astype(float),
        data_range=1,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(changed[None], clean[None])[0] == pytest.approx(theirs, abs=1e-9)


def test_a_picture_that_is_the_same_has_the_best_that_there_is() -> None:
    assert psnr(CAT[None], CAT[None])[0] == MOST_PSNR
    assert ssim(CAT[None], CAT[None])[0] == pytest.approx(1)


def test_a_tenth_off_everywhere_is_twenty_decibels() -> None:
    assert psnr(np.full((1, 16, 16, 1), 0.6), np.full((1, 16, 16, 1), 0.5))[0] == pytest.approx(20)


def test_pictures_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match=r"8 × 16 pixels .* take larger pictures"):
        ssim(np.zeros((1, 16, 8, 1)), np.zeros((1, 16, 8, 1)))


def test_the_median_filter_takes_salt_and_pepper_away_and_cannot_undo_a_blur() -> None:
    salted, blurred = (noisy(CAT, "cat", [noise])[None] for noise in NOISES[1:])
    assert psnr(median_filtered(salted), CAT[None])[0] > psnr(salted, CAT[None])[0] + 3
    assert psnr(median_filtered(blurred), CAT[None])[0] < psnr(blurred, CAT[None])[0]


def test_the_median_filter_keeps_pictures_and_channels_apart() -> None:
    two = np.stack([np.zeros((16, 16, 3), np.float32), np.ones((16, 16, 3), np.float32)])
    two[0, ..., 1] = 1
    np.testing.assert_array_equal(median_filtered(two), two)
