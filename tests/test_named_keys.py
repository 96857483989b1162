"""Every key of the dataset file that a message, an advice or a page of the documentation names is one that it takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from image_assets.dataset import DatasetError, DatasetSpec, parse_dataset
from tests.platform import small_dataset

ROOT = Path(__file__).resolve().parents[1]
CODE = [file for folder in ("image_assets", "asset_checks", "io_managers") for file in (ROOT / folder).rglob("*.py")]
# How it is built names modules.
PAGES = [page for page in (ROOT / "docs").glob("*.md") if page.name != "how-it-is-built.md"]
# A script that runs in the browser.
NO_KEYS = {"source.dataset.srcset"}


def sections_of(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_of(part)]


def is_taken(key: str) -> bool:
    sections: list[type[BaseModel]] = [DatasetSpec]
    for name in key.split("."):
        found = [one.model_fields[name].annotation for one in sections if name in one.model_fields]
        if not found:
            return False
        sections = [section for annotation in found for section in sections_of(annotation)]
    return True


SECTIONS = [name for name, field in DatasetSpec.model_fields.items() if sections_of(field.annotation)]
KEY = re.compile(
    rf"(?<![\w./-])(?:{'|'.join(SECTIONS)})(?:\.[a-z][a-z_0-9]*)+(?<!\.json)(?<!\.html)(?<!\.md)(?<!\.gif)(?<!\.py)(?<!\.sqlite)(?![\w(/]|\.json)"
)


def keys_in(text: str) -> set[str]:
    return set(KEY.findall(text)) - NO_KEYS


def messages(file: Path) -> Iterator[str]:
    """The strings of a module, but for its docstrings, which may name modules."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    docstrings = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_a_key_that_there_is_not_is_noticed() -> None:
    assert is_taken("limits.quarantine_rate")
    assert is_taken("classifier.candidates")
    assert not is_taken("classifier.max_iterations")
    assert keys_in("Raise classifier.max_iterations, or limits.imbalance.") == {
        "classifier.max_iterations",
        "limits.imbalance",
    }


def test_messages_name_no_key_that_would_be_refused() -> None:
    named = {(key, file.name) for file in CODE for text in messages(file) for key in keys_in(text)}
    assert len(named) > 30
    assert [one for one in sorted(named) if not is_taken(one[0])] == []


def test_the_documentation_names_no_key_that_would_be_refused() -> None:
    named = {(key, page.name) for page in PAGES for key in keys_in(page.read_text(encoding="utf-8"))}
    assert named
    assert [one for one in sorted(named) if not is_taken(one[0])] == []


def test_a_wrong_key_of_a_candidate_is_one_line_and_not_two() -> None:
    content = small_dataset().model_dump(mode="json")
    content["classifier"]["candidates"] = [{"kind": "logistic_regression", "regularisaton": [0.1]}]
    with pytest.raises(DatasetError) as refused:
        parse_dataset(content, "drawn.yaml")
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert "regularisaton: unknown key; did you mean regularisation" in lines[1]
