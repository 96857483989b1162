"""What is no arrival: the patterns that always hold, those that a dataset file adds, and those that it takes out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from image_assets.ingest.folder import is_ignored
from image_assets.ingest.registry import open_source
from image_assets.settings.no_arrivals import DEFAULTS, no_arrivals
from image_assets.settings.sources import FolderSource
from tests.ingest.archives import DAY


def listed(landing: Path, *ignore: str) -> list[str]:
    spec = FolderSource(ignore=ignore, staging=str(landing.parent / "staging"))
    found = open_source(spec, str(landing)).list_files(DAY, "plant")
    return [Path(file.source).name for file in found.files]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / str(DAY) / "plant"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.bak", "C.BAK", "Thumbs.db", ".hidden"):
        (folder / name).write_bytes(b"x")
    return tmp_path / "landing"


def test_a_dataset_file_adds_to_the_patterns_that_always_hold(landing: Path) -> None:
    assert listed(landing) == ["C.BAK", "a.png", "b.bak"]
    assert listed(landing, "*.bak") == ["C.BAK", "a.png"]
    assert listed(landing, "*.[Bb][Aa][Kk]") == ["a.png"]


def test_a_dataset_file_takes_out_patterns_by_name(landing: Path) -> None:
    assert listed(landing, "!thumbs.db", "*.bak") == ["C.BAK", "Thumbs.db", "a.png"]
    assert listed(landing, "!.*") == [".hidden", "C.BAK", "a.png", "b.bak"]


def test_what_takes_nothing_out_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"'!\*\.bak' takes out none of the patterns that always hold: \.\*, Thumbs"
    ):
        FolderSource(ignore=("!*.bak",))


@given(st.sampled_from([default for default in DEFAULTS if "*" not in default]), st.data())
def test_the_patterns_that_always_hold_know_no_case(name: str, data: st.DataObject) -> None:
    turned = "".join(c.upper() if data.draw(st.booleans()) else c.lower() for c in name)
    assert is_ignored(turned, no_arrivals())
    assert not is_ignored(f"{turned}.png", no_arrivals())
    assert not is_ignored(turned, no_arrivals([f"!{name}"]))
