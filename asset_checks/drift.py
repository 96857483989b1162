"""What ought to hold of a day beside the days before it: its images look like theirs, by their metrics and features.

These checks warn. How two samples are compared is said in `image_assets.quality.drift`.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from asset_checks.check import WARN, Outcome, Subject, check
from asset_checks.thumbnails import with_thumbnails
from image_assets.features.table import feature_matrix
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition, TableSchema
from image_assets.settings.quality import Drift
from io_managers.delta_log import Snapshot

if TYPE_CHECKING:
    from image_assets.quality.drift import DriftReport

Choice = Callable[[pl.DataFrame], pl.DataFrame]
"""What is compared of some rows."""

_SHOWN = 10
_SIDE = (pl.col("width").cast(pl.Float64) * pl.col("height")).sqrt()
METRICS = {
    **{
        name: pl.col(name)
        for name in (
            "brightness",
            "brightness_p05",
            "brightness_p99",
            "contrast",
            "sharpness",
            "entropy",
            "colourfulness",
            "greyscale",
        )
    },
    "aspect": pl.col("width") / pl.col("height"),
    "side": _SIDE,
}
"""What is compared of every image: its metrics, width ÷ height, and √(width × height)."""


@check(
    "The day's images are as bright, sharp, rich, colourful and large as those of the days before.",
    severity=WARN,
    key="drift",
)
def metrics_drift(subject: Subject) -> Outcome:
    """PSI and KS of every metric, and the AUC of a classifier on all of them."""

    def compared(window: pl.DataFrame, day: pl.DataFrame) -> "DriftReport":
        # Loads scikit-learn, which takes seconds and 100 MB: not before there is something to compare.
        from image_assets.quality.drift import compare

        return compare(_numbers(window), _numbers(day), list(METRICS))

    metrics = {name: metric.cast(pl.Float64) for name, metric in METRICS.items()}
    columns = ["image_id", *sorted({name for metric in METRICS.values() for name in metric.meta.root_names()})]
    return _outcome(subject, RAW_IMAGES, columns, lambda rows: rows.select("image_id", **metrics), compared)


@check("The day's features are distributed like those of the days before.", severity=WARN, key="drift")
def features_drift(subject: Subject) -> Outcome:
    """PSI and KS along the features' main directions, and the AUC of a classifier on them."""

    def sound(rows: pl.DataFrame) -> pl.DataFrame:
        # What other checks report, and features of another extractor, cannot be compared.
        vector = pl.col("features")
        finite = vector.list.eval(pl.element().is_finite().fill_null(False)).list.all()
        return rows.filter(
            pl.col("extractor") == subject.extractor.digest, vector.list.len() == subject.extractor.width, finite
        ).select("image_id", "features")

    def compared(window: pl.DataFrame, day: pl.DataFrame) -> "DriftReport":
        from image_assets.quality.drift import compare_features

        return compare_features(feature_matrix(window), feature_matrix(day))

    return _outcome(subject, IMAGE_FEATURES, ["image_id", "features", "extractor"], sound, compared)


def _outcome(
    subject: Subject,
    schema: TableSchema,
    columns: Sequence[str],
    choose: Choice,
    compared: "Callable[[pl.DataFrame, pl.DataFrame], DriftReport]",
) -> Outcome:
    limits, partition = subject.dataset.drift, subject.checked_partition
    snapshot = subject.table(schema).snapshot()
    before = [
        Partition(partition.date - dt.timedelta(days=n + 1), partition.category) for n in range(limits.window_days)
    ]
    window = _sample(subject, schema, columns, [snapshot.of(one) for one in before], choose)
    day = _sample(subject, schema, columns, [snapshot.of(partition)], choose)
    figures = {"images compared": day.height, "images before": window.height, "days before": limits.window_days}
    if min(day.height, window.height) < limits.min_images:
        needed = f"at least {limits.min_images} of either are needed"
        return Outcome(passed=True, figures={**figures, "not compared": f"too few images: {needed}"})
    report = compared(window, day)
    alarms = report.alarms(limits)
    return Outcome(
        passed=not alarms,
        figures={**figures, **_figures(report, limits), "drifted": "; ".join(alarms) or "nothing"},
        sample=_most_unlike(subject, day, report) if alarms else None,
        advice="Look at the images that are most unlike those before: another camera, supplier or subject? If this is "
        "the new normal, the warning ends by itself once it fills the window; models trained before may do worse.",
    )


def _figures(report: "DriftReport", limits: Drift) -> dict[str, int | float | str]:
    psi = max(report.columns, key=lambda one: one.psi.value)
    ks = max(report.columns, key=lambda one: one.ks.value)
    return {
        "largest PSI": round(psi.psi.value, 3),
        "PSI of": psi.name,
        "PSI limit": limits.psi,
        "largest KS": round(ks.ks.value, 3),
        "KS of": ks.name,
        "KS limit": limits.ks,
        "AUC": round(report.auc.value, 3),
        "AUC limit": limits.auc,
    }


def _sample(
    subject: Subject, schema: TableSchema, columns: Sequence[str], files: list[Snapshot], choose: Choice
) -> pl.DataFrame:
    """About as many rows as the dataset file says; the same ones every time.

    Ids are hashes: those below a bound are a fair sample.
    """
    images = sum(int(one.files["rows"].sum()) for one in files)
    share = min(1.0, subject.dataset.drift.sample / max(images, 1))
    chosen = pl.col("image_id") < f"{int(share * 16**12):012x}" if share < 1 else pl.lit(True)
    nothing = pl.DataFrame(pl.from_arrow(schema.file_schema.empty_table())).select(columns)
    batches = (batch for one in files for batch in subject.batches(schema, columns, one))
    return pl.concat([choose(batch.filter(chosen)) for batch in chain([nothing], batches)]).sort("image_id")


def _numbers(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(list(METRICS)).to_numpy()


def _most_unlike(subject: Subject, day: pl.DataFrame, report: "DriftReport") -> pl.DataFrame:
    """The day's images with the highest scores, and what they have of the metrics that drifted most."""
    drifted = [one.name for one in report.columns if one.name in day.columns][:3]
    shown = (
        day.select(
            "image_id", pl.Series("unlike", report.scores).round(2), *(pl.col(name).round(3) for name in drifted)
        )
        .sort("unlike", "image_id", descending=[True, False])
        .head(_SHOWN)
    )
    return with_thumbnails(subject, shown)
