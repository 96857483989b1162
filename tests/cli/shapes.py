"""The shapes of `--json` as docs/json.md tells them, and whether something is of one."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs/json.md"
_BLOCK = re.compile(r"^```json ([^\n]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MAY_BE_NULL = {
    *("classifier", "unseen_sources", "familiarity", "checks", "model", "decision", "manifest", "acknowledged"),
    *("network", "cnn_classifier", "old_runs", "let_go"),
}
"""Objects, of which the page says in a sentence when they are null."""
_MAY_LACK = {"history"}


def shapes() -> dict[str, list[Any]]:
    """The shapes of each command."""
    found: dict[str, list[Any]] = {}
    for commands, shape in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for command in commands.split(", "):
            found.setdefault(command, []).append(json.loads(shape))
    return found


def assert_told(command: str, said: Any) -> None:
    """Whether what a command printed is of one of its shapes."""
    problems = [list(_problems(said, shape, "")) for shape in shapes()[command]]
    assert [] in problems, "\n".join(min(problems, key=len))


def _problems(said: Any, shape: Any, where: str) -> Iterator[str]:
    if isinstance(shape, str):
        if shape.startswith("as "):
            yield from _problems(said, _named(shape.removeprefix("as ")), where)
        elif not any(_is(said, kind) for kind in shape.replace("true or false", "flag").split(" or ")):
            yield f"{where}: {said!r} is no {shape}"
    elif isinstance(shape, list):
        if not isinstance(said, list):
            yield f"{where}: {said!r} is no list"
        else:
            for number, one in enumerate(said):
                yield from _problems(one, shape[0], f"{where}[{number}]")
    elif said is None and where.rpartition(".")[2] in _MAY_BE_NULL:
        return
    elif not isinstance(said, dict):
        yield f"{where}: {said!r} is no object"
    else:
        free = next((value for key, value in shape.items() if key.startswith("<")), None)
        known = {key: value for key, value in shape.items() if not key.startswith("<")}
        for key in known.keys() - said.keys() - _MAY_LACK:
            yield f"{where}.{key}: is not there"
        for key, value in said.items():
            if key not in known and free is None:
                yield f"{where}.{key}: the page does not know it"
            else:
                yield from _problems(value, known.get(key, free), f"{where}.{key}")


def _named(name: str) -> Any:
    key, _, command = name.rpartition(" of ")
    shape = shapes()[command][0]
    return shape[key] if key else shape


def _is(said: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(said, str)
        case "number":
            return isinstance(said, int | float) and not isinstance(said, bool)
        case "flag":
            return isinstance(said, bool)
        case "null":
            return said is None
        case "day":
            return isinstance(said, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", said) is not None
        case "moment":
            return isinstance(said, str) and len(said) > 10 and bool(dt.datetime.fromisoformat(said))
        case _:
            return kind == "any"
