"""What must hold of a loaded partition: nothing lost, nothing twice, nothing under a wrong label."""

from collections.abc import Mapping

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.images.reasons import Reason
from image_assets.ingest.let_go import QuarantineKept
from image_assets.schema import ARRIVALS, COMPANIONS, DUPLICATES, QUARANTINE, RAW_IMAGES
from image_assets.store.store import Store
from image_assets.store.tables.key_index import image_index, original_index

_ORIGINAL = ("original_date", "original_category")
_DUPLICATE = ("image_id", "source", "date", "category", *_ORIGINAL)


@check(
    "Every file that the source listed, once, is loaded, a duplicate, in quarantine or a companion: one of these.",
)
def every_arrival_accounted_for(subject: Subject) -> Outcome:
    """Listed = loaded + duplicates + quarantined + companions, file by file.

    Of quarantine that was let go of, a sum over the names is kept: the files without an outcome must be just these.
    """
    listed = subject.rows(ARRIVALS).select("source").collect()
    parts = {
        "loaded": subject.rows(RAW_IMAGES),
        "duplicates": subject.rows(DUPLICATES),
        "quarantined": subject.rows(QUARANTINE),
        "companions": subject.rows(COMPANIONS),
    }
    faulty, counts = unaccounted(listed, parts, ["source"])
    let_go = QuarantineKept(subject.store, subject.dataset.name).of(subject.checked_partition)
    once_without = faulty.filter(pl.col("there").eq_missing(1) & pl.col("outcomes").is_null())
    if let_go.files and let_go.are(once_without["source"].to_list()):
        faulty = faulty.join(once_without, on="source", how="anti")
    gone = {"of quarantine let go of": let_go.files, "on": str(let_go.on)} if let_go.files else {}
    return Outcome(
        passed=faulty.is_empty(),
        figures={"listed": listed.height, **counts, **gone, "unaccounted": faulty.height},
        sample=faulty.select(
            "source", pl.col("there").fill_null(0).alias("listed"), pl.col("outcome").fill_null("none")
        ),
        advice="Files were lost or counted twice. Run this partition again; if it stays, a table was changed by hand.",
    )


