"""Pictures drawn for the tests: categories that a model can tell apart, every picture different."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def picture(kind: int, seed: int, side: int = 64) -> bytes:
    """A PNG of `side` pixels: stripes of a direction and hue that `kind` decides, with noise that `seed` decides."""
    random = np.random.default_rng([kind, seed])
    angle = kind * np.pi / 3 + random.normal(0, 0.1)
    y, x = np.mgrid[:side, :side] / side
    wave = np.sin(2 * np.pi * random.uniform(3, 5) * (x * np.cos(angle) + y * np.sin(angle)))
    hue = np.roll([1.0, 0.5, 0.1], kind)
    pixels = (0.5 + 0.4 * wave)[..., None] * hue * 255 + random.normal(0, 12, (side, side, 3))
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def clouds(kind: int, seed: int, side: int = 96) -> bytes:
    """A PNG of clouds in the hue that `kind` decides: no two look alike, as stripes of one kind do."""
    random = np.random.default_rng([kind, seed])
    coarse = Image.fromarray(random.integers(0, 256, (7, 7), np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    hue = np.roll([1.0, 0.5, 0.1], kind)
    buffer = io.BytesIO()
    Image.fromarray((np.asarray(coarse)[..., None] * hue).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def land_pictures(
    landing: Path, day: str, category: str, kind: int, seeds: range, draw: Callable[[int, int], bytes] = picture
) -> None:
    """Put pictures into a landing zone, as `DAY/CATEGORY/batch/picture-SEED.png`."""
    folder = landing / day / category / "batch"
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / f"picture-{seed:04d}.png").write_bytes(draw(kind, seed))
