"""A map in space as a moving picture: it turns once around its upright axis."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageColor

from image_assets.pages.colours import COLOURS

_FRAMES, _FRAME_MILLISECONDS = 72, 80
_SIDE, _MARGIN = 480, 12  # pixels
_SHADES = 8  # of a colour: what is far is fainter
_FAINTEST = 0.3  # of its colour is left of the farthest point
_SMALL_FROM = 5_000  # points


def rotating_map(places: np.ndarray, categories: Sequence[str]) -> bytes:
    """Draw a map in space from 72 sides, each point in the colour of its category, the near ones over the far ones.

    Args:
        places: float [N, 3].
        categories: Name of every image's category, N of them; colours are those of the picture of the map.

    Returns:
        An animated GIF; the same map gives the same bytes.
    """
    _, ranks = np.unique(np.asarray(categories, dtype=str), return_inverse=True)
    around = places - (places.max(axis=0) + places.min(axis=0)) / 2
    reach = float(np.linalg.norm(around, axis=1).max()) or 1.0
    frames = [_picture(pixels) for pixels in _turned(around / reach, ranks % len(COLOURS))]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=_FRAME_MILLISECONDS, loop=0)
    return file.getvalue()


def _turned(around: np.ndarray, colours: np.ndarray) -> Iterator[np.ndarray]:
    """Every frame as numbers of the palette, uint8 [side, side]; places are within 1 of the middle."""
    size = 3 if len(around) < _SMALL_FROM else 2
    across, down = (one.ravel() for one in np.meshgrid(np.arange(size), np.arange(size)))
    middle = (_SIDE - size) / 2
    for angle in np.arange(_FRAMES) * (2 * np.pi / _FRAMES):
        right = around[:, 0] * np.cos(angle) + around[:, 2] * np.sin(angle)
        near = around[:, 2] * np.cos(angle) - around[:, 0] * np.sin(angle)
        order = np.argsort(near, kind="stable")  # what is drawn last lies on top
        column = np.rint(middle + right[order] * (middle - _MARGIN)).astype(int)
        row = np.rint(middle - around[order, 1] * (middle - _MARGIN)).astype(int)
        shade = np.clip((near[order] + 1) / 2 * _SHADES, 0, _SHADES - 1).astype(int)
        pixels = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
        painted = 1 + colours[order] * _SHADES + shade
        pixels[(row[:, None] + down), (column[:, None] + across)] = painted[:, None]
        yield pixels


def _picture(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels)
    picture.putpalette(_palette())
    return picture


def _palette() -> list[int]:
    """White, then every colour from its faintest shade to itself."""
    shares = np.linspace(_FAINTEST, 1, _SHADES)[:, None]
    shaded = [255 - shares * (255 - np.array(ImageColor.getrgb(colour))) for colour in COLOURS]
    return np.rint(np.concatenate([np.full((1, 3), 255), *shaded])).astype(int).ravel().tolist()
