"""Whether two stores of one dataset hold the same, bit for bit: tables, shards, models, manifests, reports, pictures.

Rows are compared whatever file they lie in, files by name and digest, pages by their elements and texts. What says when
something was done, and what is derived and never read by people (the indexes), is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from rich.console import Console
from rich.table import Table

# What rows are put in order by, before all other columns.
_KEYS = ("date", "category", "image_id", "source")
_NONE = "nothing"
_SHOWN = 40  # characters of what is there
_OLD_MANIFEST = "manifest.json"
_MAY_BE_NEW = ("checks", "reports", "plots")


@dataclass(frozen=True)
class Difference:
    """What differs between two stores.

    Attributes:
        part: Of a table `table`, `rows`, `columns …` or one column; of documents a key; else the name of a file.
        first: The first place where it differs, and what is there before and after.
    """

    part: str
    first: str


@dataclass(frozen=True)
class Compared:
    """A kind of output: how many rows or files of it there are, what differs, and what there was nothing of before."""

    kind: str
    amount: str
    differences: tuple[Difference, ...]
    new: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declared:
    """A difference that is meant.

    Attributes:
        kind: Of which output.
        part: As in `Difference`; `*` stands for any text.
        reason: Why, in a line.
        since: The commit that made it.
    """

    kind: str
    part: str
    reason: str
    since: str

    def covers(self, kind: str, difference: Difference) -> bool:
        """Whether this is what was meant."""
        return self.kind == kind and fnmatchcase(difference.part, self.part)


def compare(before: Path, after: Path) -> list[Compared]:
    """Compare two stores' folders of one dataset: all tables that either has, then all kinds of files."""
    tables = sorted({log.parent.name for store in (before, after) for log in store.glob("*/_delta_log")})
    found = [_compare_tables(name, _table(before / name), _table(after / name)) for name in tables]
    return found + [_compare_files(kind, read(before), read(after)) for kind, read in _FILES.items()]


def show(found: Sequence[Compared], declared: Sequence[Declared], console: Console, title: str) -> int:
    """Print what was compared and what differs, and what was declared and does not. Exit status: 1 if undeclared."""
    table = Table("kind", "compared", "result", title=title)
    undeclared, occurred = 0, set[Declared]()
    for one in found:
        lines, meant = [], defaultdict[Declared, list[str]](list)
        for difference in one.differences:
            covering = next((some for some in declared if some.covers(one.kind, difference)), None)
            if covering:
                meant[covering].append(difference.part)
            else:
                lines.append(f"DIFFERENT in {difference.part}: {difference.first}")
        undeclared += len(lines)
        occurred.update(meant)
        lines += [f"differs in {', '.join(parts)}: {some.reason}" for some, parts in meant.items()]
        lines += [f"new: {', '.join(one.new)}"] if one.new else []
        table.add_row(one.kind, one.amount, "\n".join(lines) or "equal")
    console.print(table, highlight=False, markup=False)
    for one in declared:
        if one not in occurred:
            said = f"declared, but did not occur: {one.kind}, {one.part} ({one.reason})"
            console.print(said, highlight=False, markup=False, soft_wrap=True)
    said = f"{undeclared or 'no'} undeclared difference{'' if undeclared <= 1 else 's'}"
    console.print(said, highlight=False)
    return 1 if undeclared else 0


def _table(folder: Path) -> pa.Table | None:
    return DeltaTable(str(folder)).to_pyarrow_table() if folder.is_dir() else None


def _compare_tables(name: str, before: pa.Table | None, after: pa.Table | None) -> Compared:
    if after is None:
        rows = 0 if before is None else before.num_rows
        return Compared(name, f"{rows:,} rows", (Difference("table", f"only before, of {rows:,} rows"),))
    if before is None:
        return Compared(name, f"{after.num_rows:,} rows", (), ("the table",))
    differences = []
    one_sided = sorted(set(before.column_names) ^ set(after.column_names))
    if one_sided:
        sides = (f"{column} {'before' if column in before.column_names else 'after'}" for column in one_sided)
        differences.append(Difference(f"columns {', '.join(one_sided)}", f"only {', '.join(sides)}"))
    if before.num_rows != after.num_rows:
        differences.append(Difference("rows", f"{before.num_rows:,} before, {after.num_rows:,} after"))
    else:
        shared = [column for column in before.column_names if column in after.column_names]
        one, other = _in_order(before.select(shared)), _in_order(after.select(shared))
        firsts = ((column, _first_in_column(column, one, other)) for column in shared)
        differences += [Difference(column, first) for column, first in firsts if first]
    return Compared(name, f"{after.num_rows:,} rows", tuple(differences))


def _in_order(table: pa.Table) -> pa.Table:
    """Rows by what they are called, and by everything else that has an order."""
    fields = [field for field in table.schema if not pa.types.is_nested(field.type) and field.type != pa.binary()]
    names = sorted(
        (field.name for field in fields), key=lambda name: _KEYS.index(name) if name in _KEYS else len(_KEYS)
    )
    return table.sort_by([(name, "ascending") for name in names]).combine_chunks() if names else table


