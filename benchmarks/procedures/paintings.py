"""Paintings that are hard to sort by colour: what one person calls blue is purple to another, and much is in others.

Every painting has an idea of its own of the colour that it is found under, a light of its own, and strokes in a few
other colours that take up to most of the canvas. So neighbouring hues overlap, and no classifier of colours is perfect.
"""

from __future__ import annotations

import colorsys
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.paintings import COLOURS

Shade = tuple[float, float, float]
"""Hue in degrees, saturation, value."""

_STROKES = 70
# By how much paintings of one colour differ from each other: degrees, saturation, value.
_IDEA = (15, 0.14, 0.15)
# By how much strokes of one painting and colour do.
_STROKE = (5, 0.05, 0.07)


def hard_painting(colour: str, seed: int, side: int = 96) -> bytes:
    """A JPEG of `side` × `side` pixels; the same for the same colour and seed."""
    random = np.random.default_rng([list(COLOURS).index(colour), seed, side])
    own = _varied(COLOURS[colour], _IDEA, random)
    others = [_varied(COLOURS[str(name)], _IDEA, random) for name in random.choice(list(COLOURS), 3, replace=False)]
    share_of_others = random.uniform(0.05, 0.6)
    picture = Image.new("RGB", (side, side), _rgb(own))
    draw = ImageDraw.Draw(picture)
    flow = random.uniform(0, np.pi)
    for _ in range(_STROKES):
        shade = others[random.integers(3)] if random.random() < share_of_others else own
        x, y = random.uniform(0, side, 2)
        angle = flow + 2 * np.sin(x / side * 3) + random.normal(0, 0.4)
        length = random.uniform(0.1, 0.4) * side
        ends = (x, y, x + length * np.cos(angle), y + length * np.sin(angle))
        draw.line(ends, _rgb(_varied(shade, _STROKE, random)), int(side * random.uniform(0.03, 0.1)))
    canvas = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.6))).astype(float)
    light = random.normal(1, 0.08) * random.normal(1, 0.03, 3)
    canvas = canvas * light + random.normal(0, 6, (side, side, 1))
    buffer = io.BytesIO()
    Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _varied(shade: Shade, by: Shade, random: np.random.Generator) -> Shade:
    hue, saturation, value = (middle + random.normal(0, spread) for middle, spread in zip(shade, by, strict=True))
    return hue % 360, float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1))


def _rgb(shade: Shade) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(shade[0] / 360, shade[1], shade[2])
    return round(red * 255), round(green * 255), round(blue * 255)
