"""How numbers of images (metrics, colour channels) are spread within every category: boxes and densities."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from image_assets.exploration.scales import Scale, quantiles
from image_assets.exploration.statistics import Levels
from image_assets.pages.figures import (
    AMOUNTS,
    BOX,
    COLOURS,
    OTHERS,
    Plot,
    box_rows,
    draw,
    group_title,
    named,
    rows_height,
)

_COLUMNS = 3
_BINS = 48
_DASHES = ((), (5, 1.5), (1.5, 1.2), (6, 1.5, 1.5, 1.5), (3, 1), (8, 2), (1, 2))


def box_plots(levels: Levels, categories: list[str], key: str, title: str, caption: str) -> Plot:
    """A panel for every measure, with a box for every category; the largest categories, and the others together."""
    groups = named(categories)
    rows, columns = _grid(levels)

    def paint(figure: Figure) -> None:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, (measure, scale) in zip(panels.flat, levels.scales.items(), strict=False):
            counts = levels.of(measure, groups)
            _boxes(axes, quantiles(counts, scale, BOX), scale)
            axes.axvline(_median(counts, scale), color=OTHERS, linewidth=0.8, linestyle=(0, (4, 3)))
        panels[0, 0].set_yticks(range(len(groups)), [group_title(group) for group in groups])
        _hide_empty(panels, levels)

    return draw(key, title, caption, rows * rows_height(len(groups), each=0.2, least=1.9), paint)


def density_plots(levels: Levels, categories: list[str], key: str, title: str, caption: str) -> Plot:
    """A panel for every measure: a line for every category, or beyond seven of them a strip for each."""
    lines = len(categories) <= len(COLOURS)
    groups = named(categories)
    rows, columns = _grid(levels)

    def paint(figure: Figure) -> None:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=not lines)
        for axes, (measure, scale) in zip(panels.flat, levels.scales.items(), strict=False):
            places, shares = densities(levels.of(measure, groups), scale)
            _name(axes, scale)
            if lines:
                _lines(axes, places, shares, groups, scale)
            else:
                _strips(axes, shares, scale, places)
        if lines:
            handles, names = panels[0, 0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside lower left", ncols=min(len(groups), 5))
            for axes in panels[:, 0]:
                axes.set_ylabel("share of images")
        else:
            panels[0, 0].set_yticks(range(len(groups)), [group_title(group) for group in groups])
        _hide_empty(panels, levels)

    height = rows * 2.1 + 0.4 if lines else rows * rows_height(len(groups), each=0.2, least=1.9)
    return draw(key, title, caption, height, paint)


def densities(counts: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Counts on coarser levels, smoothed a little and as shares.

    Args:
        counts: int `[rows, levels]`.
        scale: What they were counted on.

    Returns:
        Places of the coarse levels on the scale, float64 `[B]`; and shares, float64 `[rows, B]`, of which every row
        sums to 1 or, without images, to 0.
    """
    edges = np.linspace(0, scale.levels, _BINS + 1).round().astype(int)
    coarse = np.add.reduceat(counts, edges[:-1], axis=1).astype(np.float64)
    # A binomial kernel; what would leave at the ends is reflected, so that nothing is lost.
    padded = np.pad(coarse, ((0, 0), (2, 2)), mode="symmetric")
    smooth = np.stack([padded[:, i : i + _BINS] for i in range(5)], axis=-1) @ np.array([1, 4, 6, 4, 1]) / 16
    fine = np.linspace(scale.low, scale.high, scale.levels + 1)
    places = (fine[edges[1:]] + fine[edges[:-1]]) / 2
    return places, smooth / np.maximum(smooth.sum(axis=1, keepdims=True), 1e-12)


def _grid(levels: Levels) -> tuple[int, int]:
    return math.ceil(len(levels.scales) / _COLUMNS), _COLUMNS


def _boxes(axes: Axes, found: np.ndarray, scale: Scale) -> None:
    box_rows(axes, found)
    _name(axes, scale)
    if scale.base:
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if high > 30 * low else (1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _median(counts: np.ndarray, scale: Scale) -> float:
    return float(quantiles(counts.sum(axis=0)[None], scale, (0.5,))[0, 0])


def _lines(axes: Axes, places: np.ndarray, shares: np.ndarray, groups: list[list[str]], scale: Scale) -> None:
    for rank, (group, share) in enumerate(zip(groups, shares, strict=True)):
        axes.plot(places, share, color=COLOURS[rank], dashes=_DASHES[rank], linewidth=1.8, label=group_title(group))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:.0%}")
    _shown_range(axes, places, shares, scale)


def _strips(axes: Axes, shares: np.ndarray, scale: Scale, places: np.ndarray) -> None:
    # Every row by its own peak: where it lies is what is asked, not how broad it is.
    peaks = shares / np.maximum(shares.max(axis=1, keepdims=True), 1e-12)
    extent = (scale.low, scale.high, len(shares) - 0.5, -0.5)
    axes.imshow(
        np.ma.masked_less(peaks, 0.01), cmap=AMOUNTS, aspect="auto", interpolation="none", extent=extent, vmin=0, vmax=1
    )
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    _shown_range(axes, places, shares, scale)


def _shown_range(axes: Axes, places: np.ndarray, shares: np.ndarray, scale: Scale) -> None:
    there = np.flatnonzero((shares > 1e-4).any(axis=0))
    if there.size:
        step = places[1] - places[0]
        axes.set_xlim(max(places[there[0]] - step, scale.low), min(places[there[-1]] + step, scale.high))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=bool(scale.base)))
    if scale.base:
        axes.xaxis.set_major_formatter(lambda power, _: f"{float(scale.base) ** power:g}")


def _name(axes: Axes, scale: Scale) -> None:
    axes.set_title(scale.title, fontsize=10, loc="left")
    axes.set_xlabel(scale.unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)


def _hide_empty(panels: np.ndarray, levels: Levels) -> None:
    for axes in panels.flat[len(levels.scales) :]:
        axes.set_visible(False)
