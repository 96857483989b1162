"""Paintings for tests: brush strokes on a ground, in shades of the colour that a category is named after."""

from __future__ import annotations

import colorsys
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# Hue in degrees, saturation and value of the colours that paintings are sorted by.
COLOURS = {
    "red": (0, 0.85, 0.8),
    "orange": (28, 0.9, 0.95),
    "yellow": (54, 0.85, 0.95),
    "green": (125, 0.7, 0.6),
    "blue": (215, 0.75, 0.75),
    "purple": (275, 0.65, 0.6),
    "pink": (335, 0.4, 0.97),
    "brown": (25, 0.65, 0.4),
    "black": (0, 0.05, 0.08),
    "grey": (0, 0.03, 0.5),
    "white": (45, 0.04, 0.96),
}


def painting(colour: str, seed: int, width: int = 180, height: int = 140) -> bytes:
    """A JPEG: 250 strokes in shades of a colour and a few in others, on canvas."""
    random = np.random.default_rng([list(COLOURS).index(colour), seed])
    picture = Image.new("RGB", (width, height), _shade(colour, random))
    draw = ImageDraw.Draw(picture)
    flow = random.uniform(0, np.pi)
    for stroke in range(250):
        other = stroke % 12 == 0
        name = str(random.choice(list(COLOURS))) if other else colour
        x, y = random.uniform(0, width), random.uniform(0, height)
        angle = flow + 2 * np.sin(x / width * 3) + random.normal(0, 0.4)
        length, thickness = random.uniform(15, 70), random.integers(3, 6 if other else 16)
        ends = (x, y, x + length * np.cos(angle), y + length * np.sin(angle))
        draw.line(ends, _shade(name, random), int(thickness))
    canvas = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.7))).astype(float)
    canvas += random.normal(0, 6, (height, width, 1))
    buffer = io.BytesIO()
    Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def land_paintings(landing: Path, day: str, seeds: range) -> None:
    """Paintings of every colour, as `DAY/COLOUR/SEED.jpg`."""
    for colour in COLOURS:
        folder = landing / day / colour
        folder.mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (folder / f"{seed:03d}.jpg").write_bytes(painting(colour, seed))


def _shade(colour: str, random: np.random.Generator) -> tuple[int, int, int]:
    hue, saturation, value = COLOURS[colour]
    shade = colorsys.hsv_to_rgb(
        (hue + random.normal(0, 6)) % 360 / 360,
        float(np.clip(saturation + random.normal(0, 0.05), 0, 1)),
        float(np.clip(value + random.normal(0, 0.07), 0, 1)),
    )
    red, green, blue = (round(255 * channel) for channel in shade)
    return red, green, blue
