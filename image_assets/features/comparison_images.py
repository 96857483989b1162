"""Images on which two runtimes of one model are compared: always the same, and as unlike each other as can be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

COMPARISON_IMAGES = 72
_BATCH_IMAGES = 32
_BATCH_PIXELS = 1 << 21


def comparison_images(size: int, count: int) -> np.ndarray:
    """Some of the comparison images, of every kind, uint8 `[count, size, size, 3]`."""
    wanted = set(np.linspace(0, COMPARISON_IMAGES - 1, count).astype(int).tolist())
    return np.stack([image for number, image in enumerate(_images(size)) if number in wanted])


def comparison_batches(size: int) -> Iterator[np.ndarray]:
    """All comparison images, uint8 `[N, size, size, 3]`, in batches that fit into memory at any size."""
    rows = max(1, min(_BATCH_IMAGES, _BATCH_PIXELS // size**2))
    batch = []
    for image in _images(size):
        batch.append(image)
        if len(batch) == rows:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _images(size: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    rows, columns = np.ogrid[:size, :size]
    y, x = (rows + 0.5) / size, (columns + 0.5) / size
    for corner in range(8):  # of the colour cube, black and white among them
        colour = [255 * (corner >> channel & 1) for channel in range(3)]
        yield np.full((size, size, 3), colour, np.uint8)
    for turn in range(16):  # gradients, in another direction in every channel
        angles = np.pi * (turn / 8 + np.arange(3) / 3)
        slope = x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles)
        yield ((slope + 1.5) / 3 * 255).astype(np.uint8)
    for power in range(8):  # chequers, the finest alternate from pixel to pixel
        yield _two_colours((columns >> power) + (rows >> power) & 1 == 0, random)
    for radius in np.linspace(0.05, 0.6, 8):
        yield _two_colours((x - 0.5) ** 2 + (y - 0.5) ** 2 < radius**2, random)
    for _ in range(16):
        yield random.integers(0, 256, (size, size, 3), dtype=np.uint8)
    for _ in range(16):  # noise in coarse blocks
        side = -(-size // 16)
        blocks = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        yield blocks.repeat(side, 0).repeat(side, 1)[:size, :size]


def _two_colours(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    inside, outside = random.integers(0, 256, (2, 3), dtype=np.uint8)
    return np.where(mask[..., None], inside, outside)
