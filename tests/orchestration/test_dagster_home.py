"""Where runs are recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_assets.orchestration.dagster_home import open_instance


def test_two_stores_of_one_process_have_a_home_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name in ("one", "other"):
        with open_instance(str(tmp_path / name / "store")) as instance:
            assert Path(instance.root_directory) == tmp_path / name / "dagster"
    assert "DAGSTER_HOME" not in os.environ


def test_the_variable_says_where_for_every_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for name in ("one", "other"):
        with open_instance(str(tmp_path / name / "store")) as instance:
            assert Path(instance.root_directory) == tmp_path / "home"
