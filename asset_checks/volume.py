"""What is usual of a category's arrivals: about as many files as on other days, and no day without any."""

import datetime as dt

import polars as pl

from asset_checks.check import WARN, Outcome, Subject, check
from image_assets.quality.counts import rows_per_partition
from image_assets.quality.volume import missing_days
from image_assets.quality.volume import usual_volume as expected_volume
from image_assets.schema import ARRIVALS


@check("About as many files arrived as usual in this category.", severity=WARN, key="volume.factor")
def usual_volume(subject: Subject) -> Outcome:
    """Listed files against the median of the days before; a day without any is the matter of `no_day_missing`."""
    day, spec = subject.checked_partition.date, subject.dataset.volume
    counts = _files_by_day(subject)
    files = counts.get(day, 0)
    usual = expected_volume(counts, day, spec)
    figures: dict[str, int | float | str] = {"files": files, "days compared with": usual.days}
    if not usual.days:
        figures["usual"] = f"fewer than {spec.min_days} days to compare with"
    else:
        figures |= {"usual": round(usual.median, 1), "unusual at and below": round(usual.below, 1)}
        figures |= {"unusual at and above": round(usual.above, 1)}
        figures |= {"compared with": day.strftime("%As") if usual.weekday else "all days"}
    more_or_less = "more" if files > usual.median else "less"
    return Outcome(
        passed=files == 0 or usual.is_usual(files),
        figures=figures,
        sample=_latest(counts, day),
        advice=f"Much {more_or_less} arrived than usual: ask the supplier whether the delivery is whole and of this "
        "category. If days differ that much by nature, raise volume.factor.",
    )


@check(
    "There is no day without any file on which this category would normally have some.",
    severity=WARN,
    key="volume.window_days",
)
def no_day_missing(subject: Subject) -> Outcome:
    """Days of the window, this one among them, on which nothing arrived although it normally does."""
    partition, spec = subject.checked_partition, subject.dataset.volume
    counts = _files_by_day(subject)
    missing = missing_days(counts, partition.date, spec)
    names = ", ".join(str(day) for day in missing)
    return Outcome(
        passed=not missing,
        figures={"missing": len(missing), "days looked at": spec.window_days, **({"days": names} if missing else {})},
        sample=pl.DataFrame({"day": missing, "category": [partition.category] * len(missing)}),
        advice=f"Nothing arrived for {partition.category} on {names}: ask the supplier, then load these days again.",
    )


def _files_by_day(subject: Subject) -> dict[dt.date, int]:
    rows = rows_per_partition(subject.store, subject.dataset.name, ARRIVALS)
    category = rows.filter(pl.col("category") == subject.checked_partition.category)
    return dict(category.select("date", "rows").iter_rows())


def _latest(counts: dict[dt.date, int], day: dt.date) -> pl.DataFrame:
    days = sorted((one for one in counts if one <= day), reverse=True)
    return pl.DataFrame(
        {"day": days, "files": [counts[one] for one in days]}, schema={"day": pl.Date, "files": pl.Int64}
    )


CHECKS = (usual_volume, no_day_missing)
