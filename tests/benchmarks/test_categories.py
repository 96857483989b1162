"""The benchmark of small categories: its figures are of a day that came to its end, and a day that did not is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import categories


@pytest.mark.long
def test_a_day_of_two_categories_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--categories", "2", "--images", "4", "--json", str(tmp_path / "found.json"), "--work", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["categories", *options])
    categories.main()
    (found,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["categories"], found["images"]) == (2, 4)
    assert found["seconds"] > 0
    assert found["processor"] > 0
    assert {"raw_images", "image_features", "checks", "classifier"} <= set(found["stages"])
    assert found["store_mb"] > 0
    assert 0 < found["home_mb"] < categories.GOAL_MB


def test_a_day_that_does_not_come_to_its_end_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(categories.RunFailed, match=r"no_such_extractor"):
        categories.measure(1, 1, "no_such_extractor", tmp_path)
