"""The accounts as a picture: what became of the files of every day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
from matplotlib.figure import Figure

from image_assets.health.accounting import OUTCOMES, Accounts
from image_assets.pages.figures import (
    BLUE,
    GREEN,
    ORANGE,
    OTHERS,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    Bars,
    bars_per_day,
    date_axis,
    picture,
)

_OUTCOME_COLOURS = (BLUE, SKY, VERMILION, OTHERS, PURPLE)
_REASON_COLOURS = (VERMILION, ORANGE, PURPLE, GREEN, SKY, YELLOW, BLUE, OTHERS)
_DAYS = 120
_NAMED_REASONS = 7


def accounting_plot(accounts: Accounts, dataset: str) -> bytes:
    """Draw a bar per day: above, what became of the files listed; below, the quarantine by reason.

    Of more than 120 days the latest are drawn; the seven most frequent reasons have a colour of their own.

    Returns:
        A PNG file of 1000 × 620 pixels; the same accounts give the same bytes.
    """

    def paint(figure: Figure) -> None:
        outcomes, refused = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        days = _latest_days(accounts)
        if days:
            names = [name for name in OUTCOMES if name in accounts.shown().columns]
            by_outcome = accounts.rows.group_by("date").agg(pl.col(names).sum())
            bars_per_day(outcomes, days, _parts(days, by_outcome, names, _OUTCOME_COLOURS))
            reasons, names = _by_reason(accounts, days)
            bars_per_day(refused, days, _parts(days, reasons, names, _REASON_COLOURS))
            date_axis(refused, days)
        since = f", the latest {_DAYS} days" if accounts.rows["date"].n_unique() > _DAYS else ""
        outcomes.set_title(f"{dataset}: files per day, by what became of them{since}", loc="left", fontsize=12)
        outcomes.set_ylabel("files")
        refused.set_ylabel("in quarantine")

    return picture(WIDTH, 6.2, paint)


def _latest_days(accounts: Accounts) -> list:
    """The days from the first to the last one drawn, also those on which nothing arrived."""
    days = accounts.rows["date"].unique().sort().tail(_DAYS)
    return pl.date_range(days[0], days[-1], eager=True).to_list()[-_DAYS:] if len(days) else []


def _by_reason(accounts: Accounts, days: Sequence) -> tuple[pl.DataFrame, list[str]]:
    shown = accounts.reasons.filter(pl.col("date") >= days[0])
    sums = shown.group_by("reason").agg(pl.col("files").sum()).sort(["files", "reason"], descending=[True, False])
    named = sums["reason"].head(_NAMED_REASONS).to_list()
    others = pl.when(pl.col("reason").is_in(named)).then(pl.col("reason")).otherwise(pl.lit("other reasons"))
    counts = shown.with_columns(reason=others).pivot("reason", index="date", values="files", aggregate_function="sum")
    return counts, [*named, *(["other reasons"] if sums.height > _NAMED_REASONS else [])]


def _parts(days: Sequence[dt.date], counts: pl.DataFrame, names: Sequence[str], colours: Sequence[str]) -> list[Bars]:
    rows = pl.DataFrame({"date": days}).join(counts, on="date", how="left", maintain_order="left").fill_null(0)
    titles = (f"{name.replace('_', ' ')}  {rows[name].sum():,}" for name in names)
    lengths = (rows[name].cast(pl.Float64).to_list() for name in names)
    return [Bars(*part) for part in zip(titles, lengths, colours, strict=False)]
