"""Photos to measure with where there are none: noise at every scale, which JPEG finds about as hard as real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

_WIDTH, _HEIGHT, _QUALITY = 500, 375, 85
# Amplitudes fall with the frequency, as in natural images; the last is the grain.
_SCALES = ((4, 60.0), (16, 35.0), (64, 20.0), (250, 9.0))


def photos(given: Path | None, folder: Path, number: int) -> list[Path]:
    """JPEG files: those below the folder that was given, else drawn ones, which are made in `folder` once."""
    if given is not None:
        return sorted(path for path in given.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(number):
        path = folder / f"{seed:05d}.jpg"
        if not path.exists():
            Image.fromarray(_drawn(seed)).save(path, "JPEG", quality=_QUALITY)
    return sorted(folder.glob("*.jpg"))[:number]


def _drawn(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    pixels = np.full((_HEIGHT, _WIDTH, 3), 128.0, np.float32)
    for cells, amplitude in _SCALES:
        for channel in range(3):
            noise = random.normal(0, amplitude, (max(2, cells * _HEIGHT // _WIDTH), cells)).astype(np.float32)
            larger = Image.fromarray(noise).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(larger)
    return pixels.clip(0, 255).astype(np.uint8)
