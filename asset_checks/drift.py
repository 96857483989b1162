"""What ought to hold of a day beside other days: its images look like theirs, by their metrics and features.

These checks warn. Which days are compared is said in `image_assets.health.drift_days`, how two samples are in
`image_assets.health.drift`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.asset_checks.thumbnails import with_thumbnails
from image_assets.features.table import feature_matrix
from image_assets.health.drift_days import (
    BESIDE_THE_DAYS_BEFORE,
    BESIDE_THE_FIRST_DAYS,
    ComparedDays,
    compared_days,
)
from image_assets.schema import IMAGE_FEATURES, METRIC_COLUMNS, RAW_IMAGES, Partition, TableSchema
from image_assets.settings.quality import Drift

if TYPE_CHECKING:
    from image_assets.health.drift import DriftReport

Days = Sequence[dt.date]
Choice = Callable[[pl.DataFrame], pl.DataFrame]
"""What is compared of some rows."""
Reader = Callable[[Days, float], pl.DataFrame]
"""A share of the images of some days: image_id, date, perceptual_hash, entropy, and what is compared of them."""
Comparison = Callable[[pl.DataFrame, pl.DataFrame], "DriftReport"]

_SHOWN = 10
# The two sides of a day, and what follows the names of their figures.
_WINDOW, _REFERENCE = "the days before", "the first days"
_SUFFIX = {_WINDOW: "", _REFERENCE: ", first days"}
_OVER_TIME = {
    f"{figure}{suffix}": limit
    for suffix in _SUFFIX.values()
    for figure, limit in {"AUC": "AUC limit", "largest PSI": "PSI limit", "largest KS": "KS limit"}.items()
}
_ADVICE = {
    _WINDOW: f"{BESIDE_THE_DAYS_BEFORE}: if this is the new normal, the warning ends by itself once it fills the "
    "window.",
    _REFERENCE: f"{BESIDE_THE_FIRST_DAYS}: what came slowly shows only here, and on every day until "
    "drift.reference_from says since when it is normal; set it to the first such day.",
}
_HASH = ("image_id", "perceptual_hash", "entropy")
_SIDE = (pl.col("width").cast(pl.Float64) * pl.col("height")).sqrt()
DRIFTING_METRICS = {
    **{one.name: pl.col(one.name) for one in METRIC_COLUMNS if one.name != "perceptual_hash"},
    "aspect": pl.col("width") / pl.col("height"),
    "side": _SIDE,
}
"""What is compared of every image: its metrics, width ÷ height, and √(width × height)."""


@check(
    "The day's images are as bright, sharp, rich, colourful and large as those of the days before and of the first.",
    severity=WARN,
    key="drift",
    over_time=_OVER_TIME,
)
def metrics_drift(subject: Subject) -> Outcome:
    """PSI and KS of every metric, and the AUC of a classifier on all of them."""

    def compared(window: pl.DataFrame, day: pl.DataFrame) -> "DriftReport":
        # Loads scikit-learn, which takes seconds and 100 MB: not before there is something to compare.
        from image_assets.health.drift import compare_numbers

        return compare_numbers(_numbers(window), _numbers(day), list(DRIFTING_METRICS))

    metrics = {name: metric.cast(pl.Float64) for name, metric in DRIFTING_METRICS.items()}
    columns = sorted({*_HASH, *(name for metric in DRIFTING_METRICS.values() for name in metric.meta.root_names())})

    def measured(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select("image_id", "perceptual_hash", **metrics)

    return _outcome(subject, RAW_IMAGES, partial(_read, subject, RAW_IMAGES, columns, measured), compared)


@check(
    "The day's features are distributed like those of the days before and of the first.",
    severity=WARN,
    key="drift",
    over_time=_OVER_TIME,
)
def features_drift(subject: Subject) -> Outcome:
    """PSI and KS along the features' main directions, and the AUC of a classifier on them."""

    def sound(rows: pl.DataFrame) -> pl.DataFrame:
        # What other checks report, and features of another extractor, cannot be compared.
        vector = pl.col("features")
        finite = vector.list.eval(pl.element().is_finite().fill_null(False)).list.all()
        return rows.filter(
            pl.col("extractor") == subject.extractor.digest, vector.list.len() == subject.extractor.width, finite
        ).select("image_id", "features")

    def read(days: Days, share: float) -> pl.DataFrame:
        found = _read(subject, IMAGE_FEATURES, ["image_id", "features", "extractor"], sound, days, share)
        hashes = _read(subject, RAW_IMAGES, _HASH, lambda rows: rows, days, share)
        return found.join(hashes.drop("date"), on="image_id", how="left", maintain_order="left")

    def compared(window: pl.DataFrame, day: pl.DataFrame) -> "DriftReport":
        from image_assets.health.drift import compare_features

        return compare_features(feature_matrix(window), feature_matrix(day))

    return _outcome(subject, IMAGE_FEATURES, read, compared)


