"""The map as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from image_assets.embedding.region_names import NamedRegion
from image_assets.pages.figures import COLOURS, picture, short

_MARKERS = ("o", "^", "s", "D", "v", "P", "X")
_PER_COLUMN = 24  # categories in a column of the legend
_NAMED = 24  # at most so many names fit among the points
_LONGEST = 24  # characters of a name
_LETTER = 0.009  # of the width, a letter of a region's name


def scatter_plot(
    coordinates: np.ndarray, categories: Sequence[str], dataset: str, regions: Sequence[NamedRegion] = ()
) -> bytes:
    """Draw the map: a mark per image, its colour (beyond seven categories also its shape) the category.

    Args:
        coordinates: float32 [N, 2].
        categories: Name of every image's category, N of them.
        dataset: Name for the title.
        regions: Whose names are written where they find room, the first ones before others.

    Returns:
        A PNG file 900 pixels wide, wider beyond 24 categories; the same map gives the same bytes.
    """
    names, ranks, counts = np.unique(np.asarray(categories, dtype=str), return_inverse=True, return_counts=True)
    columns = -(-len(names) // _PER_COLUMN)

    def paint(figure: Figure) -> None:
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
        axes = figure.subplots()
        _draw_points(axes, coordinates, ranks, len(names))
        if regions:
            _write_regions(axes, regions)
        elif len(COLOURS) < len(names) <= _NAMED:
            _write_names(axes, coordinates, ranks, names.tolist())
        entries = [f"{short(name, _LONGEST)}  {count:,}" for name, count in zip(names, counts, strict=True)]
        handles = [
            Line2D([], [], linestyle="", color=_colour(i), marker=_marker(i), markersize=7, label=entry)
            for i, entry in enumerate(entries)
        ]
        figure.legend(handles=handles, loc="outside right upper", ncols=columns, fontsize=9)
        title = f"{short(dataset, _LONGEST)}: {len(ranks):,} images by their features (t-SNE)"
        axes.set_title(title, fontsize=12, loc="left", pad=8)

    return picture(9 + 1.5 * (columns - 1), 6.8, paint)


def _draw_points(axes: Axes, coordinates: np.ndarray, ranks: np.ndarray, categories: int) -> None:
    # Smaller and fainter the more there are, so that crowds show as darker; shapes need some size to be told apart.
    area = float(np.clip(30_000 / len(ranks), 2 if categories <= len(COLOURS) else 7, 34))
    alpha = float(np.clip(45 / np.sqrt(len(ranks)), 0.3, 0.85))
    colours = np.array([_colour(i) for i in range(categories)])
    # In an order of chance, so that no category covers the others.
    shuffled = np.random.default_rng(0).permutation(len(ranks))
    for first in range(0, categories, len(COLOURS)):
        rows = shuffled[ranks[shuffled] // len(COLOURS) == first // len(COLOURS)]
        axes.scatter(
            *coordinates[rows].T,
            s=area,
            c=colours[ranks[rows]].tolist(),
            marker=_marker(first),
            alpha=alpha,
            linewidths=0,
        )
    axes.set_aspect("equal", adjustable="datalim")
    # The axes of a t-SNE have neither unit nor direction.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)


def _write_names(axes: Axes, coordinates: np.ndarray, ranks: np.ndarray, names: list[str]) -> None:
    """Names among the points: where colours repeat, the legend alone is slow to read."""
    for rank, name in enumerate(names):
        points = coordinates[ranks == rank]
        # The image nearest to the median, which itself may lie between two clusters.
        x, y = points[np.argmin(np.linalg.norm(points - np.median(points, axis=0), axis=1))]
        halo = [withStroke(linewidth=2.5, foreground="white")]
        axes.text(x, y, short(name, _LONGEST), fontsize=8, ha="center", va="center", path_effects=halo)


def _write_regions(axes: Axes, regions: Sequence[NamedRegion]) -> None:
    """The names of regions, none over another."""
    left, right = axes.get_xlim()
    letter = (right - left) * _LETTER
    taken: list[tuple[float, float, float]] = []
    for one in regions:
        text = short(one.name, _LONGEST)
        half = len(text) * letter / 2
        if any(abs(one.x - x) < half + other and abs(one.y - y) < 3 * letter for x, y, other in taken):
            continue
        taken.append((one.x, one.y, half))
        halo = [withStroke(linewidth=2.5, foreground="white")]
        axes.text(one.x, one.y, text, fontsize=7, ha="center", va="center", path_effects=halo)


def _colour(rank: int) -> str:
    return COLOURS[rank % len(COLOURS)]


def _marker(rank: int) -> str:
    return _MARKERS[rank // len(COLOURS) % len(_MARKERS)]
