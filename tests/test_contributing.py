"""What CONTRIBUTING.md says is done, word for word, in a copy of the project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

from image_assets.health.check_book import CheckBook
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.store import Store
from tests.pictures import picture
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "CONTRIBUTING.md"
FOLDERS = ("image_assets", "resources", "io_managers", "asset_checks", "tests", "docs")


class DoesNotFitError(Exception):
    """A change whose lines are not where it says, or are there several times."""


def changed(text: str, difference: str) -> str:
    """A text after a change: of each part, which `@@` ends, the lines with a blank and `-` are there, once."""
    for part in difference.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        found = _parts(text, before)
        if len(found) != 1:
            raise DoesNotFitError(f"these lines are there {len(found)} times:\n{before}")
        text = text[: found[0]] + after + text[found[0] + len(before) :]
    return text


def _parts(text: str, part: str) -> list[int]:
    """Where whole lines are."""
    starts = [0, *(number + 1 for number, letter in enumerate(text) if letter == "\n")]
    return [start for start in starts if text.startswith(part, start)]


def files() -> Iterator[tuple[str, str, str]]:
    """Language, path and content of every block that is a file or a change of one."""
    for language, more, content in blocks(PAGE):
        if more.startswith("file="):
            yield language, more.removeprefix("file="), content


def follow(root: Path) -> list[Path]:
    """Do in a copy of the project what the page says; the files that are new or other than before."""
    touched = []
    for language, name, content in files():
        file = root / name
        if language == "diff":
            content = changed(file.read_text(encoding="utf-8"), content)
        else:
            assert not file.exists(), f"{name} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        touched.append(file)
    return touched


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project."""
    root = tmp_path / "project"
    for folder in FOLDERS:
        copytree(ROOT / folder, root / folder, symlinks=True, ignore=ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        copy(ROOT / file, root)
    return root


def test_every_change_fits_and_is_in_the_projects_style(project: Path) -> None:
    code = [str(file) for file in follow(project) if file.suffix == ".py"]
    assert len(code) == 15
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *code], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", ["a\n", "a\nb\na\nb\n", "xa\nb\n"])
def test_a_change_that_does_not_fit_is_told(text: str) -> None:
    assert changed("a\nb\nc\n", " a\n-b\n+d\n") == "a\nd\nc\n"
    with pytest.raises(DoesNotFitError, match="times"):
        changed(text, " a\n-b\n+d\n")


@pytest.mark.long
def test_a_dataset_an_extractor_a_check_and_a_stage_are_added_by_the_page_alone(project: Path) -> None:
    follow(project)
    for kind, name in enumerate(("frogs", "newts")):
        (project / "photos" / name).mkdir(parents=True)
        for seed in range(8):
            (project / "photos" / name / f"{seed}.png").write_bytes(picture(kind, seed))
    (commands,) = [content for language, more, content in blocks(PAGE) if (language, more) == ("sh", "")]
    surroundings = {
        **{name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project),  # before the installed project
    }
    done = subprocess.run(["bash", "-euc", commands], cwd=project, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    store = Store(str(project / "store"))
    assert store.table("pond", RAW_IMAGES).scan().collect().height == 16
    vectors = store.table("pond", IMAGE_FEATURES).scan().collect()["features"]
    assert vectors.list.len().unique().to_list() == [3]
    assert list((project / "store" / "pond" / "category_shapes").rglob("*.parquet"))
    checked = CheckBook(store, "pond").states([("image_features", "few_vectors_repeat")])
    assert [one.state for one in checked] == ["passed", "passed"]
    assert "few_vectors_repeat" in (project / "docs" / "checks.md").read_text(encoding="utf-8")
    assert "category_shapes" in (project / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
