"""Two first commands at once on one store: one Dagster home, and both come through."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_assets.dataset import load_dataset
from image_assets.health.accounting import accounts_of
from image_assets.store.store import Store
from tests.pictures import land_pictures

_DATASET = "name: owls\nstart_day: 2026-11-01\ncategories:\n  barn: 0\n  eagle: 1\n"
_CATEGORIES = ("barn", "eagle")


@pytest.mark.long
@pytest.mark.parametrize("number", range(10))
def test_two_first_runs_at_once_share_a_home_and_lose_nothing(tmp_path: Path, number: int) -> None:
    for kind, name in enumerate(_CATEGORIES):
        land_pictures(tmp_path / "landing", "2026-11-24", name, kind, range(3))
    (tmp_path / "owls.yaml").write_text(_DATASET)
    places = ["--dataset", "owls.yaml", "--landing", "landing", "--store", "new/store"]
    command = [sys.executable, "-m", "image_assets.cli", "run", *places, "--day", "2026-11-24", "--until", "raw_images"]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    processes = [
        subprocess.Popen(
            [*command, "--category", name],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in _CATEGORIES
    ]
    for process in processes:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["dagster", "store"]
    loaded = accounts_of(Store(str(tmp_path / "new" / "store")), load_dataset(str(tmp_path / "owls.yaml")).name)
    wide = loaded.wide()
    assert wide["listed"].sum() == wide["loaded"].sum() == 6
    assert loaded.unbalanced().is_empty()
