"""What is known of pictures under several categories, read from the tables: of the dataset or of one partition."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import Evidence, held_back, label_conflicts
from image_assets.schema import DUPLICATES, NEAR_DUPLICATES, RAW_IMAGES, REVIEWS, Partition, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import image_index, lookalike_index, original_index

_PAIR = ["image_id", "date", "category", "other_id", "other_date", "other_category"]
_DUPLICATE = ["image_id", "date", "category", "source", "original_date", "original_category", "original_source"]


@dataclass(frozen=True)
class EvidenceReader:
    """Reads evidence. What says something of an image that has left its partition since counts for nothing."""

    store: Store
    dataset: DatasetSpec

    def pairs(self) -> pl.DataFrame:
        """All near-duplicates."""
        return self._still_loaded(self._scan(NEAR_DUPLICATES).select(_PAIR).collect())

    def whole(self, pairs: pl.DataFrame) -> Evidence:
        """The evidence of the whole dataset, of which `pairs` are all near-duplicates."""
        across = pairs.filter(pl.col("category") != pl.col("other_category"))
        duplicates = self._scan(DUPLICATES).filter(pl.col("category") != pl.col("original_category"))
        return Evidence(across, self._of_loaded(duplicates.select(_DUPLICATE).collect()), self._reviews())

    def of_partition(self, partition: Partition) -> Evidence:
        """Everything that contradicts an image of the partition; other partitions are looked up in indices."""
        own = self._table(NEAR_DUPLICATES).scan([partition]).select(_PAIR).collect()
        index = lookalike_index(self.store, self.dataset.name)
        there = self._table(NEAR_DUPLICATES).snapshot().besides(partition)
        index.cover(there)
        key = pl.DataFrame({"other_date": [partition.date], "other_category": [partition.category]})
        pointing_here = index.find(key, there, ["image_id", "other_id"]).select(_PAIR)
        pairs = pl.concat([own, pointing_here]).filter(pl.col("category") != pl.col("other_category"))
        return Evidence(self._still_loaded(pairs), self._duplicates_of(partition), self._reviews())

    def held_back_of(self, partition: Partition) -> list[str]:
        """Ids of the partition's images that may be neither published nor trained on, sorted."""
        evidence = self.of_partition(partition)
        if evidence.pairs.is_empty() and evidence.duplicates.is_empty():
            return []
        conflicts = label_conflicts(evidence, self.dataset.label_conflicts)
        here = (pl.col("date") == partition.date) & (pl.col("category") == partition.category)
        return sorted(held_back(conflicts).filter(here)["image_id"])

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

    def _reviews(self) -> pl.DataFrame:
        return self._scan(REVIEWS).collect()

    def _scan(self, schema: TableSchema) -> pl.LazyFrame:
        return self._table(schema).scan()

    def _table(self, schema: TableSchema) -> PartitionedTable:
        return self.store.table(self.dataset.name, schema)
