"""Open Images: image labels and boxes from its CSV files, into what every annotated source is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from image_assets.ingest.annotated.categories import LabelBook, Wanted, wanted_labels
from image_assets.ingest.annotated.csv_files import (
    BOX_FILE_COLUMNS,
    LABEL_FILE_COLUMNS,
    files_in_percent,
    numbered_rows_of,
    rows_of,
)
from image_assets.ingest.annotated.database import database, quoted
from image_assets.ingest.annotated.files import AnnotationFolder
from image_assets.ingest.annotated.labels import read_labels
from image_assets.ingest.annotated.selection_sql import LABEL_STATES, names_sql, register_wanted, state_of
from image_assets.ingest.source import printable
from image_assets.settings.annotated import OpenImagesSource

if TYPE_CHECKING:
    import duckdb

# Ids are sixteen hexadecimal digits, which mean the same in capitals.
_KEY = (
    "case when ImageID <> lower(ImageID) and regexp_full_match(ImageID, '[0-9A-Fa-f]{16}') then lower(ImageID) "
    "else ImageID end"
)


@dataclass(frozen=True)
class OpenImages:
    """The annotation files of Open Images in a folder.

    Attributes:
        settings: Of the dataset file.
        folder: Where the files lie.
    """

    settings: OpenImagesSource
    folder: AnnotationFolder

    # An image's file is named after its id: the stem is the key.
    by_stem = True

    def files(self) -> list[Path]:
        """The files that the selection is made of."""
        return [*self._classes(), *self._hierarchy(), *self._image_labels()]

    def box_files(self) -> list[Path]:
        """The files of boxes."""
        return self.folder.find(self.settings.boxes, "file of boxes")

    def prepare(self, sql: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Make the tables `wanted` and `known`."""
        del folder  # the CSV files are read where they are
        register_wanted(sql, self.wanted, self.book)

    def group(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Make the tables `groups`, `aliases` and `in_percent`, in one pass over the rows: see `selection_sql`."""
        self._group(sql, ())
        if sql.execute("select 1 from groups where state = 'invalid' limit 1").fetchone() and self._labels_in_percent:
            self._group(sql, self._labels_in_percent)
        sql.execute("create table aliases as select distinct key, lower(key) as alias from groups where key <> ''")

    def _group(self, sql: duckdb.DuckDBPyConnection, percent: Sequence[Path]) -> None:
        files = self._image_labels()
        # Numbers are compared millions of times, and get their names when there are few rows left.
        state = state_of("ImageID", "Confidence", self.settings.confidence)
        numbered = (
            f"select part, LabelName as label, {self._chosen} as chosen, {state} as state, "
            f"case when w.label is not null then {_KEY} end as key, count(*) as rows "
            f"from ({numbered_rows_of(files, LABEL_FILE_COLUMNS, percent)}) "
            "left join (select distinct label from wanted) w on LabelName = w.label group by all"
        )
        part, state = names_sql("part", [printable(file.name) for file in files]), names_sql("state", LABEL_STATES)
        select = f"select * replace ({part} as part, {state} as state) from ({numbered})"
        sql.execute(f"create or replace table groups as {select}")
        names = [printable(file.name) for file in percent]
        in_percent = f"part in ({', '.join(map(quoted, names))})" if names else "false"
        sql.execute(f"create or replace view in_percent as select part, rows from groups where {in_percent}")

    def all_labels(self) -> str:
        """All rows of image labels: part, key, source, label, confidence."""
        rows = rows_of(self._image_labels(), LABEL_FILE_COLUMNS, self._labels_in_percent)
        return (
            f"select part, {_KEY} as key, Source as source, LabelName as label, Confidence as confidence from ({rows})"
        )

    def all_boxes(self) -> str:
        """All boxes: part, key, source, label, confidence, xmin, xmax, ymin, ymax, flags (null where unknown)."""
        flags = ", ".join(
            f"case {column} when 1 then true when 0 then false end as {name}"
            for name, column in {
                "occluded": "IsOccluded",
                "truncated": "IsTruncated",
                "group_of": "IsGroupOf",
                "depiction": "IsDepiction",
                "inside": "IsInside",
            }.items()
        )
        sides = ", ".join(
            f"coalesce({column}, 'nan'::double) as {column.lower()}" for column in ("XMin", "XMax", "YMin", "YMax")
        )
        files = self.box_files()
        rows = rows_of(files, BOX_FILE_COLUMNS, self._in_percent(files))
        return (
            f"select part, {_KEY} as key, coalesce(Source, '') as source, coalesce(LabelName, '') as label, "
            f"Confidence as confidence, {sides}, {flags} from ({rows})"
        )

    def all_sizes(self) -> str:
        """None: boxes are fractions."""
        return "select null::varchar as key, null::double as width, null::double as height where false"

    @cached_property
    def book(self) -> LabelBook:
        """The labels that there are."""
        return read_labels(self._classes(), self._hierarchy())

    @cached_property
    def wanted(self) -> list[Wanted]:
        """The labels that the categories take."""
        return wanted_labels(
            self.settings.categories_from,
            self.book,
            with_children=self.settings.with_children,
            ignore_absent=self.settings.absent_labels == "ignore",
        )

    @cached_property
    def _labels_in_percent(self) -> list[Path]:
        return self._in_percent(self._image_labels())

    def _in_percent(self, files: Sequence[Path]) -> list[Path]:
        with TemporaryDirectory() as spill, database(self.settings.memory_mb, Path(spill)) as sql:
            return files_in_percent(sql, files, LABEL_FILE_COLUMNS)

    @property
    def _chosen(self) -> str:
        sources = ", ".join(map(quoted, self.settings.label_sources))
        return f"coalesce(Source in ({sources}), false)" if sources else "true"

    def _classes(self) -> list[Path]:
        return self.folder.find(self.settings.classes, "class descriptions")

    def _hierarchy(self) -> list[Path]:
        return self.folder.find_any(self.settings.hierarchy)

    def _image_labels(self) -> list[Path]:
        return self.folder.find(self.settings.image_labels, "file of image labels")
