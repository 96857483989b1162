"""How images are spread over categories and days, and what was refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from image_assets.exploration.statistics import ImageStatistics
from image_assets.pages.figures import (
    AMOUNTS,
    COLOURS,
    MAIN,
    OTHERS,
    SECOND,
    Bars,
    Plot,
    bars_per_day,
    colour,
    colour_bar,
    date_axis,
    day_places,
    draw,
    group_title,
    horizontal_bars,
    named,
    rows_height,
)

_DAYS = 120


def class_plots(statistics: ImageStatistics) -> list[Plot]:
    """The plots on categories and days."""
    return [_balance(statistics), _pie(statistics), _per_day(statistics), _heat_map(statistics)]


def _sums(statistics: ImageStatistics) -> dict[str, int]:
    counted = statistics.per_day.group_by("category").agg(pl.col("n").sum())
    return dict(counted.select("category", "n").iter_rows())


def _balance(statistics: ImageStatistics) -> Plot:
    sums, names = _sums(statistics), statistics.categories
    groups = named(names)
    most, least = sums[names[0]], sums[names[-1]]

    def paint(figure: Figure) -> None:
        lengths = [sum(sums[name] for name in group) for group in groups]
        shades = [OTHERS if len(group) > 1 else MAIN for group in groups]
        axes = figure.subplots()
        rest = len(groups) < len(names)
        horizontal_bars(axes, [group_title(g) for g in groups], [Bars("images", lengths, MAIN)], "images", rest=rest)
        for bar, shade in zip(axes.patches, shades, strict=True):
            bar.set_facecolor(shade)

    return draw(
        "class_balance",
        "Images per category",
        f"Of {len(names):,} categories, {names[0]} has the most images ({most:,}) and {names[-1]} the fewest "
        f"({least:,}): {most / least:,.1f} times as many. Alarming: a factor above 10, by which a classifier learns "
        "little of the small ones, or a category that is missing here.",
        rows_height(len(groups)),
        paint,
    )


def _pie(statistics: ImageStatistics) -> Plot:
    sums = _sums(statistics)
    groups = named(statistics.categories, len(COLOURS))

    def paint(figure: Figure) -> None:
        shares = [sum(sums[name] for name in group) for group in groups]
        axes = figure.subplots()
        wedges = axes.pie(
            shares,
            colors=[colour(rank, len(groups)) for rank in range(len(groups))],
            startangle=90,
            counterclock=False,
            wedgeprops={"linewidth": 1, "edgecolor": "#FFFFFF"},
        )[0]
        total = sum(shares)
        entries = [f"{group_title(g)}  {share / total:.1%}" for g, share in zip(groups, shares, strict=True)]
        axes.legend(wedges, entries, loc="center left", bbox_to_anchor=(1.02, 0.5))

    return draw(
        "class_shares",
        "Shares of the categories",
        "Each category's share of all images, clockwise from the top; beyond eight, the small ones are put together. "
        "Alarming: one slice that is most of the pie, for then always guessing it looks like a good classifier.",
        3.4,
        paint,
    )


def _days(statistics: ImageStatistics) -> list[dt.date]:
    """The days from the first to the last one drawn, also those on which nothing was loaded."""
    dates = statistics.per_day["date"].to_list()
    first = max(min(dates), max(dates) - dt.timedelta(days=_DAYS - 1))
    return pl.date_range(first, max(dates), eager=True).to_list()


def _since(statistics: ImageStatistics, days: list[dt.date]) -> str:
    return f" The latest {_DAYS} days are shown." if min(statistics.per_day["date"].to_list()) < days[0] else ""


def _matrix(statistics: ImageStatistics, groups: list[list[str]], days: list[dt.date]) -> np.ndarray:
    """Images of groups of categories on days, int64 `[len(groups), len(days)]`."""
    rows = {name: row for row, group in enumerate(groups) for name in group}
    columns = {day: column for column, day in enumerate(days)}
    counts = np.zeros((len(groups), len(days)), np.int64)
    for day, category, n in statistics.per_day.select("date", "category", "n").iter_rows():
        if day in columns:
            counts[rows[category], columns[day]] += n
    return counts


def _per_day(statistics: ImageStatistics) -> Plot:
    days, groups = _days(statistics), named(statistics.categories, len(COLOURS))
    counts = _matrix(statistics, groups, days)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        shades = (colour(rank, len(groups)) for rank in range(len(groups)))
        parts = zip(groups, counts, shades, strict=True)
        bars_per_day(axes, days, [Bars(group_title(group), heights, shade) for group, heights, shade in parts])
        axes.set_ylabel("images")
        date_axis(axes, days)

    empty = int((counts.sum(axis=0) == 0).sum())
    return draw(
        "images_per_day",
        "Images per day, by category",
        f"Images by the day that they arrived on; {empty or 'none'} of these {len(days):,} days "
        f"{'has' if empty in (0, 1) else 'have'} no images. Alarming: a day without any, or one far above or below the "
        f"others, which mostly means a delivery that was lost, cut off or sent twice.{_since(statistics, days)}",
        3.4,
        paint,
    )


def _heat_map(statistics: ImageStatistics) -> Plot:
    days, groups = _days(statistics), named(statistics.categories)
    own = [group for group in groups if len(group) == 1]
    counts = _matrix(statistics, groups, days)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        shown = np.ma.masked_equal(counts, 0)
        first = float(day_places(days)[0]) - 0.5
        extent = (first, first + len(days), len(groups) - 0.5, -0.5)
        # The others together are more than any by itself; and by their roots, small categories show their gaps too.
        norm = PowerNorm(0.5, 0, counts[: len(own)].max())
        picture = axes.imshow(shown, cmap=AMOUNTS, norm=norm, aspect="auto", interpolation="none", extent=extent)
        axes.set_yticks(range(len(groups)), [group_title(group) for group in groups])
        axes.tick_params(axis="y", length=0)
        date_axis(axes, days, margin=0.5)
        colour_bar(axes, picture, "images", "{x:,.0f}")

    gaps = int((counts == 0).sum())
    return draw(
        "days_by_categories",
        "Images of every day and category",
        f"One field per day and category, the lighter the more images; without colour where there are none "
        f"({gaps:,} of {counts.size:,}). Alarming: a row that breaks off, for then a source has fallen silent, or a "
        f"column with holes, for then a day did not arrive whole.{_since(statistics, days)}",
        rows_height(len(groups), least=2.2),
        paint,
    )


def refused_plot(statistics: ImageStatistics) -> Plot:
    """What is in quarantine, by reason."""
    sums = statistics.refused.group_by("reason").agg(pl.col("n").sum()).sort(["n", "reason"], descending=[True, False])
    refused, images = int(sums["n"].sum()), statistics.images
    groups = named(sums["reason"].to_list())
    by_reason = dict(sums.iter_rows())

    def paint(figure: Figure) -> None:
        names = [group_title(group, "reasons").replace("_", " ") for group in groups]
        lengths = [sum(by_reason[name] for name in group) for group in groups]
        horizontal_bars(figure.subplots(), names, [Bars("files", lengths, SECOND)], "files in quarantine")

    return draw(
        "quarantine_reasons",
        "Why files were refused",
        f"{refused:,} files are in quarantine, {refused / max(refused + images, 1):.1%} of what was new. What every "
        "reason means is in the data dictionary. Alarming: more than a few per cent, or one reason that suddenly "
        "grows, which mostly is one broken export or download.",
        rows_height(len(groups), least=1.7),
        paint,
    )
