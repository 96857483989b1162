"""What must hold of published shards: read back as any reader would, and compared with the features."""

from collections.abc import Callable, Sequence

import polars as pl

from asset_checks.check import Outcome, Subject, check
from image_assets.schema import IMAGE_FEATURES
from image_assets.shards.assets import shards_prefix
from image_assets.shards.manifest import ShardError, ShardManifest, read_manifest
from image_assets.shards.verify import (
    Expected,
    Problem,
    check_files,
    check_ids,
    check_labels,
    check_manifest,
    check_rows_and_columns,
    check_values,
)

_ADVICE = "Do not read these files. Materialise feature_shards of this partition again; it replaces what is damaged."
_Look = Callable[[ShardManifest], list[Problem]]


def _outcome(subject: Subject, looks: Callable[[Expected], Sequence[_Look]]) -> Outcome:
    expected = _expected(subject)
    manifest, problems = check_manifest(subject.store.objects(), _prefix(subject), expected)
    if manifest is not None:
        problems = [*problems, *(problem for look in looks(expected) for problem in look(manifest))]
    rows = manifest.rows if manifest else 0
    sample = pl.DataFrame(
        [(p.file, p.what, p.expected, p.found) for p in problems], ["file", "what", "expected", "found"], orient="row"
    )
    shards = len(manifest.shards) if manifest else 0
    return Outcome(not problems, {"shards": shards, "rows": rows, "problems": len(problems)}, sample, _ADVICE)


def _prefix(subject: Subject) -> str:
    return shards_prefix(subject.dataset, subject.checked_partition)


def _expected(subject: Subject) -> Expected:
    partition = subject.checked_partition
    made_with = subject.rows(IMAGE_FEATURES).select("extractor", width=pl.col("features").list.len()).first().collect()
    extractor, width = made_with.row(0) if made_with.height else _of_an_empty_partition(subject)
    return Expected(
        dataset=subject.dataset.name,
        date=partition.date,
        category=partition.category,
        label=subject.dataset.label_of(partition.category),
        width=width,
        extractor=extractor,
        shard_rows=subject.dataset.shards.rows,
    )


def _of_an_empty_partition(subject: Subject) -> tuple[str, int]:
    # No rows to compare with: any extractor will do, as long as the manifest can be read.
    try:
        manifest = read_manifest(subject.store.objects(), _prefix(subject))
    except ShardError:
        manifest = None
    return (manifest.extractor, manifest.width) if manifest else ("", 0)


@check("The published files are those of the manifest, byte for byte.", blocking=True)
def files_match_manifest(subject: Subject) -> Outcome:
    """SHA-256 and size of every file; none missing, none besides."""
    return _outcome(subject, lambda _: [lambda m: check_files(subject.store.objects(), _prefix(subject), m)])


@check("Every shard has the dataset's number of rows, but for the last one, and all columns.", blocking=True)
def rows_and_columns(subject: Subject) -> Outcome:
    """Rows and columns of every shard."""
    return _outcome(
        subject,
        lambda expected: [lambda m: check_rows_and_columns(subject.store.objects(), _prefix(subject), m, expected)],
    )


@check("Every image with features is in the shards exactly once, and nothing else is.", blocking=True)
def every_id_once(subject: Subject) -> Outcome:
    """Ids of the shards = ids of image_features."""
    ids = subject.rows(IMAGE_FEATURES).select("image_id")
    return _outcome(subject, lambda _: [lambda m: check_ids(subject.store.objects(), _prefix(subject), m, ids)])


@check("Every row carries the category's label, and only finite features.", blocking=True)
def labels_and_values(subject: Subject) -> Outcome:
    """Labels and values of every shard."""
    objects, prefix = subject.store.objects(), _prefix(subject)
    return _outcome(
        subject,
        lambda expected: [
            lambda m: check_labels(objects, prefix, m, expected),
            lambda m: check_values(objects, prefix, m),
        ],
    )


CHECKS = (files_match_manifest, rows_and_columns, every_id_once, labels_and_values)