def unaccounted(
    there: pl.DataFrame, parts: Mapping[str, pl.LazyFrame], key: list[str]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """What is not there once and in one of the parts once; and how many rows each part has.

    Args:
        there: All that there is, by its key.
        parts: What became of it, by name.
        key: Columns that tell one from another.

    Returns:
        In the order of the key, how often it is `there`, how many `outcomes` it has, and these by name, `outcome`.
    """
    outcomes = pl.concat([rows.select(*key, outcome=pl.lit(name)) for name, rows in parts.items()]).collect()
    times = outcomes.group_by(key).agg(pl.len().alias("outcomes"), pl.col("outcome").sort().str.join(", "))
    found = there.group_by(key).agg(pl.len().alias("there")).join(times, on=key, how="full", coalesce=True)
    faulty = found.filter(pl.col("there").ne_missing(1) | pl.col("outcomes").ne_missing(1)).sort(key)
    return faulty, {name: outcomes.filter(pl.col("outcome") == name).height for name in parts}


@check("Every image id is loaded once: neither twice here nor in another partition too.")
def ids_loaded_once(subject: Subject) -> Outcome:
    """No id twice within the partition, none in two partitions."""
    here = subject.rows(RAW_IMAGES).select("image_id", "source").collect()
    twice = here.filter(pl.col("image_id").is_duplicated())
    others = subject.table(RAW_IMAGES).snapshot().besides(subject.checked_partition)
    found = image_index(subject.store, subject.dataset.name).find(here, others, ["source"])
    elsewhere = found.sort("date", "category", "source")
    return Outcome(
        passed=twice.is_empty() and elsewhere.is_empty(),
        figures={"ids": here.height, "twice here": twice.height, "loaded elsewhere too": elsewhere.height},
        sample=twice if elsewhere.is_empty() else elsewhere,
        advice="Run this partition again: what another partition holds is then counted as a duplicate.",
    )


@check("Every row carries the label that the dataset file gives its category.")
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


@check("The share of files in quarantine is within the dataset's limit.", key="limits.quarantine_rate")
def quarantine_rate(subject: Subject) -> Outcome:
    """Quarantined ÷ listed against `limits.quarantine_rate`; what comes along with pictures counts in neither."""
    beside = subject.rows(COMPANIONS).select(pl.len()).collect().item()
    listed = subject.rows(ARRIVALS).select(pl.len()).collect().item() - beside
    quarantined = subject.rows(QUARANTINE).select("reason", "source").collect()
    let_go = QuarantineKept(subject.store, subject.dataset.name).of(subject.checked_partition)
    refused = quarantined.height + let_go.files
    rate = refused / listed if listed else 0.0
    gone = {"let go of": let_go.files, "on": str(let_go.on)} if let_go.files else {}
    limit = subject.dataset.limits.quarantine_rate
    return Outcome(
        passed=rate <= limit,
        figures={"rate": round(rate, 4), "limit": limit, "quarantined": refused, "listed": listed}
        | {"companions": beside, **gone},
        sample=quarantined.group_by("reason").agg(pl.len().alias("files"), pl.col("source").min().alias("for example")),
        advice="Look at the reasons: a supplier may send broken files. Raise limits.quarantine_rate only on purpose.",
    )


@check("No picture ended the process that worked at it.", severity=WARN)
def nothing_ends_the_process(subject: Subject) -> Outcome:
    """Files in quarantine as `ends_the_process`."""
    refused = subject.rows(QUARANTINE).filter(pl.col("reason") == str(Reason.ENDS_THE_PROCESS))
    found = refused.select("source", "image_id", "detail").sort("source").collect()
    return Outcome(
        passed=found.is_empty(),
        figures={"files": found.height},
        sample=found,
        advice="A library fails at them, or they take more memory than there is. Have them saved anew by another "
        "program; after an update of the platform, run --verify tries them again.",
    )


@check(
    "Every duplicate's original is loaded, and where the duplicate knows it to be or under its own category, for the "
    "duplicates found here and those of images loaded here.",
    not_blocking_because="What is loaded here is right; another partition, which it names, is to be run again.",
)
def duplicates_have_an_original(subject: Subject) -> Outcome:
    """No duplicate whose image is nowhere, and none that contradicts its image's category without anybody seeing it.

    Contradictions are found by where a duplicate says that its original is.
    """
    concerned = pl.concat([subject.rows(DUPLICATES).select(_DUPLICATE).collect(), _duplicates_of_images_here(subject)])
    order = ("date", "category", "source")
    lost = without_original(subject.store, subject.dataset.name, concerned).sort(order)
    astray = _of_moved_images(subject, concerned).sort(order)
    said = (
        "The file that was loaded first is gone from the source. Run again: {}; its copy is then loaded.",
        "Images lie under another category by now than copies of them, and nobody is told that the two contradict each "
        "other. Run again: {}.",
    )
    return Outcome(
        passed=lost.is_empty() and astray.is_empty(),
        figures={"duplicates": concerned.height, "without original": lost.height, "original moved": astray.height},
        sample=pl.concat([lost, astray]),
        advice=" ".join(
            one.format(_partitions_of(rows)) for one, rows in zip(said, (lost, astray), strict=True) if rows.height
        ),
    )


def _partitions_of(rows: pl.DataFrame) -> str:
    return ", ".join(sorted({f"{date} {category}" for date, category in rows.select("date", "category").iter_rows()}))


def _of_moved_images(subject: Subject, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Duplicates whose image lies elsewhere than they know, and under another category; of retired ones nothing is."""
    loaded = image_index(subject.store, subject.dataset.name).find(duplicates, subject.table(RAW_IMAGES).snapshot())
    known = ["image_id", *_ORIGINAL]
    stale = duplicates.join(loaded, left_on=known, right_on=["image_id", "date", "category"], how="anti")
    contradicting = stale.join(loaded.select("image_id", under="category"), on="image_id").filter(
        pl.col("under") != pl.col("category"), pl.col("category").is_in(list(subject.dataset.categories))
    )
    return contradicting.select(_DUPLICATE)


def without_original(store: Store, dataset: str, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Those of the duplicates whose image is not loaded anywhere."""
    loaded = image_index(store, dataset).find(duplicates, store.table(dataset, RAW_IMAGES).snapshot())
    return duplicates.join(loaded, on="image_id", how="anti")


def _duplicates_of_images_here(subject: Subject) -> pl.DataFrame:
    """What other partitions call duplicates of images of this one."""
    partition = subject.checked_partition
    key = pl.DataFrame({"original_date": [partition.date], "original_category": [partition.category]})
    others = subject.table(DUPLICATES).snapshot().besides(partition)
    index = original_index(subject.store, subject.dataset.name)
    return index.find(key, others, ["image_id", "source"]).select(_DUPLICATE)
