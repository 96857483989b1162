"""Annotations of COCO's form, as COCO and iNaturalist have them, into what every annotated source is made of."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from image_assets.ingest.annotated.cache import built_once
from image_assets.ingest.annotated.categories import LabelBook, wanted_labels
from image_assets.ingest.annotated.coco_json import (
    ANNOTATIONS,
    CATEGORIES,
    IMAGES,
    fields_of,
    label_of,
    parse_files,
)
from image_assets.ingest.annotated.database import quoted
from image_assets.ingest.annotated.files import AnnotationFolder, identity, parts_of
from image_assets.ingest.annotated.json_objects import parsed
from image_assets.ingest.annotated.selection_sql import LABEL_STATES, names_sql, register_wanted, state_of
from image_assets.ingest.source import SourceError, printable
from image_assets.settings.annotated import CocoSource

if TYPE_CHECKING:
    import duckdb

# Part of the name of what is parsed: raised whenever the same files would give other rows.
_VERSION = 5


@dataclass(frozen=True)
class Coco:
    """The annotation files of COCO's form in a folder.

    Attributes:
        settings: Of the dataset file.
        folder: Where the files lie.
    """

    settings: CocoSource
    folder: AnnotationFolder

    # An image's file is named by the end of its path: the key is `file_name`.
    by_stem = False

    def files(self) -> list[Path]:
        """The files that the selection is made of."""
        return [*self._instances(), *self._names()]

    def box_files(self) -> list[Path]:
        """The same: boxes stand in the annotations."""
        return self._instances()

    def prepare(self, sql: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Make the tables `wanted` and `known`, and the view `annotated`; the parsed JSON is kept in `folder`."""
        parsed = self._parsed(folder)
        book = self._book(pl.read_parquet(parsed / f"{CATEGORIES}.parquet"))
        wanted = wanted_labels(
            self.settings.categories_from,
            book,
            with_children=False,
            ignore_absent=self.settings.absent_labels == "ignore",
        )
        register_wanted(sql, wanted, book)
        images, annotations = (quoted(parsed / f"{name}.parquet") for name in (IMAGES, ANNOTATIONS))
        # An image that is listed twice in the same words is one image; its annotations are not doubled.
        sql.execute(f"create view images_listed as select distinct * from read_parquet({images})")
        _refuse_ambiguous(sql)
        _refuse_different(sql)
        _refuse_fractions(sql, parsed)
        sql.execute(
            "create view annotated as select a.*, key, width, height "
            f"from read_parquet({annotations}) a left join images_listed using (part, image)"
        )

    def group(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Make the tables `groups`, `aliases` and `in_percent`: see `selection_sql`."""
        sql.execute(
            "create table groups as select part, a.label, true as chosen, "
            f"{names_sql(state_of('key', 'confidence', self.settings.confidence), LABEL_STATES)} as state, "
            "case when w.label is not null then key end as key, count(*) as rows from annotated a "
            "left join (select distinct label from wanted) w on a.label = w.label group by all"
        )
        sql.execute("create table aliases as select distinct key, alias from images_listed")
        sql.execute("create table in_percent (part varchar, rows bigint)")

    def all_labels(self) -> str:
        """All annotations as image labels: part, key, source, label, confidence."""
        return "select distinct part, key, 'annotation' as source, label, confidence from annotated"

    def all_boxes(self) -> str:
        """All boxes: part, key, source, label, confidence, xmin, xmax, ymin, ymax, flags (null where unknown).

        An annotation below the confidence does not count, neither as a label nor as a box. Pixels are divided by the
        image's size as the annotations give it; without one the fractions are NaN. They are often rounded, so a side up
        to one pixel beyond the image's edge is taken to be the edge.
        """
        sides = {
            "xmin": ("x", "width"),
            "xmax": ("x + w", "width"),
            "ymin": ("y", "height"),
            "ymax": ("y + h", "height"),
        }
        fractions = ", ".join(
            f"case when {size} > 0 then case when {side} between -1 and 0 then 0.0 "
            f"when {side} between {size} and {size} + 1 then 1.0 else ({side}) / {size} end else 'nan' end::double "
            f"as {name}"
            for name, (side, size) in sides.items()
        )
        unknown = ", ".join(f"null::boolean as {name}" for name in ("occluded", "truncated"))
        also_unknown = ", ".join(f"null::boolean as {name}" for name in ("depiction", "inside"))
        return (
            f"select part, key, 'annotation' as source, label, confidence, {fractions}, {unknown}, "
            f"crowd as group_of, {also_unknown} from annotated where x is not null "
            f"and confidence >= {self.settings.confidence!r}"
        )

    def all_sizes(self) -> str:
        """The sizes of the images: key, width, height; an image of several files may have several."""
        return "select key, width, height from images_listed"

    def _instances(self) -> list[Path]:
        found = self.folder.find(self.settings.instances, "file of annotations")
        instances = [file for file in found if file.name != self.settings.names]
        if not instances:
            raise SourceError(
                f"{printable(str(self.folder.path))}: no file of annotations beside {self.settings.names}"
            )
        return instances

    def _names(self) -> list[Path]:
        return self.folder.find([self.settings.names], "file of category names") if self.settings.names else []

    def _parsed(self, folder: Path) -> Path:
        files = self._instances()
        made_of = json.dumps([_VERSION, identity(files, self.folder.path)])
        digest = hashlib.sha256(made_of.encode(errors="surrogateescape")).hexdigest()[:32]
        return built_once(
            folder / f"json-{digest}", lambda place: parse_files(parts_of(files, self.folder.path), place)
        )

    def _book(self, listed: pl.DataFrame) -> LabelBook:
        names = self._names()
        if names:
            categories, origin = _categories_in(names[0]), printable(names[0].name)
        else:
            categories = _united(listed)
            origin = ", ".join(sorted(set(listed["part"])))
            if not categories:
                files = ", ".join(printable(str(file)) for file in self._instances())
                raise SourceError(f"{files}: the list 'categories' is empty; export it with the annotations")
        called: dict[str, set[str]] = defaultdict(set)
        for label, fields in categories.items():
            for field in self.settings.fields:
                if field in fields:
                    called[fields[field]].add(label)
        known = {label: fields.get("name", label) for label, fields in categories.items()}
        # Ids are numbers that say nothing: labels are looked for among the fields alone.
        return LabelBook(known, {name: sorted(labels) for name, labels in called.items()}, origin)


def _refuse_ambiguous(sql: duckdb.DuckDBPyConnection) -> None:
    """Refuse ids that several images of a file have: nothing tells whose their annotations are.

    Raises:
        SourceError: with the file, the first such id, its images and how many such ids there are.
    """
    sql.execute(
        "create temp table ambiguous as select part, image, count(*) as n, min(key) as first, max(key) as last "
        "from images_listed group by part, image having count(*) > 1"
    )
    found = sql.execute("from ambiguous order by part, image limit 1").fetchone()
    if found is None:
        return
    part, image, n, first, last = found
    total = sql.execute("select count(*) from ambiguous").fetchall()[0][0]
    shown = f"{first} and {last}" if first != last else f"{first}, with different sizes"
    raise SourceError(
        f"{part}: images: id {image} is there {n} times, such as {shown}; {total} ids are ambiguous, so that nothing "
        "tells which image their annotations belong to. Give every image an id of its own; exports that were put "
        "together can lie side by side as files of their own"
    )


def _refuse_different(sql: duckdb.DuckDBPyConnection) -> None:
    """Refuse names that stand for pictures of different shapes: exports of different folders, put side by side.

    Turned and scaled ones may be the same picture; what is rounded off is up to two pixels of the smaller one.

    Raises:
        SourceError: with the first such name and its sizes.
    """
    found = sql.execute(
        "with sizes as (select *, greatest(width, height) / least(width, height) as shape, "
        "least(width, height) as side from images_listed where width > 0 and height > 0) "
        "select key, list(distinct format('{:g} × {:g} in {}', width, height, part)), count(*) over () from sizes "
        "group by key having max(shape) - min(shape) > 2 * max(shape) / min(side) order by key limit 1"
    ).fetchone()
    if found is not None:
        key, sizes, total = found
        raise SourceError(
            f"images: {key} is {' and '.join(sorted(sizes))}; {total} names stand for different pictures. Give each "
            "its own name, with its folder, in `file_name`, or make a dataset of each annotation file"
        )


def _refuse_fractions(sql: duckdb.DuckDBPyConnection, parsed: Path) -> None:
    """Refuse a file whose boxes are fractions of the pictures: read as pixels, each chip would be a corner's pixel.

    Raises:
        SourceError: with the file, its boxes and one of them.
    """
    found = sql.execute(
        "select part, count(*), any_value(format('[{:g}, {:g}, {:g}, {:g}]', x, y, w, h)) "
        f"from read_parquet({quoted(parsed / f'{ANNOTATIONS}.parquet')}) where w > 0 and h > 0 group by part "
        "having max(x + w) <= 1.001 and max(y + h) <= 1.001 and bool_or(w < 1 or h < 1) order by part limit 1"
    ).fetchone()
    if found is not None:
        part, boxes, example = found
        raise SourceError(
            f"{part}: annotations: all {boxes} boxes lie within the first pixel of their picture, such as {example}: "
            "they are fractions of its width and height. Boxes of COCO's form are pixels, [x, y, width, height]: "
            "multiply them by the sizes of the images"
        )


def _united(listed: pl.DataFrame) -> dict[str, dict[str, str]]:
    """The categories of all files: id → fields. Raises `SourceError` where an id stands for several."""
    first: dict[str, tuple[str, str]] = {}
    for part, label, fields in listed.iter_rows():
        where, known = first.setdefault(label, (part, fields))
        if json.loads(known) == json.loads(fields):
            continue
        if where == part:
            raise SourceError(_two_categories(part, label, known, fields))
        raise SourceError(
            f"{part}: category {label} is another one than in the other files, such as {where}: {fields} and {known}; "
            "make a dataset of each"
        )
    return {label: json.loads(fields) for label, (_, fields) in first.items()}


def _two_categories(file: str, label: str, one: str, other: str) -> str:
    return (
        f"{file}: categories: id {label} is there twice, as {one} and as {other}, so that nothing tells which of them "
        "the annotations mean. Give every category an id of its own"
    )


def _categories_in(file: Path) -> dict[str, dict[str, str]]:
    """The categories of a file of names: a list, or an object that holds it as `categories`."""
    found: dict[str, dict[str, str]] = {}
    try:
        content = parsed(file.read_bytes())
        for category in content["categories"] if isinstance(content, dict) else content:
            label, fields = label_of(category), fields_of(category)
            if (known := found.setdefault(label, fields)) != fields:
                raise SourceError(_two_categories(printable(str(file)), label, json.dumps(known), json.dumps(fields)))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{printable(str(file))}: cannot be read as a list of categories with id and name: {error!r:.200}"
        ) from None
    return found
