"""The selection of a dataset: computed once per content of its annotation files, kept as Parquet in staging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from image_assets.ingest.annotated.cache import built_once
from image_assets.ingest.annotated.coco import Coco
from image_assets.ingest.annotated.database import database, quoted, write_parquet
from image_assets.ingest.annotated.files import identity
from image_assets.ingest.annotated.matching import Matcher
from image_assets.ingest.annotated.open_images import OpenImages
from image_assets.ingest.annotated.selection_sql import IMAGES, NAMES, STEPS, write_selection

if TYPE_CHECKING:
    import duckdb

# Part of every name in staging: raised whenever the same files would give other rows.
_VERSION = 5
_ROWS = "rows.parquet"


@dataclass(frozen=True)
class LabelSelection:
    """What the annotations say of a dataset's images.

    Attributes:
        annotations: The annotation files.
        staging: Folder for what is computed.

    Every method raises `SourceError` where the annotation files are not there, or not what they should be.
    """

    annotations: OpenImages | Coco
    staging: Path

    @cached_property
    def folder(self) -> Path:
        """The folder with the files of `selection_sql.write_selection`."""
        return built_once(self._place("selection", self.annotations.files()), self._build)

    @cached_property
    def digest(self) -> str:
        """Differs once the selection, its labels or its boxes may be others."""
        boxes = self.annotations.box_files() if self.annotations.settings.with_boxes else []
        return self._place("all", [*self.annotations.files(), *boxes]).name

    def images(self) -> pl.LazyFrame:
        """One row for every image with a positive label of a category; see `selection_sql.write_selection`."""
        return pl.scan_parquet(self.folder / IMAGES, glob=False)

    def steps(self) -> pl.DataFrame:
        """The row counts: step, part, rows."""
        return pl.read_parquet(self.folder / STEPS, glob=False)

    def labels(self) -> Path:
        """A Parquet file of all image labels of the selected images, by key: part, key, source, label, name,
        confidence, positive (null: neither positive nor negative).
        """
        return self._rows("labels", self.annotations.files(), self._labels)

    def boxes(self) -> Path:
        """A Parquet file of the boxes of the selected images, by key: the columns of `all_boxes`, the
        label's name, and `wanted`, whether a category takes the label.
        """
        return self._rows("boxes", [*self.annotations.files(), *self.annotations.box_files()], self._boxes)

    def sizes(self) -> Path:
        """A Parquet file of the sizes that the annotations give the selected images, by key: key, width, height."""
        return self._rows("sizes", self.annotations.files(), self._sizes)

    def matcher(self) -> Matcher:
        """Finds the image that a file is."""
        return Matcher.of(pl.read_parquet(self.folder / NAMES, glob=False), by_stem=self.annotations.by_stem)

    def _place(self, what: str, files: list[Path]) -> Path:
        settings = self.annotations.settings.model_dump(mode="json", exclude={"landing", "staging", "missing_share"})
        made_of = [_VERSION, settings, identity(files, self.annotations.folder.path)]
        digest = hashlib.sha256(json.dumps(made_of).encode(errors="surrogateescape")).hexdigest()[:32]
        return self.staging / "annotations" / f"{what}-{digest}"

    def _build(self, folder: Path) -> None:
        with self._prepared(folder) as sql:
            self.annotations.group(sql)
            write_selection(sql, self.annotations.settings, folder)

    def _rows(self, what: str, files: list[Path], query: Callable[[], str]) -> Path:
        """The rows of a query as a file, made once."""

        def build(folder: Path) -> None:
            with self._prepared(folder) as sql:
                write_parquet(sql, query(), folder / _ROWS)

        return built_once(self._place(what, files), build) / _ROWS

    @contextmanager
    def _prepared(self, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        with database(self.annotations.settings.memory_mb, folder) as sql:
            self.annotations.prepare(sql, self.staging / "annotations")
            yield sql

    def _labels(self) -> str:
        threshold = self.annotations.settings.confidence
        return (
            "select r.part, r.key, coalesce(r.source, '') as source, coalesce(r.label, '') as label, "
            "r.confidence, coalesce(k.name, r.label, '') as name, "
            f"case when r.confidence between {threshold!r} and 1 then true when r.confidence = 0 then false end "
            f"as positive from ({self.annotations.all_labels()}) r semi join {self._selected()} i using (key) "
            "left join known k using (label) order by key, label, source, confidence, part"
        )

    def _boxes(self) -> str:
        return (
            "select b.*, coalesce(k.name, b.label) as name, w.label is not null as wanted "
            f"from ({self.annotations.all_boxes()}) b semi join {self._selected()} i using (key) "
            "left join known k using (label) "
            "left join (select distinct label from wanted) w using (label) "
            "order by key, label, source, xmin, ymin, xmax, ymax, confidence, part"
        )

    def _sizes(self) -> str:
        return (
            f"select distinct s.* from ({self.annotations.all_sizes()}) s semi join {self._selected()} i "
            "using (key) where width > 0 and height > 0 order by all"
        )

    def _selected(self) -> str:
        return f"(select key from read_parquet({quoted(self.folder / IMAGES)}) where category is not null)"
