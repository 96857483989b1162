"""Removed images among what was loaded: where their files are, and taking them out of the tables of the first stage.

The tables are left as a run leaves them that finds a tombstone: the images are in quarantine under their own reason,
without their names, so that the accounts stay whole whether or not the files still arrive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from image_assets.dataset import DatasetSpec
from image_assets.features.units import unit_name as features_name
from image_assets.images.reasons import Reason
from image_assets.ingest.let_go import QuarantineKept
from image_assets.ingest.units import name_of_files
from image_assets.removal.tombstones import RemovedFile, Tombstone, Tombstones, digest_of, hidden
from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import image_index
from image_assets.store.tables.parquet_files import WrittenFile

_KEYS = ["image_id", "source"]
_Change = Callable[[pl.DataFrame], pl.DataFrame]


def files_of(dataset: DatasetSpec, store: Store, image_ids: Sequence[str]) -> dict[str, list[RemovedFile]]:
    """Where files of images lie: loaded, copies and refused ones; by image id, of those that have any."""
    wanted = pl.DataFrame({"image_id": image_ids}, schema={"image_id": pl.String})
    columns = ["image_id", "date", "category", "source", "bytes"]
    raw = store.table(dataset.name, RAW_IMAGES).snapshot()
    frames = [image_index(store, dataset.name).find(wanted, raw, ["source", "bytes"]).select(columns)]
    for schema in (DUPLICATES, QUARANTINE):
        rows = store.table(dataset.name, schema).scan()
        frames.append(rows.join(wanted.lazy(), on="image_id", how="semi").select(columns).collect())
    found: dict[str, list[RemovedFile]] = {}
    for image_id, date, category, source, size in pl.concat(frames).unique().sort(columns).iter_rows():
        one = RemovedFile(date=date, category=category, source=source, bytes=size)
        found.setdefault(image_id, []).append(one)
    return found


def companions_of(dataset: DatasetSpec, store: Store, files: Iterable[RemovedFile]) -> list[str]:
    """The sources of what came along with files."""
    pictures = [one.source for one in files]
    rows = store.table(dataset.name, COMPANIONS).scan()
    return rows.filter(pl.col("picture").is_in(pictures)).select("source").collect()["source"].to_list()


@dataclass
class TakenOut:
    """Takes removed images out of the tables that loading a partition makes, and out of its features.

    Each table of each partition changes in one commit, and all of it can be repeated.

    Args:
        dataset: Whose tables they are.
        store: Where they are.
        tombstones: Of the images, with their files.
    """

    dataset: DatasetSpec
    store: Store
    tombstones: Sequence[Tombstone]
    ids: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = {one.image_id for one in self.tombstones}

    def of(self, partition: Partition) -> None:
        """Take them out of a partition."""
        rows = pl.DataFrame([*self._refused(partition)], schema=QUARANTINE.no_rows().schema, orient="row")
        units = self._units(partition)
        self._table(QUARANTINE).replace(partition, _once(self._quarantined(partition, units, rows)))
        self._rewrite(DUPLICATES, partition, lambda frame: frame.filter(~pl.col("image_id").is_in(self.ids)))
        self._rewrite(COMPANIONS, partition, self._without_companions)
        self._rewrite(ARRIVALS, partition, self._without_names)
        features = [*self._features(partition, units)]
        if not self._table(IMAGE_FEATURES).snapshot().of(partition).files.is_empty():
            self._table(IMAGE_FEATURES).replace(partition, features)
        # Last: what the others are made of is found again where this did not come to its end.
        self._table(RAW_IMAGES).replace(partition, _once(one.raw for one in units.values()))

    def _table(self, schema: TableSchema) -> PartitionedTable:
        return self.store.table_to_write(self.dataset, schema)

    def _refused(self, partition: Partition) -> Iterator[tuple[str, int, None, str, str]]:
        said = Tombstones({one.image_id: one for one in self.tombstones}, frozenset())
        for one in self.tombstones:
            for file in one.unfinished or ():
                if file.partition == partition:
                    detail = said.said(one.image_id)
                    yield hidden(file.source), file.bytes, None, str(Reason.REMOVED), detail

    def _units(self, partition: Partition) -> Mapping[str, _Unit]:
        """The units of a partition by their names as they are now, each as it is to be."""
        raw, quarantine = self._table(RAW_IMAGES), self._table(QUARANTINE)
        names = {raw.name_of(one) for one in raw.partition_files(partition)}
        names |= {quarantine.name_of(one) for one in quarantine.partition_files(partition)}
        let_go = QuarantineKept(self.store, self.dataset.name).files_of(partition)
        found: dict[str, _Unit] = {}
        for name in sorted(names):
            file, refused = raw.find_file(partition, name), quarantine.find_file(partition, name)
            if file is None:
                continue  # of what was refused before it was decoded
            keys = [*_keys(raw, file), *(_keys(quarantine, refused) if refused else ())]
            if refused is not None and refused.path in let_go:
                refused = None  # it lies there until `gc` deletes it, and is not to be listed again
            kept = [key for key in keys if key[0] not in self.ids]
            if len(kept) == len(keys):
                found[name] = _Unit(file, file, refused)
                continue
            now = self._name(name, keys, kept, partition)
            found[name] = _Unit(
                file,
                self._written(RAW_IMAGES, partition, file, now),
                self._written(QUARANTINE, partition, refused, now) if refused else None,
            )
        return found

    def _name(self, name: str, keys: list[tuple[str, str]], kept: list[tuple[str, str]], partition: Partition) -> str:
        """The name of what is left of a unit: as a run would name it, where it would also have given this name."""
        if (label := self.dataset.categories.get(partition.category)) is not None:
            was, now = (
                name_of_files(sorted(one, key=lambda key: key[1]), self.dataset.limits, label) for one in (keys, kept)
            )
            if was == name:
                return now
        return name_without(name, self.ids)

    def _written(self, schema: TableSchema, partition: Partition, file: WrittenFile, name: str) -> WrittenFile:
        table = self._table(schema)
        return table.write_file(partition, name, without(table, file, ["image_id"], self.ids))

    def _quarantined(
        self, partition: Partition, units: Mapping[str, _Unit], rows: pl.DataFrame
    ) -> Iterator[WrittenFile]:
        table = self._table(QUARANTINE)
        yield from (unit.refused for unit in units.values() if unit.refused is not None)
        names = [*QUARANTINE.file_schema.names]
        loose = [one for one in table.partition_files(partition) if table.name_of(one) not in units]
        frames = [frame for one in loose for frame in table.files.frames(one.path, names)]
        other = pl.concat([QUARANTINE.no_rows(), *frames])
        other = other.filter(~pl.col("image_id").is_in(self.ids).fill_null(False))
        new = rows.join(other, on="source", how="anti")
        yield _written_as_rows(table, partition, pl.concat([other, new]).sort("source"))

    def _features(self, partition: Partition, units: Mapping[str, _Unit]) -> Iterator[WrittenFile]:
        table = self._table(IMAGE_FEATURES)
        for file in table.partition_files(partition):
            rows = pl.concat(table.files.frames(file.path, ["image_id", "extractor"]))
            if not rows["image_id"].is_in(self.ids).any():
                yield file
                continue
            extractor = rows["extractor"][0]
            name, made = table.name_of(file), name_without(table.name_of(file), self.ids)
            for unit in units.values():
                if features_name(unit.raw_before, extractor) == name:
                    made = features_name(unit.raw, extractor)
            yield table.write_file(partition, made, without(table, file, ["image_id"], self.ids))

    def _without_companions(self, rows: pl.DataFrame) -> pl.DataFrame:
        gone = pl.col("picture").is_in(self._sources).fill_null(False)
        named = pl.when(gone).then(pl.col("source").map_elements(hidden, pl.String)).otherwise("source")
        return rows.with_columns(source=named, picture=pl.when(~gone).then("picture"))

    def _without_names(self, rows: pl.DataFrame) -> pl.DataFrame:
        names = {name for one in self.tombstones for name in one.names}
        named = [hidden(one) if digest_of(one) in names else one for one in rows["source"]]
        return rows.with_columns(source=pl.Series(named, dtype=pl.String)).sort("source")

    @property
    def _sources(self) -> list[str]:
        return [file.source for one in self.tombstones for file in one.unfinished or ()]

    def _rewrite(
        self, schema: TableSchema, partition: Partition, change: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        table = self._table(schema)
        files = table.partition_files(partition)
        if not files:
            return
        names = [*schema.file_schema.names]
        rows = pl.concat([frame for one in files for frame in table.files.frames(one.path, names)])
        changed = change(rows)
        if not changed.equals(rows):
            table.replace(partition, [_written_as_rows(table, partition, changed)])


@dataclass(frozen=True)
class _Unit:
    """A unit of loading before and after."""

    raw_before: WrittenFile
    raw: WrittenFile
    refused: WrittenFile | None


def without(
    table: PartitionedTable, file: WrittenFile, columns: Sequence[str], ids: Iterable[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of a file that have none of the ids in any of the columns."""
    schema, gone = table.schema.file_schema, pa.array([*ids], pa.string())
    for batch in table.files.read(file.path, schema.names):
        frame = pl.DataFrame(batch.select([*columns]))
        keep = pl.Series([True] * batch.num_rows)
        for name in columns:
            keep &= ~frame[name].is_in(pl.Series(gone).implode()).fill_null(False)
        rows = batch.filter(pa.array(keep.to_list(), pa.bool_()))
        yield pa.RecordBatch.from_arrays([rows[name] for name in schema.names], schema=schema)


def _written_as_rows(table: PartitionedTable, partition: Partition, frame: pl.DataFrame) -> WrittenFile:
    """A file named as loading names it: how a frame came about has a part in its name, so it is made of plain rows."""
    rows = pa.RecordBatch.from_pylist(frame.to_dicts(), schema=table.schema.file_schema)
    return table.write_frame(partition, pl.DataFrame(pl.from_arrow(rows)))


def _once(files: Iterable[WrittenFile]) -> list[WrittenFile]:
    """Each file once: where a removal was killed, a unit is there as it was and as it is to be."""
    return [*{one.path: one for one in files}.values()]


def _keys(table: PartitionedTable, file: WrittenFile) -> list[tuple[str, str]]:
    return [key for frame in table.files.frames(file.path, _KEYS) for key in frame.iter_rows()]


def name_without(name: str, ids: Iterable[str]) -> str:
    """A name of its own for what is left of a file, or of a unit of that name."""
    return hashlib.sha256(f"{name} without {sorted(ids)}".encode()).hexdigest()[:32]
