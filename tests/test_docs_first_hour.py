"""The first hour of somebody new, as the page tells it: every command, on made pictures, of which one lies wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_assets.schema import RAW_IMAGES
from image_assets.store.store import Store
from tests.pictures import picture
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.local_store(reason="an example of the documentation reads a folder")

PAGE = ROOT / "docs" / "first-hour.md"
_OWL, _DUCK = 0, 1


def test_nothing_on_the_page_is_said_that_a_default_could_say() -> None:
    commands = [line for _, _, content in blocks(PAGE) for line in content.splitlines() if "image-assets " in line]
    assert {line.split()[1] for line in commands} >= {"init", "land", "run", "report", "ui", "suspects", "predict"}
    words = [word for line in commands for word in line.split()]
    assert [word for word in words if word.startswith("--")] == ["--of"]
    assert [word for word in words if word in ("python", "-m")] == []


@pytest.mark.long
def test_the_first_hour_ends_with_a_corrected_label_and_a_prediction(tmp_path: Path) -> None:
    photos = tmp_path / "birds" / "photos"
    for kind, name in ((_OWL, "owls"), (_DUCK, "ducks")):
        (photos / name).mkdir(parents=True)
        for seed in range(30):
            (photos / name / f"{seed}.png").write_bytes(picture(kind, seed))
    (photos / "owls" / "garden.png").write_bytes(picture(_DUCK, 100))
    (tmp_path / "new.png").write_bytes(picture(_DUCK, 101))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "IMAGE_ASSETS"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said: list[str] = []
    # What installs it, and the UI, which goes on until it is stopped, are tested on their own.
    for _, more, content in blocks(PAGE):
        if more:
            continue
        folder = tmp_path if content.startswith("cd birds") else tmp_path / "birds"
        done = subprocess.run(
            ["bash", "-euc", content],
            cwd=folder,
            env={**kept, "PATH": path, "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert len(said) == 5
    assert "garden.png" in said[2].replace("\n", "").replace(" ", "")
    assert "ducks" in said[-1]
    assert (photos / "owls" / "garden.png").is_file()  # one's own pictures stay as they are
    assert {"images.html", "model.html"} <= {one.name for one in (tmp_path / "birds").iterdir()}
    rows = Store(str(tmp_path / "birds" / "store")).table("birds", RAW_IMAGES).scan().collect()
    garden = rows.filter(rows["source"].str.ends_with("garden.png"))
    assert garden["category"].to_list() == ["ducks"]
    assert rows.height == 61
