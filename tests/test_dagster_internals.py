"""What is taken from the inside of Dagster is there, is taken in one place, and says what to do where it is gone.

These tests come first of all: what they say is why everything after them fails.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.floors import modules

ROOT = Path(__file__).resolve().parents[1]
INTERNALS = (
    ROOT / "image_assets" / "orchestration" / "dagster_internals.py",
    ROOT / "tests" / "dagster_internals.py",
)
CODE = [*modules(ROOT).values(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]


def from_inside(source: str) -> list[tuple[str, str]]:
    """Modules of Dagster that are not for others, and the names that a text imports from them."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return [(module, name) for module, name in found if module.startswith(("dagster._", "dagster_shared"))]


TAKEN = [pair for file in INTERNALS for pair in from_inside(file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("module", "name"), TAKEN, ids=[name for _, name in TAKEN])
def test_dagster_has_what_is_taken_from_its_inside(module: str, name: str) -> None:
    assert hasattr(import_module(module), name), "see the comment above its import for what it is needed for"


def test_it_is_taken_in_one_place() -> None:
    elsewhere = {
        file.relative_to(ROOT): found
        for file in CODE
        if file.resolve() not in INTERNALS and (found := from_inside(file.read_text(encoding="utf-8")))
    }
    assert elsewhere == {}
    assert from_inside("def late():\n    from dagster._core.events import X") == [("dagster._core.events", "X")]
    assert from_inside("import dagster_shared.check") == [("dagster_shared.check", "")]


@pytest.mark.parametrize("file", INTERNALS, ids=["platform", "tests"])
def test_what_is_gone_is_told_with_what_to_do(file: Path) -> None:
    module, name = next(pair for pair in TAKEN if pair in from_inside(file.read_text(encoding="utf-8")))
    source = file.read_text(encoding="utf-8").replace(name, f"{name}OfBefore")
    with pytest.raises(ImportError, match=rf"(?s)dagster [\d.]+ keeps elsewhere .*{name}OfBefore.* or stay with"):
        exec(compile(source, str(file), "exec"), {"__file__": str(file), "__name__": "planted"})
    assert module in source
