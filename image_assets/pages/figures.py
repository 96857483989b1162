"""What all plots have in common: colours, names that fit, and how a figure becomes SVG for the page and PNG for the UI.

Colours that stand for something are Okabe and Ito's, told apart by nearly everyone ("Color Universal Design", 2008);
amounts are shown in cividis, which is even for every kind of sight (Nuñez et al., PLoS ONE 13, 2018).
"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import Formatter, NullLocator
from PIL import Image

from image_assets.pages.colours import COLOURS
from image_assets.wording import printable_text

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW = COLOURS
MAIN, SECOND, OTHERS = BLUE, VERMILION, "#8A8A8A"
AMOUNTS = "cividis"
INK, FAINT = "#1F2328", "#C9CED6"
"""Of text and lines; on the page they follow its theme."""
NAMED = 24
"""So many categories or labels have a row of their own; the rest is put together."""
WIDTH = 10.0
"""Of every figure, inches."""
BOX = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that `box_rows` shows."""
_DPI = 80
_PICTURE_DPI = 100
_PNG_COLOURS = 128
_FONT = "DejaVu Sans"
_STYLE = {
    "font.family": [_FONT],
    "font.size": 10,
    "svg.fonttype": "none",
    # Names of labels come from outside: a dollar sign begins no formula.
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A figure with the words that belong to it.

    Attributes:
        key: Its name in links, files and metadata: a-z and _.
        title: What it shows, in plain words.
        caption: What it says about this dataset and what would be alarming: a sentence or two.
        svg: For the page: no prolog, no ids but those it refers to, its ink in the colour of the text around it.
        png: For the Dagster UI, on white.
    """

    key: str
    title: str
    caption: str
    svg: str
    png: bytes


def draw(key: str, title: str, caption: str, height: float, paint: Callable[[Figure], None]) -> Plot:
    """Have a figure painted, `WIDTH` wide and `height` inches high. The same figure gives the same bytes."""
    with _styled(key):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure)
        heading = figure.suptitle(title, x=0.01, ha="left", fontsize=12)
        figure.set_facecolor("white")
        png = _png(figure)
        # Laid out once for both: that takes longer than drawing. On the page the title is a heading of its own, and
        # the room that it has taken is cut off.
        figure.set_layout_engine("none")
        top = 72 * height - heading.get_window_extent().y0 * 72 / figure.dpi
        heading.set_visible(False)
        svg = _svg(figure, title, top)
    return Plot(key, title, caption, svg, png)


def picture(width: float, height: float, paint: Callable[[Figure], None]) -> bytes:
    """Have a figure painted that stands by itself, `width` and `height` in inches.

    Returns:
        A PNG file of 100 pixels an inch, on white; the same figure gives the same bytes.
    """
    with _styled("picture"):
        figure = Figure(figsize=(width, height), dpi=_PICTURE_DPI, layout="constrained", facecolor="white")
        paint(figure)
        buffer = io.BytesIO()
        # The library would write its version into the file.
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _styled(salt: str) -> Iterator[None]:
    # Names of shapes in an SVG are drawn by lot unless they are salted.
    style: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt}
    with mpl.rc_context(style), warnings.catch_warnings():
        # A name in a script that the font does not have: the browser has others, and the PNG shows boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _svg(figure: Figure, title: str, top: float) -> str:
    """The figure without the points above `top`."""
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # In HTML, elements need no namespace; and the width is the page's.
    width, height = (round(72 * side, 1) for side in figure.get_size_inches())
    opening = f'<svg viewBox="0 {top:.1f} {width:g} {height - top:.1f}" role="img" aria-label="{html.escape(title)}">'
    text = re.sub(r"<svg[^>]*>", opening, text, count=1)
    text = text.replace("xlink:href", "href")
    text = re.sub(
        r' id="(?:figure|axes|matplotlib|patch|line|text|xtick|ytick|Path|Line|Quad|legend)[A-Za-z0-9_]*"', "", text
    )
    for colour, name in ((INK, "currentColor"), (FAINT, "var(--faint, #c9ced6)")):
        text = re.sub(re.escape(colour), name, text, flags=re.IGNORECASE)
    return text.replace(f"'{_FONT}'", f"'{_FONT}', Verdana, sans-serif")


def _png(figure: Figure) -> bytes:
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    buffer = io.BytesIO()
    # It is kept with every refresh: a palette makes it a third as large.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.quantize(_PNG_COLOURS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def named(names: Sequence[str], most: int = NAMED) -> list[list[str]]:
    """Names, the most important first, in groups: each by itself as far as they fit, the rest together."""
    own = len(names) if len(names) <= most + 1 else most
    return [*([name] for name in names[:own]), *([list(names[own:])] if len(names) > own else [])]


def group_title(group: Sequence[str], what: str = "categories") -> str:
    """How a group of names is called."""
    return short(group[0]) if len(group) == 1 else f"{len(group):,} other {what}"


def short(name: str, length: int = 28) -> str:
    """A name that fits beside a bar, without what cannot be printed."""
    clean = printable_text(name)
    return clean if len(clean) <= length else f"{clean[: length - 1]}…"


def rows_height(rows: int, each: float = 0.27, least: float = 2.4) -> float:
    """Height in inches of a figure with so many rows."""
    return max(least, 1.1 + each * rows)


def colour(rank: int, groups: int) -> str:
    """Colour of the group of a rank; the last of more than there are colours is the others'."""
    return OTHERS if groups > len(COLOURS) and rank >= len(COLOURS) else COLOURS[rank % len(COLOURS)]


def thousands(axes: Axes, *which: str) -> None:
    """Write whole numbers with separators on the x or y axis."""
    for name in which:
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter("{x:,.0f}")
        axis.get_major_locator().set_params(integer=True)


@dataclass(frozen=True)
class Bars:
    """A part of every bar: what it stands for, how long it is, its colour."""

    title: str
    lengths: Sequence[float]
    colour: str


def horizontal_bars(axes: Axes, names: Sequence[str], parts: Sequence[Bars], label: str, *, rest: bool = False) -> None:
    """Bars from top to bottom, each with its number.

    Args:
        axes: Where.
        names: Of the bars.
        parts: Stacked from the left.
        label: Of the axis.
        rest: Whether the last bar is of all others together. It is cut off where it would flatten the rest.
    """
    places, ends = range(len(names)), np.zeros(len(names))
    totals = np.sum([part.lengths for part in parts], axis=0)
    own = max(totals[:-1] if rest else totals, default=0) or 1
    limit = own * 1.3 if rest and totals[-1] > own * 1.3 else max(totals.max(), 1)
    for part in parts:
        lengths = np.minimum(ends + part.lengths, limit) - ends
        axes.barh(places, lengths, 0.72, left=ends, color=part.colour, label=part.title)
        ends += lengths
    for place, (end, total) in enumerate(zip(ends, totals, strict=True)):
        axes.text(end + limit * 0.008, place, f"{total:,.0f}{' →' if total > limit else ''}", va="center", fontsize=8.5)
    axes.set_yticks(list(places), list(names))
    axes.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, limit * 1.1))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(label)
    thousands(axes, "x")
    axes.grid(axis="x")
    if len(parts) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts), borderaxespad=0.2, fontsize=9)


