"""Which images look alike: candidates by perceptual hash, confirmed by the features.

Every image of a partition is compared with its own partition and with all others. Two partitions that are loaded at
the same time miss no pair: each has its features in the tables before it looks, so the later one sees the earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.features.table import feature_matrix, unit_rows
from image_assets.lookalikes.hash_search import pairs_within
from image_assets.memory import hand_back
from image_assets.schema import IMAGE_FEATURES, NEAR_DUPLICATES, Partition
from image_assets.settings.quality import NearDuplicates
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import KeyIndex
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, no_progress

# Of a picture that is there a thousand times, so many copies are enough to find its group and its categories.
_MOST_PER_HASH = 50
_COMPARED = 10_000
# Candidates that are confirmed together, at least: of a day of many files few may have any, and each time the features
# of all of them are looked through.
_CONFIRMED = 2_000
_COLUMNS = list(NEAR_DUPLICATES.file_schema.names)
_VECTORS = {"image_id": pl.String, "features": pl.List(pl.Float32)}


@dataclass(frozen=True)
class Library:
    """Where images are looked for.

    Attributes:
        raw_images: Hashes of the images.
        features: Feature vectors of the images.
        hashes: The index of the hashes.
        extractor: Digest of the extractor; features of another are passed over.
    """

    raw_images: PartitionedTable
    features: PartitionedTable
    hashes: KeyIndex
    extractor: str


@dataclass(frozen=True)
class PairRecord:
    """Where pairs are recorded, each by one of its two partitions.

    Attributes:
        table: The table `near_duplicates`.
        index: Its index by the other partition.
    """

    table: PartitionedTable
    index: KeyIndex

    def keep(self, partition: Partition, pairs: pl.DataFrame) -> int:
        """Replace the partition's pairs, without those that the other partition has recorded; how many these are.

        A partition that is run again after later days have come thus stays as it is. What is left out is decided on
        the very version of the table that the commit lands on: of two partitions that are recorded at the same time,
        one keeps the pair.
        """
        key = pl.DataFrame({"other_date": [partition.date], "other_category": [partition.category]})

        def choose(there: Snapshot) -> list[WrittenFile]:
            elsewhere = self.index.find(key, there.besides(partition), ["image_id", "other_id"])
            own = pairs.join(
                elsewhere, left_on=["image_id", "other_id"], right_on=["other_id", "image_id"], how="anti"
            ).sort("image_id", "other_id")
            return [self.table.write_frame(partition, own)]

        self.index.cover(self.table.snapshot())
        return self.table.replace_exclusively(partition, choose).rows


def near_duplicates(
    partition: Partition, library: Library, spec: NearDuplicates, progress: Progress = no_progress
) -> pl.DataFrame:
    """The near-duplicates of a partition's images.

    A pair within the partition is given once, by the smaller id. Memory: the ids and hashes of one file of the
    partition, its candidates or 2,000 of several files, and the features of these; never more than a piece of the
    history.

    Returns:
        Rows of the table `near_duplicates`, sorted.
    """
    there = library.raw_images.snapshot()
    library.hashes.cover(there)
    files = there.of(partition).written_files()
    total, done = sum(file.rows for file in files), 0
    found = [NEAR_DUPLICATES.no_rows()]
    waiting: list[pl.DataFrame] = []
    for number, file in enumerate(files, start=1):
        hand_back()  # what one file takes is small, and what allocators keep of hundreds is not
        new = pl.concat(library.raw_images.files.frames(file.path, ["image_id", "perceptual_hash"]))
        waiting.append(by_itself(_candidates(new, partition, library, there, spec.distance)))
        if number == len(files) or sum(map(len, waiting)) >= _CONFIRMED:
            found.append(by_itself(_confirmed(pl.concat(waiting), partition, library, spec)))
            waiting.clear()
        done += file.rows
        progress(done, total)
    return pl.concat(found).select(_COLUMNS).sort("image_id", "other_id")


def by_itself(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows in memory of their own: of a filtered frame the texts lie in that of the whole one, and keep it."""
    return pl.DataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))


