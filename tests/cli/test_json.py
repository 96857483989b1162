"""What commands give to programs is one object, of the shape that the documentation tells."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.answers.conflicts import ConflictingFile, Conflicts
from image_assets.cli import main
from image_assets.environment import CACHE, DATASETS, LANDING, STORE
from tests.cli.shapes import PAGE, assert_told, shapes
from tests.cli.test_words import COMMANDS
from tests.migrations.old_store import unpacked
from tests.pictures import picture
from tests.platform import FIRST, Platform


@pytest.fixture(scope="module")
def place(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A copy of the loaded platform, with its dataset file."""
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("place"))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    (platform.root / "a.png").write_bytes(picture(0, 100))
    (platform.root / "no.png").write_text("no picture")
    return platform


def told(capsys: pytest.CaptureFixture[str], command: str, *words: str, status: int = 0) -> dict[str, Any]:
    """Run a command with `--json`; its object, which is all that stands on stdout, and of its shape."""
    capsys.readouterr()
    assert main([*command.split(), *words, "--json"]) == status
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert_told(command, said)
    return said


def test_every_command_gives_an_object_and_the_page_has_its_shape() -> None:
    assert [command for command, options in COMMANDS.items() if "--json" not in options.split()] == []
    assert shapes().keys() == COMMANDS.keys()
    table = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    assert [command for command in COMMANDS if f"`{command}`" not in table] == []


def test_what_commands_print_is_of_the_shapes_of_the_page(
    place: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.root)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv(CACHE.name, str(place.root / "cache"))
    for variable, value in ((DATASETS, "drawn.yaml"), (LANDING, "landing"), (STORE, "store")):
        monkeypatch.setenv(variable.name, value)
    assert told(capsys, "status")["model"]
    assert told(capsys, "accounting")["balances"]
    assert told(capsys, "suspects")["dataset"] == "drawn"
    assert told(capsys, "conflicts list")["open"] == 0
    digest = told(capsys, "models show")["model"]
    assert digest in {one["model"] for one in told(capsys, "models list", "--history")["models"]}
    assert told(capsys, "models export", "--skops", "model.skops")["file"] == "model.skops"
    assert Path("model.skops").is_file()
    assert told(capsys, "predict", "a.png")["answers"][0]["file"] == "a.png"
    assert told(capsys, "predict", "no.png", status=1)["answers"][0]["reason"] == "not_an_image"
    assert len(told(capsys, "similar", "a.png")["neighbours"]) == 12
    assert told(capsys, "run", "--day", str(FIRST), "--dry-run")["days"][0]["day"] == str(FIRST)
    assert told(capsys, "land", "a.png", "--day", "2026-11-20", "--category", "plant")["copied"] == 1
    assert [one["days"] for one in told(capsys, "categories list")["categories"]] == [2, 2, 2]
    assert told(capsys, "categories renumber")["partitions"] == 0
    assert told(capsys, "migrate", "--dry-run")["left"] == []
    assert told(capsys, "verify")["sound"]
    assert told(capsys, "repair", "--dry-run")["plan"]["left"] == []
    assert told(capsys, "report")["file"] == "images.html"
    assert Path("images.html").read_text(encoding="utf-8").startswith("<!")
    Path("birds/owl").mkdir(parents=True)
    assert told(capsys, "init", "birds")["next"][0] == "cd birds"


def test_a_store_of_an_earlier_version_is_told_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unpacked(tmp_path)
    for dry in (["--dry-run"], []):
        said = told(capsys, "migrate", "--store", f"{tmp_path}/store", *dry)
        assert {one["state"] for one in said["tables"]} >= {"older"}
    assert {one["state"] for one in told(capsys, "migrate", "--store", f"{tmp_path}/store")["tables"]} == {"of today"}


def test_something_else_is_not_of_a_shape() -> None:
    file = ConflictingFile("a", "b", FIRST, "plant", "x.png", "same bytes", True, "open", False)
    right = Conflicts("drawn", (file,)).as_json()
    assert_told("conflicts list", right)
    for change in ({"kept": "no"}, {"day": "yesterday"}, {"more": 1}, {"source": 3}):
        wrong = copy.deepcopy(right)
        wrong["files"][0].update(change)
        with pytest.raises(AssertionError, match=next(iter(change))):
            assert_told("conflicts list", wrong)
    del right["open"]
    with pytest.raises(AssertionError, match="open: is not there"):
        assert_told("conflicts list", right)