def _first_in_column(column: str, before: pa.Table, after: pa.Table) -> str:
    """The first row in which two columns differ, and what is there; empty where they are equal bit for bit."""
    columns = [some.column(column) for some in (before, after)]
    if columns[0].type != columns[1].type:
        return f"{columns[0].type} before, {columns[1].type} after"
    one, other = (_bits(some.combine_chunks()) for some in columns)
    if one.equals(other):
        return ""
    row = next(number for number in range(len(one)) if not one[number].equals(other[number]))
    key = ", ".join(str(before.column(name)[row].as_py())[:16] for name in _KEYS if name in before.column_names)
    return f"{key}: {_both(*(some[row].as_py() for some in columns))}"


def _bits(values: pa.Array) -> pa.Array:
    """The same bytes as whole numbers where they are floats: equal are then none but those of the same bits."""
    return values.view(_whole(values.type))


def _whole(of: pa.DataType) -> pa.DataType:
    if pa.types.is_list(of):
        return pa.list_(of.value_field.with_type(_whole(of.value_type)))
    return {pa.float32(): pa.int32(), pa.float64(): pa.int64()}.get(of, of)


def _compare_files(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Compared:
    """Compare contents by name: a document key by key, anything else as a whole.

    A file that is there only now is new, but for those of rows and of models: of these there are then too many.
    """
    amount = f"{len(after):,} files"
    new = tuple(sorted(after.keys() - before.keys())) if kind in _MAY_BE_NEW else ()
    if new and not before:
        return Compared(kind, amount, (), ("all of them",))
    if not (before and after):
        side = "only before" if before else "only after" if after else "neither before nor after"
        return Compared(kind, amount, (Difference("files", f"there are files {side}"),))
    firsts: dict[str, str] = {}
    for name in sorted({*before, *after}.difference(new)):
        one, other = before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            for key in sorted({*one, *other}):
                if one.get(key, _NONE) != other.get(key, _NONE):
                    firsts.setdefault(key, f"{name}: {_both(one.get(key, _NONE), other.get(key, _NONE))}")
        elif one is None or other is None:
            firsts[name] = f"only {'after' if one is None else 'before'}"
        elif one != other:
            firsts[name] = f"sha256 {_both(one, other)}"
    differences = tuple(Difference(part, first) for part, first in firsts.items())
    return Compared(kind, amount, differences, new)


def _both(one: Any, other: Any) -> str:
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        place = next((number for number, (a, b) in pairs if repr(a) != repr(b)), 0)
        return f"[{place}] {_both(one[place], other[place])}" if one else "[]"
    return f"{_text(one)} → {_text(other)}"


def _text(value: Any) -> str:
    text = f"{len(value):,} bytes {_digest(value)}" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _files(store: Path, *patterns: str) -> Iterator[tuple[Path, bytes]]:
    for pattern in patterns:
        for path in store.glob(pattern):
            if path.is_file():
                yield path, path.read_bytes()


def _shards(store: Path) -> dict[str, Any]:
    shards = ((path, content) for path, content in _files(store, "feature_shards/*/*/*") if path.name != _OLD_MANIFEST)
    return {path.name: _digest(content) for path, content in shards}


def _manifests_of_shards(store: Path) -> dict[str, Any]:
    """By partition, wherever they lie: earlier versions had them among the shards."""
    files = _files(store, f"feature_shards/*/*/{_OLD_MANIFEST}", "feature_shards_manifests/*/*/*.json")
    return {f"{path.parent.parent.name}/{path.parent.name}": json.loads(content) for path, content in files}


def _models(store: Path) -> dict[str, Any]:
    files = ((path, content) for path, content in _files(store, "classifier/*") if path.suffix != ".json")
    return {path.name: _digest(content) for path, content in files}


def _manifests_of_models(store: Path) -> dict[str, Any]:
    return {path.name: json.loads(content) for path, content in _files(store, "classifier/**/*.json")}


def _checks(store: Path) -> dict[str, Any]:
    """What every check found, by partition and asset, without when and why."""
    folder = store / "check_results"
    return {
        str(path.relative_to(folder)): {name: one["state"] for name, one in json.loads(content)["checks"].items()}
        for path, content in _files(folder, "**/*.json")
    }


def _pages(folder: str) -> Callable[[Path], dict[str, Any]]:
    def read(store: Path) -> dict[str, Any]:
        files = _files(store / folder, "*")
        return {
            path.name: _digest(_Elements().of(content) if path.suffix == ".html" else content)
            for path, content in files
        }

    return read


class _Elements(HTMLParser):
    """What a browser makes of a page: its elements and texts, however the lines are broken and signs are escaped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._found: list[str] = []
        self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._found += [*self._text_so_far(), f"<{tag} {sorted(attrs, key=str)}>"]

    def handle_endtag(self, tag: str) -> None:
        self._found += [*self._text_so_far(), f"</{tag}>"]

    def of(self, page: bytes) -> bytes:
        self.feed(page.decode())
        self.close()
        return "\n".join([*self._found, *self._text_so_far()]).encode()

    def _text_so_far(self) -> list[str]:
        text, self._text = " ".join(self._text.split()), ""
        return [text] if text else []


_FILES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "shards": _shards,
    "manifests of shards": _manifests_of_shards,
    "models": _models,
    "manifests of models": _manifests_of_models,
    "checks": _checks,
    "reports": _pages("reports"),
    "plots": _pages("plots"),
}