def alike(spec: NearDuplicates) -> pl.Expr:
    """Whether a pair with `distance` and `cosine` counts as near-duplicates."""
    close = pl.col("distance") <= spec.close_distance
    least = pl.when(close).then(min(spec.close_cosine, spec.cosine)).otherwise(spec.cosine)
    return (pl.col("distance") <= spec.distance) & (pl.col("cosine") >= least)


def _candidates(
    new: pl.DataFrame, partition: Partition, library: Library, there: Snapshot, distance: int
) -> pl.DataFrame:
    """Pairs whose hashes are within the distance: image_id, other_id, other_date, other_category, distance."""
    pairs = pairs_within(new["perceptual_hash"].to_numpy().view(np.uint64), library.hashes.numbers(there), distance)
    alike = pl.DataFrame(
        {
            "perceptual_hash": pairs.new.view(np.int64),
            "other_hash": pairs.known.view(np.int64),
            "distance": pairs.distance.astype(np.int16),
        }
    )
    wanted = alike.select(perceptual_hash="other_hash").unique()
    others = (
        library.hashes.find(wanted, there, ["image_id"])
        .sort("date", "category", "image_id")
        .group_by("perceptual_hash", maintain_order=True)
        .head(_MOST_PER_HASH)
        .rename({"perceptual_hash": "other_hash", "image_id": "other_id"})
    )
    here = (pl.col("date") == partition.date) & (pl.col("category") == partition.category)
    return (
        new.join(alike, on="perceptual_hash")
        .join(others, on="other_hash")
        .filter(~here | (pl.col("image_id") < pl.col("other_id")))
        .select("image_id", "other_id", "distance", other_date="date", other_category="category")
    )


def _confirmed(candidates: pl.DataFrame, partition: Partition, library: Library, spec: NearDuplicates) -> pl.DataFrame:
    """The candidates whose features agree too, with their cosine."""
    if candidates.is_empty():
        return NEAR_DUPLICATES.no_rows()
    there = library.features.snapshot()
    own = _vectors(candidates["image_id"], there.of(partition), library)
    confirmed = [NEAR_DUPLICATES.no_rows()]
    for (date, category), pairs in candidates.partition_by("other_date", "other_category", as_dict=True).items():
        theirs = there.of(Partition(date, category))
        for file in theirs.written_files():
            others = _unit_vectors(library, file, pairs["other_id"])
            for some in pairs.join(others, left_on="other_id", right_on="image_id").iter_slices(_COMPARED):
                both = some.join(own, on="image_id", suffix="_own")
                if both.is_empty():
                    continue
                left, right = (feature_matrix(both.select(features=name)) for name in ("features", "features_own"))
                cosine = np.einsum("ij,ij->i", left, right)
                confirmed.append(
                    both.with_columns(cosine=pl.Series(cosine, dtype=pl.Float32)).filter(alike(spec)).select(_COLUMNS)
                )
    return pl.concat(confirmed)


def _vectors(ids: pl.Series, there: Snapshot, library: Library) -> pl.DataFrame:
    frames = (_unit_vectors(library, file, ids) for file in there.written_files())
    return pl.concat([pl.DataFrame(schema=_VECTORS), *frames])


def _unit_vectors(library: Library, file: WrittenFile, ids: pl.Series) -> pl.DataFrame:
    """The vectors of some images, at length 1: image_id and features."""
    wanted = pl.DataFrame({"image_id": ids}).unique()
    return pl.concat(list(_normalised(library, file, wanted)))


def _normalised(library: Library, file: WrittenFile, wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield pl.DataFrame(schema=_VECTORS)
    for batch in library.features.files.frames(file.path, IMAGE_FEATURES.file_schema.names):
        rows = batch.filter(pl.col("extractor") == library.extractor)
        rows = rows.select("image_id", "features").join(wanted, on="image_id", how="semi")
        if rows.is_empty():
            continue
        unit = unit_rows(feature_matrix(rows))
        yield pl.DataFrame({"image_id": rows["image_id"], "features": pl.Series(unit).arr.to_list()})
