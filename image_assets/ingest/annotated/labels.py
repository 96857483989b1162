"""The class descriptions and the label hierarchy of Open Images."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from image_assets.ingest.annotated.categories import LabelBook
from image_assets.ingest.annotated.json_objects import parsed
from image_assets.ingest.source import SourceError, printable

# The first line of later versions; earlier ones begin with a label at once.
_HEADER = ["LabelName", "DisplayName"]


def read_labels(classes: Sequence[Path], hierarchies: Sequence[Path]) -> LabelBook:
    """The labels that class descriptions name, with those below each in the hierarchies.

    Args:
        classes: CSV files of code and name.
        hierarchies: JSON files in the form of bbox_labels_600_hierarchy.json; there need be none.

    Raises:
        SourceError: a file is not what it should be: the message names file and line.
    """
    names: dict[str, str] = {}
    for file in classes:
        _read_classes(file, names)
    called: dict[str, list[str]] = defaultdict(list)
    for code, name in names.items():
        called[name].append(code)
    children: dict[str, set[str]] = defaultdict(set)
    for file in hierarchies:
        _read_hierarchy(file, children)
    origin = printable(", ".join(file.name for file in classes))
    return LabelBook(names, dict(called), origin, dict(children), unique=True)


def _read_classes(file: Path, names: dict[str, str]) -> None:
    line = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for row in reader:
                line = reader.line_num
                where = f"{printable(str(file))}, line {reader.line_num}"
                if (row == _HEADER and reader.line_num == 1) or not row:
                    continue
                if len(row) != 2 or not all(row):
                    raise SourceError(
                        f"{where}: expected a label's code and name such as /m/07dm6,Tiger; found {row!r}"
                    )
                code, name = row
                if names.setdefault(code, name) != name:
                    raise SourceError(f"{where}: {code} is called {name!r} here and {names[code]!r} before; keep one")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{printable(str(file))}: cannot be read as class descriptions: {error}; save it as UTF-8"
        ) from None
    except (OSError, csv.Error) as error:
        raise SourceError(
            f"{printable(str(file))}, after line {line}: cannot be read as class descriptions: {error}"
        ) from None


def _read_hierarchy(file: Path, children: dict[str, set[str]]) -> None:
    """Add what the hierarchy says. `Part` is passed over: a wheel is no kind of car."""
    try:
        waiting = [parsed(file.read_bytes())]
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{printable(str(file))}: cannot be read as a label hierarchy: {error}") from None
    while waiting:
        node = waiting.pop()
        below = node.get("Subcategory", []) if isinstance(node, dict) else None
        if not isinstance(below, list) or not isinstance(node.get("LabelName"), str):
            raise SourceError(
                f"{printable(str(file))}: expected objects with LabelName and Subcategory; found {node!r:.80}"
            )
        for child in below:
            if isinstance(child, dict) and isinstance(child.get("LabelName"), str):
                children[node["LabelName"]].add(child["LabelName"])
        waiting += below
