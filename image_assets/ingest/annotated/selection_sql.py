"""Which images a dataset takes: from rows of image labels to images with a category, every step counted.

A reader of annotation files makes the table `groups`: the rows of image labels put together, one row of it for all
that agree in `part` (the file), `label`, `chosen` (whether their source is asked for), `state` and `key`; `rows` says
how many they are. `key` is the image's for wanted labels and null for all others, so that millions of rows become few.
`state` is `positive`, `negative`, `unsure`, or `invalid` for a confidence that is none. Beside it stand `aliases`, key
and alias (the last part of its file's name, folded) of every image, and `in_percent`, part and rows of those whose
confidence was divided by a hundred. Everything else is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from image_assets.ingest.annotated.categories import LabelBook, Wanted
from image_assets.ingest.annotated.database import quoted, write_parquet
from image_assets.settings.annotated import AnnotatedSection

if TYPE_CHECKING:
    import duckdb

IMAGES, NAMES, STEPS = "images.parquet", "names.parquet", "steps.parquet"
LABEL_STATES = ("positive", "negative", "unsure", "invalid")


class Step(StrEnum):
    """A step of the selection, as `label_selection` names it."""

    READ = "label rows read"
    IN_PERCENT = "of these, with a confidence in percent"
    KNOWN = "rows with a known label"
    UNKNOWN = "rows with an unknown label"
    NO_CATEGORY = "of these, with a category that the annotations do not list"
    CHOSEN = "rows of the chosen sources"
    OTHER_SOURCES = "rows of other sources"
    WANTED = "rows with a label of a category"
    UNWANTED = "rows with another label"
    POSITIVE = "positive rows"
    NEGATIVE = "negative rows"
    UNSURE = "rows below the confidence"
    NONE_SURE = "of these, in a file of which no row reaches it"
    INVALID = "rows without an image, or whose confidence is not 0 to 1"
    NO_IMAGE = "of these, without an image"
    NO_CONFIDENCE = "of these, with a confidence that is not 0 to 1"
    DISTINCT_LABELS = "distinct positive labels of images"
    DENIED = "of these, negative at once"
    DISTINCT_IMAGES = "distinct images"
    OF_ONE = "images of one category"
    OF_SEVERAL = "images of several categories"
    SELECTED = "selected images"
    DROPPED = "images left out"
    WITH_FILE = "selected images with a file"
    WITHOUT_FILE = "selected images without a file"
    FILES = "files of selected images"
    SPELT_OTHERWISE = "of these, files whose name is spelt otherwise"
    IN_DOUBT = "files that may be several images"


def register_wanted(sql: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted], book: LabelBook) -> None:
    """Make the tables `wanted` (label, name, category, position) and `known` (label, name)."""
    columns = {
        "label": [one.code for one in wanted],
        "name": [one.name for one in wanted],
        "category": [one.category for one in wanted],
        "position": [one.position for one in wanted],
    }
    _create(sql, "wanted", pa.table(columns))
    known = {"label": pa.array(book.names, pa.string()), "name": pa.array(book.names.values(), pa.string())}
    _create(sql, "known", pa.table(known))


def _create(sql: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    sql.register("given", rows)
    sql.execute(f"create table {name} as from given")
    sql.unregister("given")


def state_of(key: str, confidence: str, threshold: float) -> str:
    """The state of a label as an expression of SQL, its place in `LABEL_STATES`, of those of its image's key and its
    confidence.
    """
    # NaN is larger than any number here.
    invalid = f"{key} is null or {confidence} is null or not ({confidence} between 0 and 1)"
    cases = {"invalid": invalid, "positive": f"{confidence} >= {threshold!r}", "negative": f"{confidence} = 0"}
    whens = " ".join(f"when {condition} then {LABEL_STATES.index(state)}" for state, condition in cases.items())
    return f"(case {whens} else {LABEL_STATES.index('unsure')} end)::utinyint"


def names_sql(places: str, names: Sequence[str]) -> str:
    """The names of an expression's places among `names`, as an expression of SQL."""
    return f"[{', '.join(map(quoted, names))}][{places} + 1]"


