"""Turns a decoded picture of any mode into upright, opaque, 8-bit RGB.

Rules:

- 16-bit samples keep their high byte, grey as well as colour: 0..65535 becomes 0..255.
- 32-bit integers within 0..255 stay as they are; otherwise the picture's lowest value becomes 0 and its highest 255.
- Floating-point samples within 0..1 are multiplied by 255; otherwise lowest and highest as above. All must be finite.
- What is transparent shows white. What is partly transparent is blended with white.
- CMYK, YCbCr, LAB and HSV are converted as Pillow does; colour profiles are not applied.
- The EXIF orientation is applied.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from image_assets.images.reasons import Reason, Rejected

# What has to be done to a picture that has each EXIF orientation (EXIF 2.3, tag 274) to see it upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_rgb(image: Image.Image, orientation: int) -> Image.Image:
    """Convert a loaded picture.

    Args:
        image: The picture, of any mode.
        orientation: EXIF orientation, 1 to 8.

    Returns:
        The picture in mode RGB; the same object where there was nothing to do.

    Raises:
        Rejected: `not_finite`.
        Exception: what Pillow makes of palettes and transparency that do not fit the picture.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = _over_white(image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return upright(image, orientation)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as its EXIF orientation, 1 to 8, says it is to be seen; the same object where it is upright."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey with more than 8 bits as mode L, or LA where a value stands for transparent."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = Image.fromarray((values >> 8).astype(np.uint8))
        if "transparency" in image.info:
            grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
        return grey
    return Image.fromarray(_stretched(values, white=255 if image.mode == "I" else 1))


def _stretched(values: np.ndarray, white: int) -> np.ndarray:
    """Scale to uint8: from 0..white where all values lie in it, else from their own lowest..highest."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise Rejected(Reason.NOT_FINITE, f"the samples reach from {low} to {high}; all must be finite")
    if low >= 0 and high <= white:
        low, high = 0.0, float(white)
    # In double precision: neither 32-bit integers nor the span of 32-bit floats fit into a float.
    scaled = values.astype(np.float64)
    scaled -= low
    scaled *= 255 / (high - low) if high - low > 1e-300 else 0
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")  # Pillow has no direct way from premultiplied grey
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white