def _outcome(subject: Subject, schema: TableSchema, read: Reader, compared: Comparison) -> Outcome:
    limits, partition = subject.dataset.drift, subject.checked_partition
    images = subject.rows_by_day(schema)
    days = compared_days(images, partition.date, limits)
    if not days.pool:
        return Outcome(passed=True, figures={"images compared": 0}, not_evaluated="the day has no images")

    sides = {_WINDOW: days.window} | ({_REFERENCE: days.reference} if days.reference else {})

    def number(days: Days) -> int:
        return sum(images[day] for day in days)

    def too_few(pool: int, beside: Mapping[str, int]) -> Outcome | None:
        if any(min(pool, rows) >= limits.min_images for rows in beside.values()):
            return None
        return Outcome(
            passed=True,
            figures=_counts(pool, beside, days.pool, limits),
            not_evaluated=_said(pool, beside, days, limits),
        )

    # Most small categories are too small as they are, and are not read at all.
    if found := too_few(number(days.pool), {side: number(of) for side, of in sides.items()}):
        return found

    def sample(days: Days) -> pl.DataFrame:
        # Ids are hashes: those below a bound are a fair sample, and the same one every time.
        share = limits.sample / max(1, number(days))
        return _one_of_each(subject, read(days, min(share, 1)))

    day, rows_of = sample(days.pool), {side: sample(of) for side, of in sides.items()}
    heights = {side: rows.height for side, rows in rows_of.items()}
    if found := too_few(day.height, heights):
        return found
    large = {side: rows for side, rows in rows_of.items() if min(day.height, rows.height) >= limits.min_images}
    figures = _counts(day.height, heights, days.pool, limits)
    reports = {side: compared(rows, day) for side, rows in large.items()}
    alarms = {side: found for side, report in reports.items() if (found := report.alarms(limits))}
    drifted = "; ".join(f"{one} beside {side}" for side, found in alarms.items() for one in found)
    return Outcome(
        passed=not alarms,
        figures={**figures, **_figures(reports, limits), "drifted": drifted or "nothing"},
        sample=_most_unlike(subject, day, reports[next(iter(alarms))]) if alarms else None,
        advice="Look at the images that are most unlike the others: another camera, supplier or subject? Models "
        f"trained before may do worse. {' '.join(_ADVICE[side] for side in alarms)}",
    )


def _counts(pool: int, beside: Mapping[str, int], days: Days, limits: Drift) -> dict[str, int | float | str]:
    compared = {"images compared": pool, "days compared": len(days), "days before": limits.window_days}
    return {**compared, **{f"images before{_SUFFIX[side]}": rows for side, rows in beside.items()}}


def _said(pool: int, beside: Mapping[str, int], days: ComparedDays, limits: Drift) -> str:
    pooled = f" and the {len(days.pool) - 1} before it" if len(days.pool) > 1 else ""
    others = ", ".join(f"{rows} of {side}" for side, rows in beside.items())
    return (
        f"too few images: {pool} of the day{pooled}, {others}; at least {limits.min_images} of either are needed, "
        "lookalikes counted once (drift.min_images)"
    )


def _figures(reports: Mapping[str, "DriftReport"], limits: Drift) -> dict[str, int | float | str]:
    figures: dict[str, int | float | str] = {}
    for side, report in reports.items():
        psi = max(report.columns, key=lambda one: one.psi.value)
        ks = max(report.columns, key=lambda one: one.ks.value)
        found = {
            "largest PSI": round(psi.psi.value, 3),
            "PSI of": psi.name,
            "largest KS": round(ks.ks.value, 3),
            "KS of": ks.name,
            "AUC": round(report.auc.value, 3),
        }
        figures |= {f"{name}{_SUFFIX[side]}": value for name, value in found.items()}
    return figures | {"PSI limit": limits.psi, "KS limit": limits.ks, "AUC limit": limits.auc}


def _read(
    subject: Subject, schema: TableSchema, columns: Sequence[str], choose: Choice, days: Days, share: float
) -> pl.DataFrame:
    """The images of some days whose ids are below a bound, in the order of the ids."""
    snapshot, category = subject.table(schema).snapshot(), subject.checked_partition.category
    chosen = pl.col("image_id") < f"{int(share * 16**12):012x}" if share < 1 else pl.lit(True)
    found = [choose(schema.no_rows().select(columns)).with_columns(date=pl.lit(None, pl.Date))]
    for day in days:
        for batch in subject.batches(schema, columns, snapshot.of(Partition(day, category))):
            found.append(choose(batch.filter(chosen)).with_columns(date=pl.lit(day)))
    return pl.concat(found).sort("image_id")


def _one_of_each(subject: Subject, rows: pl.DataFrame) -> pl.DataFrame:
    """Without lookalikes of what is there already.

    The hash of a picture that shows next to nothing says nothing of it: a day of black pictures is no burst.
    """
    from image_assets.lookalikes.bursts import one_of_each

    spec = subject.dataset
    says_nothing = pl.col("perceptual_hash").is_null() | (pl.col("entropy") < spec.quality.low_information)
    hashed = ~rows.select(says_nothing.fill_null(True)).to_series()
    kept = ~hashed.to_numpy()
    hashes = rows.filter(hashed)["perceptual_hash"].to_numpy().view(np.uint64)
    kept[hashed.to_numpy()] = one_of_each(hashes, spec.near_duplicates.distance)
    return rows.filter(pl.Series(kept))


def _numbers(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(list(DRIFTING_METRICS)).to_numpy()


def _most_unlike(subject: Subject, day: pl.DataFrame, report: "DriftReport") -> pl.DataFrame:
    """The day's own images with the highest scores, and what they have of the metrics that drifted most."""
    drifted = [one.name for one in report.columns if one.name in day.columns][:3]
    shown = (
        day.with_columns(pl.Series("unlike", report.scores).round(2))
        .filter(pl.col("date") == subject.checked_partition.date)
        .select("image_id", "unlike", *(pl.col(name).round(3) for name in drifted))
        .sort("unlike", "image_id", descending=[True, False])
        .head(_SHOWN)
    )
    return with_thumbnails(subject, shown)
