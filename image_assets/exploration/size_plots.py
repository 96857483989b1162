"""How large images are, of what shape and of which format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from image_assets.exploration.scales import ASPECT, FILE_SIZE, SIDE, Scale, quantiles
from image_assets.exploration.statistics import ImageStatistics
from image_assets.pages.figures import (
    AMOUNTS,
    MAIN,
    OTHERS,
    Bars,
    Plot,
    colour_bar,
    draw,
    group_title,
    horizontal_bars,
    named,
    rows_height,
    thousands,
)

# Between two levels of sides, as a power of 2; and a little more than a doubling around what there is.
_STEP = (SIDE.high - SIDE.low) / SIDE.levels
_ROOM = 9


def size_plots(statistics: ImageStatistics) -> list[Plot]:
    """The plots on sizes, shapes and formats."""
    return [_sizes(statistics), _aspects(statistics), _bytes(statistics), _formats(statistics)]


def levels(rows: pl.DataFrame, scale: Scale) -> np.ndarray:
    """Counts of columns level and n as int64 `[levels]`."""
    counts = np.zeros(scale.levels, np.int64)
    counts[rows["level"].to_numpy()] = rows["n"].to_numpy()
    return counts


def _sizes(statistics: ImageStatistics) -> Plot:
    counts = np.zeros((SIDE.levels, SIDE.levels), np.int64)
    for width, height, n in statistics.sizes.select("width", "height", "n").iter_rows():
        counts[height, width] = n
    typical = [quantiles(counts.sum(axis=axis)[None], SIDE, (0.5,))[0, 0] for axis in (0, 1)]

    def paint(figure: Figure) -> None:
        axes, areas = figure.subplots(1, 2, width_ratios=(3, 2))
        there = np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))
        first, last = max(there[0] - _ROOM, 0), min(there[-1] + _ROOM + 1, SIDE.levels)
        shown = np.ma.masked_equal(counts[first:last, first:last], 0)
        # The axes are logarithms: fields of a logarithmic scale are then a picture, and no thousands of shapes.
        ends = SIDE.low + first * _STEP, SIDE.low + last * _STEP
        norm = LogNorm(1, max(int(counts.max()), 2))
        fields = axes.imshow(
            shown, cmap=AMOUNTS, norm=norm, origin="lower", extent=(*ends, *ends), interpolation="none"
        )
        axes.plot(ends, ends, color=OTHERS, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate("square", (ends[1], ends[1]), (-6, -14), textcoords="offset points", ha="right", fontsize=8.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MultipleLocator(1))
            axis.set_major_formatter(lambda power, _: f"{2**power:,.0f}")
        axes.set(xlabel="width, pixels", ylabel="height, pixels")
        axes.grid()
        colour_bar(axes, fields, "images", FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.spines[["left", "bottom"]].set_visible(True)
        _areas(areas, counts)

    return draw(
        "image_sizes",
        "Width and height of the images",
        "Left, fields of an eighth of a doubling, the lighter the more images; half of the images are wider than about "
        f"{typical[0]:,.0f} and higher than about {typical[1]:,.0f} pixels. Alarming: a cloud of tiny images, which "
        "are thumbnails in place of the originals, or a category of a size of its own, which a model learns instead.",
        5.2,
        paint,
    )


def _areas(axes: Axes, counts: np.ndarray) -> None:
    """How many pixels the images have, from int `[heights, widths]`."""
    by_area = np.zeros(2 * SIDE.levels - 1, np.int64)
    np.add.at(by_area, np.add.outer(np.arange(SIDE.levels), np.arange(SIDE.levels)), counts)
    there = np.flatnonzero(by_area)
    # Logarithms of sides add up to that of the area, here in units of 2^20 pixels.
    places = 2 * SIDE.low + (np.arange(len(by_area)) + 1) * _STEP - 20
    axes.bar(places, by_area, _STEP, color=MAIN)
    room = _ROOM * _STEP
    axes.set_xlim(float(places[there[0]]) - room, float(places[there[-1]]) + room)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda power, _: f"{1.048576 * 2**power:.2g}")
    axes.set(xlabel="megapixels, on a logarithmic scale", ylabel="images")
    axes.grid(axis="y")
    thousands(axes, "y")


def _aspects(statistics: ImageStatistics) -> Plot:
    counts = levels(statistics.aspects, ASPECT)
    middle, total = ASPECT.levels // 2, max(int(counts.sum()), 1)
    portrait, square, landscape = counts[:middle].sum(), counts[middle], counts[middle + 1 :].sum()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        _histogram(axes, counts, ASPECT)
        axes.axvline(1, color=OTHERS, linewidth=0.8, linestyle=(0, (4, 3)))
        places = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 16 / 9, 2, 4, 8, 16)
        titles = ("1:16", "1:8", "1:4", "1:2", "2:3", "3:4", "1:1", "4:3", "3:2", "16:9", "2:1", "4:1", "8:1", "16:1")
        _log_axis(axes, places, titles)
        axes.tick_params(axis="x", labelsize=8.5)
        axes.set_xlabel("width : height")

    return draw(
        "aspect_ratios",
        "Shape of the images",
        f"{portrait / total:.0%} of the images are higher than wide, {square / total:.0%} about square and "
        f"{landscape / total:.0%} wider than high. Alarming: images beyond 1:3 or 3:1, of which padding and squashing "
        "leave little, or a narrow peak of its own, which mostly is another source.",
        2.8,
        paint,
    )


def _bytes(statistics: ImageStatistics) -> Plot:
    counts = levels(statistics.file_sizes, FILE_SIZE)
    total = int(statistics.per_day["bytes"].sum())
    few, half, many = quantiles(counts[None], FILE_SIZE, (0.05, 0.5, 0.95))[0]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        _histogram(axes, counts, FILE_SIZE)
        places = [step * 10**power for power in range(1, 10) for step in (1, 2, 5)]
        _log_axis(axes, places, [_size(place) for place in places])
        axes.tick_params(axis="x", labelsize=8.5)
        axes.set_xlabel("file size, on a logarithmic scale")

    return draw(
        "file_sizes",
        "Size of the files",
        f"{_size(total)} in all; a file has {_size(half)} at the median, and nine of ten have {_size(few)} to "
        f"{_size(many)}. Alarming: a peak of files of just one size, which mostly are placeholders, or files far "
        "smaller than their pixels suggest, which are compressed beyond use.",
        2.8,
        paint,
    )


def _formats(statistics: ImageStatistics) -> Plot:
    rows = statistics.formats.sort(["n", "format"], descending=[True, False])
    groups = named(rows["format"].to_list())
    sums = dict(rows.iter_rows())

    def paint(figure: Figure) -> None:
        lengths = [sum(sums[name] for name in group) for group in groups]
        names = [group_title(group, "formats") for group in groups]
        horizontal_bars(figure.subplots(), names, [Bars("images", lengths, MAIN)], "images")

    return draw(
        "formats",
        "Formats of the images",
        "By the content of the files, whatever they are called. Alarming: a format that only one category has, for its "
        "traces (such as the blocks of JPEG) tell the category to a model.",
        rows_height(len(groups), least=1.6),
        paint,
    )


def _histogram(axes: Axes, counts: np.ndarray, scale: Scale) -> None:
    there = np.flatnonzero(counts)
    first, last = max(there[0] - 3, 0), min(there[-1] + 4, scale.levels)
    edges = scale.edges[first : last + 1]
    axes.bar(edges[:-1], counts[first:last], np.diff(edges), align="edge", color=MAIN)
    axes.set(ylabel="images", xlim=(edges[0], edges[-1]))
    axes.grid(axis="y")
    thousands(axes, "y")


def _log_axis(axes: Axes, places: Sequence[float], titles: Sequence[str]) -> None:
    """A logarithmic x axis with names at these places."""
    limits = axes.get_xlim()
    axes.set(xscale="log", xlim=limits)
    axes.xaxis.set_major_locator(FixedLocator(list(places)))
    axes.xaxis.set_minor_locator(NullLocator())
    names = dict(zip(places, titles, strict=True))
    axes.xaxis.set_major_formatter(lambda place, _: names[min(names, key=lambda known: abs(known - place))])


def _size(count: float) -> str:
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count:.0f} B"
