"""The command `image-assets suspects`: its lines are for opening the files that they name."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from image_assets.cli import main
from image_assets.schema import LABEL_SUSPECTS, RAW_IMAGES
from tests.platform import Platform


def test_a_suspects_file_stands_whole_on_a_narrow_terminal_and_as_it_is_opened_from_here(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    image = platform.rows(RAW_IMAGES, platform.partition()).row(-1, named=True)
    suspect = {"image_id": image["image_id"], "date": image["date"], "category": "plant", "label": 0, "kind": "outlier"}
    columns = platform.rows(LABEL_SUSPECTS).clear()
    rows = pl.concat([columns, pl.DataFrame([{**suspect, "score": 9.0}])], how="diagonal_relaxed").select(
        columns.columns
    )
    platform.replace_rows(LABEL_SUSPECTS, None, rows)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "40")
    asked = ["suspects", "--dataset", "drawn.yaml", "--store", "store"]

    assert main(asked) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].rstrip().endswith(f" {image['source']}")
    assert main([*asked, "--landing", "landing"]) == 0
    named = capsys.readouterr().out.rstrip().splitlines()[-1].rstrip().split()[-1]
    assert Path(named).read_bytes() == image["content"]
    # One that is there no more is named as it was.
    Path(named).unlink()
    assert main([*asked, "--landing", "landing"]) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].rstrip().endswith(f" {image['source']}")
