"""What is known of pictures under several categories, read from the tables: of the dataset or of one partition."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import OPEN, Evidence, held_back, label_conflicts
from image_assets.marks.decisions import Decisions, decided, standing
from image_assets.schema import DUPLICATES, NEAR_DUPLICATES, RAW_IMAGES, REVIEWS, Partition, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import image_index, lookalike_index, original_index

_PAIR = ["image_id", "date", "category", "other_id", "other_date", "other_category"]
_DUPLICATE = ["image_id", "date", "category", "source", "original_date", "original_category", "original_source"]


@dataclass(frozen=True)
class EvidenceReader:
    """Reads evidence. What says something of an image that has left its partition since counts for nothing.

    Attributes:
        store: Where the tables are.
        dataset: Whose they are.
        not_kept: Marks that are looked at as if they had been kept, as rows of the table `reviews`; None: none.
    """

    store: Store
    dataset: DatasetSpec
    not_kept: pl.DataFrame | None = None

    def pairs(self) -> pl.DataFrame:
        """All near-duplicates."""
        return self._still_loaded(self._scan(NEAR_DUPLICATES).select(_PAIR).collect())

    def whole(self, pairs: pl.DataFrame) -> Evidence:
        """The evidence of the whole dataset, of which `pairs` are all near-duplicates."""
        across = pairs.filter(pl.col("category") != pl.col("other_category"))
        duplicates = self._scan(DUPLICATES).filter(pl.col("category") != pl.col("original_category"))
        return Evidence(across, self._of_loaded(duplicates.select(_DUPLICATE).collect()), self.reviews())

    def of_partition(self, partition: Partition) -> Evidence:
        """Everything that contradicts an image of the partition; other partitions are looked up in indices."""
        own = self._table(NEAR_DUPLICATES).scan([partition]).select(_PAIR).collect()
        index = lookalike_index(self.store, self.dataset.name)
        there = self._table(NEAR_DUPLICATES).snapshot().besides(partition)
        index.cover(there)
        key = pl.DataFrame({"other_date": [partition.date], "other_category": [partition.category]})
        pointing_here = index.find(key, there, ["image_id", "other_id"]).select(_PAIR)
        pairs = pl.concat([own, pointing_here]).filter(pl.col("category") != pl.col("other_category"))
        return Evidence(self._still_loaded(pairs), self._duplicates_of(partition), self.reviews())

    def held_back_of(self, partition: Partition) -> list[str]:
        """Ids of the partition's images that are not published under its category, sorted.

        Their category is in doubt, or a person said that they do not belong there.
        """
        # Most partitions hold nothing of either, and a day may have hundreds of them.
        evidence, found = self.of_partition(partition), set[str]()
        if not evidence.is_empty:
            found.update(held_back(self._conflicts(evidence)).filter(_in(partition))["image_id"])
        said = self._decisions(evidence).rows.filter(category=partition.category).select("image_id")
        if not said.is_empty():
            snapshot = self._table(RAW_IMAGES).snapshot().of(partition)
            found.update(image_index(self.store, self.dataset.name).find(said, snapshot)["image_id"])
        return sorted(found)

    def moved_into(self, partition: Partition) -> pl.DataFrame:
        """Images that arrived on the partition's day under other categories, and that a person put under its own.

        What is in an open conflict stays away.

        Returns:
            image_id, date and category of the partitions where they lie, sorted by id.
        """
        moved = decided(self.reviews(), self.dataset.categories).rows.filter(settled=partition.category)
        if moved.is_empty():
            return pl.DataFrame(schema={"image_id": pl.String, "date": pl.Date, "category": pl.String})
        snapshot = self._table(RAW_IMAGES).snapshot()
        that_day = Snapshot(snapshot.version, snapshot.files.filter(date=partition.date))
        found = image_index(self.store, self.dataset.name).find(moved.select("image_id"), that_day)
        here = found.join(moved, on=["image_id", "category"], how="semi").sort("image_id")
        open_ones: set[str] = set()
        for category in here["category"].unique():
            conflicts = self._conflicts(self.of_partition(Partition(partition.date, category)))
            open_ones.update(conflicts.filter(state=OPEN)["image_id"])
        return here.filter(~pl.col("image_id").is_in(sorted(open_ones))).select("image_id", "date", "category")

    def _conflicts(self, evidence: Evidence) -> pl.DataFrame:
        return label_conflicts(evidence, self.dataset.label_conflicts)

    def _decisions(self, evidence: Evidence) -> Decisions:
        return decided(evidence.reviews, self.dataset.categories)

    def sources(self, files: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
        """The source of every file: image_id, date, category, loaded, source.

        Args:
            files: image_id, date, category, loaded.
            duplicates: As in `Evidence`.
        """
        images = files.filter("loaded").select("image_id").unique()
        snapshot = self._table(RAW_IMAGES).snapshot()
        loaded = image_index(self.store, self.dataset.name).find(images, snapshot, ["source"])
        repeated = duplicates.select("image_id", "date", "category", "source")
        columns = ["image_id", "date", "category", "source", "loaded"]
        return pl.concat(
            [
                loaded.with_columns(loaded=pl.lit(True)).select(columns),
                repeated.with_columns(loaded=pl.lit(False)).select(columns),
            ]
        )

    def _duplicates_of(self, partition: Partition) -> pl.DataFrame:
        key = pl.DataFrame({"original_date": [partition.date], "original_category": [partition.category]})
        snapshot = self._table(DUPLICATES).snapshot().besides(partition)
        index = original_index(self.store, self.dataset.name)
        found = index.find(key, snapshot, ["image_id", "source", "original_source"]).select(_DUPLICATE)
        return self._of_loaded(found.filter(pl.col("category") != pl.col("original_category")))

    def _still_loaded(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Without pairs of which an image has left its partition since."""
        if pairs.is_empty():
            return pairs
        loaded = self._loaded(pl.concat([pairs["image_id"], pairs["other_id"]]))
        others = loaded.rename({"image_id": "other_id", "date": "other_date", "category": "other_category"})
        there = pairs.join(loaded, on=["image_id", "date", "category"], how="semi")
        return there.join(others, on=["other_id", "other_date", "other_category"], how="semi")

    def _of_loaded(self, duplicates: pl.DataFrame) -> pl.DataFrame:
        """Without duplicates whose original has left its partition since."""
        if duplicates.is_empty():
            return duplicates
        originals = self._loaded(duplicates["image_id"])
        where = ["image_id", "original_date", "original_category"]
        return duplicates.join(originals, left_on=where, right_on=["image_id", "date", "category"], how="semi")

    def _loaded(self, ids: pl.Series) -> pl.DataFrame:
        """Where images are: image_id, date, category."""
        snapshot = self._table(RAW_IMAGES).snapshot()
        return image_index(self.store, self.dataset.name).find(ids.unique().to_frame("image_id"), snapshot)

    def reviews(self) -> pl.DataFrame:
        """The marks that stand, as rows of the table `reviews`."""
        kept = self._scan(REVIEWS).collect()
        return standing(kept if self.not_kept is None else pl.concat([kept, self.not_kept]))

    def _scan(self, schema: TableSchema) -> pl.LazyFrame:
        return self._table(schema).scan()

    def _table(self, schema: TableSchema) -> PartitionedTable:
        return self.store.table(self.dataset.name, schema)


def _in(partition: Partition) -> pl.Expr:
    return (pl.col("date") == partition.date) & (pl.col("category") == partition.category)