def bars_per_day(axes: Axes, days: Sequence[dt.date], parts: Sequence[Bars]) -> None:
    """A bar for every day, its parts on top of each other; `days` without gaps, see `date_axis`."""
    places, below = day_places(days), np.zeros(len(days))
    for part in parts:
        axes.bar(places, part.lengths, 0.8, bottom=below, color=part.colour, label=part.title)
        below += part.lengths
    axes.grid(axis="y")
    thousands(axes, "y")
    if parts:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)


def day_places(days: Sequence[dt.date]) -> np.ndarray:
    """Where days stand on an axis, float64 `[len(days)]`."""
    return np.asarray(mdates.date2num(days), dtype=float)


def date_axis(axes: Axes, days: Sequence[dt.date], margin: float = 0.0) -> None:
    """Name some of the days below.

    Args:
        axes: Where.
        days: All that are drawn.
        margin: Days that are left free on either side; by default as much as bars need.
    """
    # Few days would have a bar as broad as the picture.
    around = margin or max(0.6, (8 - len(days)) / 2)
    places = day_places(days)
    axes.set_xlim(float(places[0]) - around, float(places[-1]) + around)
    axes.set_xticks(places[:: -(-len(days) // 12)])
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    axes.set_xlabel(f"day of arrival, {days[0]} to {days[-1]}" if len(days) > 1 else f"day of arrival, {days[0]}")


def colour_bar(axes: Axes, image: AxesImage, label: str, form: str | Formatter) -> None:
    """A scale of colours beside axes, without a frame around either."""
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, label=label, pad=0.02, format=form)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.yaxis.set_minor_locator(NullLocator())


def box_rows(axes: Axes, found: np.ndarray) -> None:
    """Lying boxes from top to bottom: 5 %, 25 %, 50 %, 75 % and 95 % in float64 `[rows, 5]`; NaN leaves a row free."""
    for row, (low, quarter, half, three_quarters, high) in enumerate(found):
        if np.isnan(half):
            continue
        axes.plot([low, high], [row, row], color=MAIN, linewidth=1.2, solid_capstyle="butt")
        axes.barh(row, three_quarters - quarter, 0.56, left=quarter, color=MAIN, alpha=0.55, linewidth=0)
        axes.plot([half, half], [row - 0.34, row + 0.34], color=SECOND, linewidth=2.2, solid_capstyle="butt")
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
