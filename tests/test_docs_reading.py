"""The examples of reading results, wherever the store lies: what they open, they open below any name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.platform import FIRST, Platform
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.local_store(reason="an example of the documentation reads a folder")

EXAMPLES = [content for language, _, content in blocks(ROOT / "docs/reading-the-results.md") if language == "python"]
SAID = ["not_an_image", "(16, 1282) 60 60 60", "1280 (60, 1282)", "["]


@pytest.mark.parametrize("name", ["store", "my store", "störe #1?x=2", "50% st%20ore", "[a]*{b}~"])
def test_the_examples_read_a_store_that_is_called_so(
    loaded_platform: Platform, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(loaded_platform.root / "store", tmp_path / name)
    assert len(EXAMPLES) == len(SAID)
    for example, said in zip(EXAMPLES, SAID, strict=True):
        there = example.replace('"store', f'"{tmp_path}/{name}').replace("birds", "drawn")
        there = there.replace("date=2026-11-19/category=owl", f"date={FIRST}/category=plant").replace("owl", "plant")
        exec(compile(there, "an example", "exec"), {})
        assert said in capsys.readouterr().out, example


def test_other_readers_are_promised_plain_names_alone(loaded_platform: Platform, tmp_path: Path) -> None:
    import polars as pl

    for name in ("plain", "my store"):
        shutil.copytree(loaded_platform.root / "store/drawn/raw_images", tmp_path / name / "drawn/raw_images")
    assert pl.read_delta(f"{tmp_path}/plain/drawn/raw_images").height == 60
    with pytest.raises((OSError, pl.exceptions.PolarsError)):
        pl.read_delta(f"{tmp_path}/my store/drawn/raw_images")
