"""The data dictionary: what every column, reason code and setting means, written from the code that defines them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from image_assets.dataset import DatasetSpec
from image_assets.images.reasons import Reason
from image_assets.markdown import markdown_table
from image_assets.schema import PARTITION_COLUMNS, TABLES, Column, shard_columns


def data_dictionary() -> str:
    """The dictionary as Markdown."""
    parts = [
        "# Data dictionary",
        "Written by `make docs` from `image_assets/schema/`, `image_assets/images/reasons.py` and "
        "`image_assets/dataset.py` with its `settings/`; a test keeps it true.",
        "## Tables",
        "Delta tables at `<store>/<dataset>/<table>`. Partitioned tables have a folder per `date` and `category`.",
    ]
    for schema in TABLES:
        columns = (*schema.columns, *(PARTITION_COLUMNS if schema.partitioned else ()))
        parts += [f"### {schema.name}", schema.meaning, _columns(columns)]
    parts += [
        "## Published shards",
        "Files at `<store>/<dataset>/feature_shards/date=…/category=…/`, named in "
        "`feature_shards_manifests/date=…/category=…/shards.json`. "
        "`D` is the extractor's number of features: 1,152 for the default, 512 for `mobilenet_v1_050_128`.",
        _shard_columns(),
        "## Reason codes of the quarantine",
        markdown_table(("reason", "meaning"), ((f"`{reason}`", reason.meaning) for reason in Reason)),
        "## Dataset files",
    ]
    sections: dict[type[BaseModel], str] = {}
    for section, name in _sections(DatasetSpec):
        sections.setdefault(section, name)
    for section, name in sections.items():
        kind = section.model_fields.get("kind")
        title = f"`{name}`" + (f", kind {_type_name(kind.annotation)}" if kind else "") if name else "top level"
        parts += [f"### {title}", (section.__doc__ or "").split("\n")[0], _settings(section)]
    return "\n\n".join(parts) + "\n"


def _sections(section: type[BaseModel], path: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """The sections of a dataset file, each with the keys that lead to it, before those within it."""
    yield section, path
    for name, field in section.model_fields.items():
        for one in _models_in(field.annotation):
            yield from _sections(one, f"{path}.{name}".lstrip("."))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _columns(columns: Sequence[Column]) -> str:
    rows = (
        (
            f"`{c.name}`",
            str(c.type).replace("element: ", "").replace(" not null", ""),
            c.unit,
            "yes" if c.nullable else "",
            c.meaning,
        )
        for c in columns
    )
    return markdown_table(("column", "type", "unit", "may be null", "meaning"), rows)


def _shard_columns() -> str:
    first, label, *features = shard_columns(2)
    rows = [(f"`{c.name}`", str(c.type), c.meaning) for c in (first, label)]
    rows.append(("`feature_1` … `feature_D`", str(features[0].type), "The feature vector, a column per feature"))
    return markdown_table(("column", "type", "meaning"), rows)


def _settings(section: type[BaseModel]) -> str:
    rows = []
    for name, field in section.model_fields.items():
        default = "required" if field.default is PydanticUndefined else _default(field.default)
        rows.append((f"`{name}`", _type_name(field.annotation), default, field.description or ""))
    return markdown_table(("key", "type", "default", "meaning"), rows)


def _default(value: object) -> str:
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        return "see below"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return "" if value in (None, "") else f"`{value}`"


def _type_name(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin in (UnionType, Union):
        return " or ".join(dict.fromkeys(_type_name(one) for one in arguments if one is not type(None)))
    if origin is dict:
        return f"{_type_name(arguments[0])} → {_type_name(arguments[1])}"
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    name = getattr(annotation, "__name__", str(annotation))
    return {"str": "text", "int": "whole number", "float": "number"}.get(name, name)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(data_dictionary(), encoding="utf-8")