def write_selection(sql: duckdb.DuckDBPyConnection, settings: AnnotatedSection, folder: Path) -> None:
    """From the tables `groups`, `wanted`, `known`, `aliases` and `in_percent` to three Parquet files.

    `images.parquet` has, sorted by key: key, part (the annotation file that names it), category (null: left out),
    categories (list), labels (list of names). `names.parquet` has alias, key and category (null: not selected) of all
    images whose alias a selected image has, for a file's name must not mean another image. `steps.parquet` counts.
    """
    sql.execute(
        "create table positive as select key, label, min(part) as part from groups "
        "where key is not null and chosen and state = 'positive' group by all"
    )
    sql.execute(
        "create table kinds as select key, position, category, list(distinct name order by name) as names, "
        "min(part) as part from positive join wanted using (label) group by all"
    )
    several = {
        "drop": "null",
        "own_category": quoted(settings.several_category or ""),
        "multi_label": "min_by(category, position)",
    }[settings.several]
    sql.execute(
        f"create table images as select key, case when count(*) = 1 then min(category) else {several} end as category, "
        "list(category order by position) as categories, "
        "list_sort(list_distinct(flatten(list(names)))) as labels, min(part) as part from kinds group by key"
    )
    sql.execute("create table steps (step varchar, part varchar, rows bigint)")
    _count_rows(sql)
    _count_oddities(sql, settings)
    _count_images(sql, settings)
    write_parquet(
        sql,
        "select key, part, category::varchar as category, categories, labels from images order by key",
        folder / IMAGES,
    )
    named = "select a.alias, key, category::varchar as category from aliases a left join images using (key)"
    write_parquet(
        sql,
        f"from ({named}) n semi join (from ({named}) where category is not null) s using (alias) order by alias, key",
        folder / NAMES,
    )
    write_parquet(sql, "from steps", folder / STEPS)


def _count_rows(sql: duckdb.DuckDBPyConnection) -> None:
    sql.execute(
        "create view tallies as select g.*, k.label is not null as known, w.label is not null as wanted from groups g "
        "left join known k on g.label = k.label "
        "left join (select distinct label from wanted) w on g.label = w.label"
    )
    _add(sql, Step.READ, "true", by="part")
    known, chosen, wanted = "known", "known and chosen", "known and chosen and wanted"
    for step, where in {
        Step.KNOWN: known,
        Step.UNKNOWN: "not known",
        Step.CHOSEN: chosen,
        Step.OTHER_SOURCES: "known and not chosen",
        Step.WANTED: wanted,
        Step.UNWANTED: "known and chosen and not wanted",
        Step.POSITIVE: f"{wanted} and state = 'positive'",
        Step.NEGATIVE: f"{wanted} and state = 'negative'",
        Step.UNSURE: f"{wanted} and state = 'unsure'",
        Step.INVALID: f"{wanted} and state = 'invalid'",
    }.items():
        _add(sql, step, where)


def _count_oddities(sql: duckdb.DuckDBPyConnection, settings: AnnotatedSection) -> None:
    """What is told of rows by file, where there is any."""
    refused = "from tallies where known and chosen and wanted and state = 'invalid'"
    for step, which in {
        Step.NO_CATEGORY: f"from tallies where not known and {settings.lists_all_labels}",
        Step.IN_PERCENT: "from in_percent",
        Step.NO_IMAGE: f"{refused} and key is null",
        Step.NO_CONFIDENCE: f"{refused} and key is not null",
        Step.NONE_SURE: "from (select part, sum(rows) filter (where state = 'unsure') as rows from tallies "
        "where known and chosen and wanted group by part having not bool_or(state in ('positive', 'negative'))) "
        "where rows > 0",
    }.items():
        sql.execute(f"insert into steps select {quoted(step)}, part, sum(rows) {which} group by part")


def _add(sql: duckdb.DuckDBPyConnection, step: Step, where: str, by: str = "''") -> None:
    sql.execute(
        f"insert into steps select {quoted(step)}, part, sum(rows) from "
        f"(select {by} as part, case when {where} then rows else 0 end as rows from tallies) group by all"
    )


def _count_images(sql: duckdb.DuckDBPyConnection, settings: AnnotatedSection) -> None:
    # Asked for by name, so that a category without images is there with a zero.
    one = list(settings.categories_from)
    selected = [*one, *([settings.several_category] if settings.several_category else [])]
    denied = "from positive p semi join (from groups where chosen and state = 'negative') g using (key, label)"
    for step, part, query in [
        (Step.DISTINCT_LABELS, "", "from positive"),
        (Step.DENIED, "", denied),
        (Step.DISTINCT_IMAGES, "", "from images"),
        *((Step.OF_ONE, name, f"from images where categories = [{quoted(name)}]") for name in one),
        (Step.OF_SEVERAL, "", "from images where len(categories) > 1"),
        *((Step.SELECTED, name, f"from images where category = {quoted(name)}") for name in selected),
        (Step.DROPPED, "", "from images where category is null"),
    ]:
        sql.execute(f"insert into steps select {quoted(step)}, {quoted(part)}, count(*) {query}")
