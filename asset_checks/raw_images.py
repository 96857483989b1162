"""What must hold of a loaded partition: nothing lost, nothing twice, nothing under a wrong label."""

import polars as pl

from asset_checks.check import Outcome, Subject, check
from image_assets.schema import ARRIVALS, DUPLICATES, QUARANTINE, RAW_IMAGES


@check(
    "Every file that the source listed, once, is loaded, a duplicate or in quarantine, and just one of these.",
    blocking=True,
)
def every_arrival_accounted_for(subject: Subject) -> Outcome:
    """Listed = loaded + duplicates + quarantined, file by file."""
    listed = subject.rows(ARRIVALS).select("source").collect()
    parts = {
        "loaded": subject.rows(RAW_IMAGES),
        "duplicates": subject.rows(DUPLICATES),
        "quarantined": subject.rows(QUARANTINE),
    }
    outcomes = pl.concat([rows.select("source", outcome=pl.lit(name)) for name, rows in parts.items()]).collect()
    times = outcomes.group_by("source").agg(pl.len().alias("outcomes"), pl.col("outcome").sort().str.join(", "))
    found = listed.group_by("source").agg(pl.len().alias("listed")).join(times, on="source", how="full", coalesce=True)
    faulty = found.filter(pl.col("listed").ne_missing(1) | pl.col("outcomes").ne_missing(1)).sort("source")
    counts = {name: outcomes.filter(pl.col("outcome") == name).height for name in parts}
    return Outcome(
        passed=faulty.is_empty(),
        figures={"listed": listed.height, **counts, "unaccounted": faulty.height},
        sample=faulty.select("source", pl.col("listed").fill_null(0), pl.col("outcome").fill_null("none")),
        advice="Files were lost or counted twice. Run this partition again; if it stays, a table was changed by hand.",
    )


@check("Every image id is loaded once: neither twice here nor in another partition too.", blocking=True)
def ids_loaded_once(subject: Subject) -> Outcome:
    """No id twice within the partition, none in two partitions."""
    here = subject.rows(RAW_IMAGES).select("image_id", "source").collect()
    twice = here.filter(pl.col("image_id").is_duplicated())
    partition = subject.checked_partition
    elsewhere = (
        subject.table(RAW_IMAGES)
        .scan()
        .filter((pl.col("date") != partition.date) | (pl.col("category") != partition.category))
        .join(here.lazy().select("image_id"), on="image_id", how="semi")
        .select("image_id", "source", "date", "category")
        .collect()
    )
    return Outcome(
        passed=twice.is_empty() and elsewhere.is_empty(),
        figures={"ids": here.height, "twice here": twice.height, "loaded elsewhere too": elsewhere.height},
        sample=twice if elsewhere.is_empty() else elsewhere,
        advice="Run this partition again: what another partition holds is then counted as a duplicate.",
    )


@check("Every row carries the label that the dataset file gives its category.", blocking=True)
def label_is_category(subject: Subject) -> Outcome:
    """The label agrees with the category."""
    return label_outcome(subject, subject.rows(RAW_IMAGES))


def label_outcome(subject: Subject, rows: pl.LazyFrame) -> Outcome:
    """Whether all rows of the partition carry its category's label."""
    expected = subject.dataset.label_of(subject.checked_partition.category)
    wrong = rows.filter(pl.col("label").ne_missing(expected)).select("image_id", "label").collect()
    return Outcome(
        passed=wrong.is_empty(),
        figures={"expected label": expected, "wrong rows": wrong.height},
        sample=wrong,
        advice="The dataset file's labels were changed after loading, or the table by hand: run this partition again.",
    )


@check("The share of files in quarantine is within the dataset's limit.")
def quarantine_rate(subject: Subject) -> Outcome:
    """Quarantined ÷ listed against `limits.quarantine_rate`."""
    listed = subject.rows(ARRIVALS).select(pl.len()).collect().item()
    quarantined = subject.rows(QUARANTINE).select("reason", "source", "detail").collect()
    rate = quarantined.height / listed if listed else 0.0
    limit = subject.dataset.limits.quarantine_rate
    return Outcome(
        passed=rate <= limit,
        figures={"rate": round(rate, 4), "limit": limit, "quarantined": quarantined.height, "listed": listed},
        sample=quarantined.group_by("reason").agg(pl.len().alias("files"), pl.col("source").min().alias("for example")),
        advice="Look at the reasons: a supplier may send broken files. Raise limits.quarantine_rate only on purpose.",
    )


@check("Every duplicate's original is loaded, for the duplicates found here and those of images loaded here.")
def duplicates_have_an_original(subject: Subject) -> Outcome:
    """No duplicate whose image is nowhere."""
    partition = subject.checked_partition
    originals_here = (pl.col("original_date") == partition.date) & (pl.col("original_category") == partition.category)
    found_here = (pl.col("date") == partition.date) & (pl.col("category") == partition.category)
    concerned = subject.table(DUPLICATES).scan().filter(originals_here | found_here)
    lost = (
        concerned.join(subject.table(RAW_IMAGES).scan().select("image_id"), on="image_id", how="anti")
        .select("image_id", "source", "date", "category")
        .sort("date", "category", "source")
        .collect()
    )
    again = ", ".join(sorted({f"{date} {category}" for date, category in lost.select("date", "category").iter_rows()}))
    return Outcome(
        passed=lost.is_empty(),
        figures={"duplicates": concerned.select(pl.len()).collect().item(), "without original": lost.height},
        sample=lost,
        advice=f"The file that was loaded first is gone from the source. Run again: {again}; its copy is then loaded.",
    )


CHECKS = (
    every_arrival_accounted_for,
    ids_loaded_once,
    label_is_category,
    quarantine_rate,
    duplicates_have_an_original,
)
