"""What a network sees, as pictures with words for those who do not see them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from image_assets.networks.seen.layers import LayerActivations
from image_assets.pages.figures import AMOUNTS, Plot, draw, short

_HEAT, _DIMMED = 0.85, 0.6
"""How much of an overlaid picture is heat where it is hottest, and how bright it is where there is none."""
_MAP_SIDE = 64
"""Pixels of a layer's map on a page."""
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def jpeg_of(picture: np.ndarray, side: int = 0) -> bytes:
    """A picture as a JPEG file.

    Args:
        picture: float [height, width, 1 or 3] in [0, 1].
        side: Enlarged by a whole number, so that the longer side has so many pixels at least; 0: as it is.
    """
    levels = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    image = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).convert("RGB")
    if side:
        scale = -(-side // max(image.size))
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def overlaid(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture in dim grey with heat over it, bright where the reasons for an answer lie.

    Args:
        picture: float [height, width, 1 or 3] in [0, 1].
        heat: float32 [h, w] in [0, 1].

    Returns:
        float32 [height, width, 3] in [0, 1].
    """
    height, width = picture.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    amounts = np.clip(np.asarray(smooth), 0, 1)
    grey = picture.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    colours = mpl.colormaps["inferno"](amounts)[..., :3]
    share = _HEAT * amounts[..., None]
    return ((1 - share) * _DIMMED * grey + share * colours).astype(np.float32)


def said_of_heat(heat: np.ndarray) -> str:
    """In words where in a picture the heat lies.

    Args:
        heat: float32 [h, w] in [0, 1].
    """
    whole = heat.sum()
    if whole <= 0:
        return "nothing in the picture speaks for the answer"
    thirds = [np.array_split(row, 3, axis=1) for row in np.array_split(heat, 3, axis=0)]
    shares = np.array([[part.sum() for part in row] for row in thirds]) / whole
    row, column = np.unravel_index(int(shares.argmax()), shares.shape)
    where = "centre" if (row, column) == (1, 1) else f"{_ROWS[row]} {_COLUMNS[column]}"
    return f"the {where} ninth of the picture has {shares[row, column]:.0%} of the weight"


def _at_most(values: np.ndarray) -> np.ndarray:
    """Numbers by place, float [height, width], averaged so that no side is longer than is shown: pages stay small."""
    height, width = values.shape
    if max(height, width) <= _MAP_SIDE:
        return values
    scale = _MAP_SIDE / max(height, width)
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((round(width * scale), round(height * scale)), Image.Resampling.BOX))


def activations_plot(
    key: str, title: str, caption: str, picture: np.ndarray, found: Sequence[LayerActivations]
) -> Plot:
    """What each layer makes of a picture: a row for each, its strongest channels side by side behind the picture.

    Args:
        key, title, caption: Of the plot.
        picture: float [height, width, 1 or 3] in [0, 1].
        found: Of the layers, in their order.
    """
    columns = max(len(one.maps) for one in found) + 1
    channels = [_at_most(channel) for channel in np.moveaxis(np.clip(picture, 0, 1), -1, 0)]
    shown = np.stack(channels, axis=-1).squeeze()

    def paint(figure: Figure) -> None:
        axes = figure.subplots(len(found), columns, squeeze=False)
        for row, one in zip(axes, found, strict=True):
            for place in row:
                place.set_axis_off()
            row[0].imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="none")
            height, width = one.maps.shape[1:]
            row[0].set_title(f"{short(one.name, 18)}\n{one.channels} of {width} × {height}", fontsize=7)
            for place, channel, values in zip(row[1:], one.strongest, one.maps, strict=False):
                place.imshow(_at_most(values), cmap=AMOUNTS, interpolation="none")
                place.set_title(str(channel + 1), fontsize=7)

    return draw(key, title, caption, 0.8 + 1.25 * len(found), paint)
