"""Denoising networks: what they take and give, and that they learn to take noise away."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from skimage.data import chelsea

from image_assets.networks.denoising.judging import Denoiser, Pictures, figures_of, measured
from image_assets.networks.denoising.noise import all_noisy
from image_assets.networks.denoising.presets import ORIGINAL_WIDTHS, denoising_network
from image_assets.settings.denoising import DenoisingPreset, GaussianNoise

pytest.importorskip("tensorflow", reason="networks need the extra `tensorflow`")
SIDE = 32
NOISE = (GaussianNoise(kind="gaussian", deviation=0.15),)


def patches(first: int, number: int) -> Pictures:
    """Pieces of the photo of a cat, that do not overlap."""
    photo = (chelsea() / 255).astype(np.float32)
    columns = photo.shape[1] // SIDE
    places = [divmod(one, columns) for one in range(first, first + number)]
    pixels = np.stack([photo[y * SIDE : (y + 1) * SIDE, x * SIDE : (x + 1) * SIDE] for y, x in places])
    ids = [hashlib.sha256(str(one).encode()).hexdigest() for one in range(first, first + number)]
    return Pictures(ids, np.zeros(number, np.int16), pixels)


@pytest.mark.parametrize("preset", ["residual", "original"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_preset_gives_pictures_of_the_shape_that_it_takes(preset: DenoisingPreset, channels: int) -> None:
    network = denoising_network(preset, SIDE, channels)
    assert network.output_shape == network.input_shape == (None, SIDE, SIDE, channels)


def test_the_original_has_its_widths() -> None:
    network = denoising_network("original", SIDE, 1)
    widths = [layer.filters for layer in network.layers if type(layer).__name__ == "Conv2D"]
    assert widths == [*ORIGINAL_WIDTHS, *reversed(ORIGINAL_WIDTHS), 1] == [48, 32, 16, 8, 8, 16, 32, 48, 1]


def test_the_residual_one_begins_by_giving_its_input_back() -> None:
    pixels = patches(0, 2).pixels
    network = denoising_network("residual", SIDE, 3)
    np.testing.assert_allclose(np.asarray(network.predict_on_batch(pixels)), pixels, atol=1e-6)


def test_the_same_seed_gives_the_same_network() -> None:
    one, same, other = (denoising_network("original", SIDE, 3, seed).get_weights()[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_it_learns_to_take_noise_away_from_pictures_that_it_never_saw() -> None:
    learnt, unseen = patches(0, 80), patches(80, 24)
    network = denoising_network("residual", SIDE, 3)
    before = figures_of(measured(Denoiser(network, NOISE, 0), [unseen]))
    assert before.gained == pytest.approx(0, abs=1e-3)
    network.compile("adam", "mse")
    for draw in range(1, 9):
        network.fit(all_noisy(learnt.pixels, learnt.image_ids, NOISE, draw=draw), learnt.pixels, 16, verbose=0)  # pyright: ignore[reportArgumentType]
    after = figures_of(measured(Denoiser(network, NOISE, 0), [unseen]))
    assert after.gained > 2
    assert after.images == 24
    assert after.closer_than_noisy == 1
    assert after.restored.ssim > before.noisy.ssim
