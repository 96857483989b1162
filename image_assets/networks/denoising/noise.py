"""Noise on pictures: the same on the same image in every run, whatever images come before it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import assert_never

import numpy as np
from scipy.ndimage import gaussian_filter

from image_assets.settings.denoising import AnyNoise, Blur, GaussianNoise, SaltAndPepper


def noisy(pixels: np.ndarray, image_id: str, noise: Sequence[AnyNoise], seed: int = 0, draw: int = 0) -> np.ndarray:
    """A picture with noise.

    The lots are drawn by seed, image id and `draw` alone: neither order nor number of images nor a restart matters.

    Args:
        pixels: float32 [height, width, channels] in [0, 1].
        image_id: Of the image.
        noise: Kinds of noise, applied one after the other.
        seed: Another one gives every image other noise.
        draw: 0 for images that a network is judged by; in training the number of the pass, so that a network never
            sees the same noise twice.

    Returns:
        float32 [height, width, channels] in [0, 1]: what would lie outside is cut off, as a file would.
    """
    lots = _lots(image_id, seed, draw)
    changed = pixels
    for one in noise:
        changed = np.clip(_applied(changed, one, lots), 0, 1).astype(np.float32)
    return changed


def all_noisy(
    pixels: np.ndarray, image_ids: Sequence[str], noise: Sequence[AnyNoise], seed: int = 0, draw: int = 0
) -> np.ndarray:
    """Pictures with noise, see `noisy`.

    Args:
        pixels: float32 [N, height, width, channels].
        image_ids: N ids.
        noise, seed, draw: As of `noisy`.

    Returns:
        float32 [N, height, width, channels].
    """
    changed = [noisy(one, image_id, noise, seed, draw) for one, image_id in zip(pixels, image_ids, strict=True)]
    return np.stack(changed) if changed else np.empty_like(pixels, np.float32)


def _lots(image_id: str, seed: int, draw: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{draw}/{image_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _applied(pixels: np.ndarray, noise: AnyNoise, lots: np.random.Generator) -> np.ndarray:
    match noise:
        case GaussianNoise():
            return pixels + noise.deviation * lots.standard_normal(pixels.shape, np.float32)
        case SaltAndPepper():
            # A pixel is broken in all its channels.
            drawn = lots.random((*pixels.shape[:2], 1), np.float32)
            salted = np.where(drawn < noise.share / 2, np.float32(1), pixels)
            return np.where(drawn >= 1 - noise.share / 2, np.float32(0), salted)
        case Blur():
            return gaussian_filter(pixels, (noise.deviation, noise.deviation, 0), mode="nearest")
    assert_never(noise)
