"""What must hold of published shards: read back as any reader would, and compared with the features."""

import hashlib
from collections.abc import Callable, Sequence

import polars as pl
from obstore.store import ObjectStore

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.shards.manifest import (
    ShardError,
    ShardFile,
    ShardManifest,
    expected_of,
    path_of,
    read_manifest,
    shards_prefix,
)
from image_assets.shards.verify import (
    Code,
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


_Look = Callable[[ObjectStore, str, ShardManifest, Expected], Sequence[Problem]]


def _outcome(subject: Subject, look: _Look) -> Outcome:
    """What `look` finds; without a manifest there is nothing to look at, and every check says so."""
    store, prefix, expected = (
        subject.store.objects(),
        _prefix(subject),
        subject.shared("expected", lambda: _expected(subject)),
    )
    manifest, problems = check_manifest(store, prefix, expected)
    found = problems if manifest is None else look(store, prefix, manifest, expected)
    sample = pl.DataFrame(
        [(p.file, p.what, p.expected, p.found) for p in found], ["file", "what", "expected", "found"], orient="row"
    )
    return Outcome(
        passed=not found,
        figures={
            "shards": len(manifest.shards) if manifest else 0,
            "rows": manifest.rows if manifest else 0,
            "problems": len(found),
        },
        sample=sample,
        advice=_ADVICE,
    )


def _prefix(subject: Subject) -> str:
    return shards_prefix(subject.dataset, subject.checked_partition)


def _expected(subject: Subject) -> Expected:
    made_with = subject.rows(IMAGE_FEATURES).select("extractor", width=pl.col("features").list.len()).first().collect()
    extractor, width = made_with.row(0) if made_with.height else _of_an_empty_partition(subject)
    return expected_of(subject.dataset, subject.checked_partition, width, extractor)


def _of_an_empty_partition(subject: Subject) -> tuple[str, int]:
    # No rows to compare with: any extractor will do, as long as the manifest can be read.
    try:
        manifest = read_manifest(subject.store.objects(), _prefix(subject))
    except ShardError:
        manifest = None
    return (manifest.extractor, manifest.width) if manifest else ("", 0)


@check(
    "The manifest is that of this partition, and the published files are those that it names, byte for byte.",
)
def files_match_manifest(subject: Subject) -> Outcome:
    """SHA-256 and size of every file; none missing, none besides."""
    return _outcome(
        subject,
        lambda store, prefix, manifest, expected: [
            *check_manifest(store, prefix, expected)[1],
            *check_files(store, prefix, manifest),
        ],
    )


@check("Every shard has the dataset's number of rows, but for the last one, and all columns.")
def rows_and_columns(subject: Subject) -> Outcome:
    """Rows and columns of every shard."""
    return _outcome(subject, check_rows_and_columns)


@check(
    "Every image with features is in the shards exactly once, but for those whose category is in doubt or that people "
    "put elsewhere, and nothing else is but what they put here.",
)
def every_id_once(subject: Subject) -> Outcome:
    """Ids of the shards = ids of image_features less those that are held back, and those that people put here."""
    reader = EvidenceReader(subject.store, subject.dataset)
    disputed, moved_in = reader.held_back_of(subject.checked_partition), reader.moved_into(subject.checked_partition)
    held_back = pl.LazyFrame({"image_id": disputed}, schema={"image_id": pl.String})
    own = subject.rows(IMAGE_FEATURES).select("image_id").join(held_back, on="image_id", how="anti")
    ids = pl.concat([own, moved_in.select("image_id").lazy()])
    return _outcome(subject, lambda store, prefix, manifest, _: check_ids(store, prefix, manifest, ids))


@check("Every row carries the category's label, and only finite features.")
def labels_and_values(subject: Subject) -> Outcome:
    """Labels and values of every shard."""
    return _outcome(
        subject,
        lambda store, prefix, manifest, expected: [
            *check_labels(store, prefix, manifest, expected),
            *check_values(store, prefix, manifest),
        ],
    )


@check("Every row holds the very vector that image_features has for its image.")
def vectors_are_the_features(subject: Subject) -> Outcome:
    """Vectors of the shards = vectors of image_features, image by image; ids are compared by another check.

    What people put here lies in other partitions, and so do its features.
    """
    moved_in = EvidenceReader(subject.store, subject.dataset).moved_into(subject.checked_partition)
    places = [Partition(*key) for key in moved_in.select("date", "category").unique().iter_rows()]
    elsewhere = subject.table(IMAGE_FEATURES).scan(places).join(moved_in.lazy(), on="image_id", how="semi")
    hashed = [
        rows.select("image_id", hash=pl.col("features").hash()) for rows in (subject.rows(IMAGE_FEATURES), elsewhere)
    ]
    features = pl.concat(hashed).collect()

    def look(store: ObjectStore, prefix: str, manifest: ShardManifest, _: Expected) -> list[Problem]:
        return [
            difference
            for shard in manifest.shards
            for difference in _other_vectors(store, path_of(prefix, shard.file), shard, features)
        ]

    return _outcome(subject, look)


def _other_vectors(store: ObjectStore, path: str, shard: ShardFile, features: pl.DataFrame) -> list[Problem]:
    try:
        content = bytes(store.get(path).bytes())
        if hashlib.sha256(content).hexdigest() != shard.sha256:
            return [
                Problem(
                    Code.FILE_CHECKSUM, shard.file, "content", "the published bytes", "others, which are not compared"
                )
            ]
        rows = _vectors(content, shard.file).select("image_id", found=pl.col("features").hash())
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        return [Problem(Code.FILE_UNREADABLE, shard.file, "content", "a readable table", text)]
    other = rows.join(features, on="image_id").filter(pl.col("found") != pl.col("hash"))
    if other.is_empty():
        return []
    text = f"{other.height} others, such as that of {other['image_id'].min()}"
    return [Problem(Code.VECTORS, shard.file, "vectors", "those of image_features", text)]


def _vectors(content: bytes, file: str) -> pl.DataFrame:
    """A shard as rows of image_id and features."""
    if file.endswith(".csv"):
        wide = pl.read_csv(content, infer_schema=False).with_columns(pl.exclude("picture_id").cast(pl.Float32))
    else:
        wide = pl.read_parquet(content)
    vectors = wide.drop("picture_id", "category_label").to_numpy().astype("float32", copy=False)
    return pl.DataFrame({"image_id": wide["picture_id"], "features": pl.Series(vectors).arr.to_list()})
