"""A landing zone of another shape is refused with what was found in it; an empty one is not."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from image_assets.cli import main
from image_assets.ingest.registry import folder_source
from image_assets.ingest.source import SourceError


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["owl/2026-11-19/a.png"], "found owl; expected <day>/<category>"),
        (["train/owl/a.png", "val/owl/b.png"], "found train, val"),
        (["a.png", "b.png"], "found a.png, b.png"),
        (["20261119/owl/a.png"], "20261119 must be named 2026-11-19"),
        ([f"folder-{number}/a.png" for number in range(9)], "and 4 more"),
    ],
    ids=["category first", "splits", "only images", "another spelling", "many"],
)
def test_a_landing_zone_without_a_folder_of_a_day_is_refused_with_what_was_found(
    tmp_path: Path, files: list[str], said: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=re.escape(said)):
        folder_source(tmp_path).days()
    (tmp_path / "2026-11-20").mkdir()
    assert folder_source(tmp_path).days() == [dt.date(2026, 11, 20)]


def test_a_landing_zone_in_which_nothing_has_arrived_yet_has_no_days(tmp_path: Path) -> None:
    assert folder_source(tmp_path).days() == []


def test_the_command_says_so_before_anything_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "landing" / "owl" / "2026-11-19").mkdir(parents=True)
    (tmp_path / "d.yaml").write_text(
        "name: d\ncategories: {owl: 0}\nstart_day: 2026-01-01\nextractor: {kind: colour_statistics}\n"
    )
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", f"{tmp_path}/landing", "--store", f"{tmp_path}/store"]
    assert main(["run", *places, "--day", "2026-11-19"]) == 2
    assert "found owl" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "store").exists()
