"""A run tells how many of the day's images the annotations put into several categories, or into none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from image_assets.cli import main
from tests.ingest.annotated.stand_ins import write_coco
from tests.pictures import clouds
from tests.platform import FIRST, Platform, small_dataset

# Image → the labels that it has. Numbers 4 and 5 are in several categories, 6 in none, and 7 has no label at all.
LABELS = {0: [1], 1: [1], 2: [2], 3: [2], 4: [1, 2], 5: [1, 2], 6: [3], 7: []}


def land(platform: Platform) -> None:
    names = {number: f"train/{number}.png" for number in LABELS}
    for number, name in names.items():
        file = platform.landing / str(FIRST) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(clouds(0, number))
    pairs = [(number, label) for number, labels in LABELS.items() for label in labels]
    write_coco(
        platform.landing / "annotations" / "train.json",
        [{"id": number, "file_name": name, "width": 96, "height": 96} for number, name in names.items()],
        [{"id": at, "image_id": one, "category_id": label} for at, (one, label) in enumerate(pairs)],
        [{"id": 1, "name": "owl"}, {"id": 2, "name": "duck"}, {"id": 3, "name": "toad"}],
    )


def test_images_in_several_categories_or_none_are_told_and_the_sums_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    source = {"kind": "coco", "categories_from": {"owl": ["owl"], "duck": ["duck"]}, "with_boxes": False}
    dataset = small_dataset(categories={"owl": 0, "duck": 1}, source=source, extractor={"kind": "colour_statistics"})
    platform = Platform(dataset, tmp_path)
    land(platform)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json", exclude_unset=True)))
    places = ["--dataset", f"{tmp_path}/drawn.yaml", "--store", f"{tmp_path}/store"]
    words = ["--landing", str(platform.landing), "--day", str(FIRST), "--until", "raw_images", "--json"]
    assert main(["run", *places, *words]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["in_no_category"] == 4
    assert {name: one["loaded"] for name, one in told["categories"].items()} == {"owl": 2, "duck": 2}
    line = f"not loaded: 4 more files of {FIRST}, in no category, or in several, by the annotations"
    assert line in " ".join(said.err.split())
    assert main(["accounting", *places, "--json"]) == 0
    days = json.loads(capsys.readouterr().out)["accounts"]
    assert sum(one["listed"] for one in days) == len(LABELS)
