"""What should hold of images that arrive as lists of URLs."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.images.reasons import Reason
from image_assets.ingest.let_go import QuarantineKept
from image_assets.removal.tombstones import HIDDEN
from image_assets.schema import ARRIVALS, COMPANIONS, DUPLICATES, QUARANTINE, RAW_IMAGES

# A row's provenance is `<list> row <number>: <url>`, see `image_assets.ingest.urls.lists`.
_PROVENANCE = r"^(?s)(?<list>.*?) row (?<row>[0-9]+): (?<url>.*)$"


@check("No URL stands in the day's lists twice.", severity=WARN)
def urls_are_unique(subject: Subject) -> Outcome:
    """Distinct URLs against rows. A repeated one is downloaded once and its image counted as a duplicate."""
    rows = _rows(subject)
    times = rows.group_by("url").agg(pl.len().alias("rows"), pl.col("source").min().alias("for example"))
    repeated = times.filter(pl.col("rows") > 1).sort("rows", "url", descending=[True, False])
    return Outcome(
        passed=repeated.is_empty(),
        figures={"rows": rows.height, "distinct urls": times.height, "repeated urls": repeated.height},
        sample=repeated,
        advice="Whoever made the lists counted images twice. Nothing is lost: repeats are in the table of duplicates.",
    )


@check("Every row of the lists is a file: downloaded, or in quarantine with the reason.")
def files_are_rows(subject: Subject) -> Outcome:
    """Rows numbered in the provenance are distinct, and each has an outcome."""
    rows = _rows(subject)
    distinct = rows.select("list", "row").n_unique()
    nameless = rows.filter(pl.col("row").is_null())
    parts = (RAW_IMAGES, DUPLICATES, QUARANTINE, COMPANIONS)
    files = sum(int(_named(subject.rows(part)).select(pl.len()).collect().item()) for part in parts)
    let_go = QuarantineKept(subject.store, subject.dataset.name).of(subject.checked_partition)
    files += sum(number for reason, number in let_go.reasons.items() if reason != Reason.REMOVED)
    return Outcome(
        passed=distinct == rows.height == files and nameless.is_empty(),
        figures={"rows": rows.height, "distinct rows": distinct, "files": files},
        sample=nameless.select("source"),
        advice="Run this partition again; if it stays, a table was changed by hand.",
    )


def _rows(subject: Subject) -> pl.DataFrame:
    """The partition's arrivals: source, list, row, url."""
    arrivals = _named(subject.rows(ARRIVALS)).select("source").collect()
    return arrivals.with_columns(pl.col("source").str.extract_groups(_PROVENANCE).alias("parts")).unnest("parts")


def _named(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Without the files of images that were removed: of these no row is told."""
    return rows.filter(~pl.col("source").str.starts_with(HIDDEN))
