"""Real photos with real files of Open Images' form, through Dagster; compared with what pandas makes of the files."""

from __future__ import annotations

import io
import math
import shutil
from pathlib import Path
from typing import Any

import pandas
import polars as pl
import pytest
from PIL import Image

from image_assets.health.day_result import DayResult
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.schema import (
    ARRIVALS,
    BOX_QUARANTINE,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    LABEL_SELECTION,
    QUARANTINE,
    RAW_IMAGES,
    SELECTED_IMAGES,
)
from tests.platform import FIRST, Platform, small_dataset

pytestmark = pytest.mark.long

pd: Any = pandas  # its type stubs know less than it does
LABELS = {"pet": ["Cat", "Dog", "/m/03k3r"], "street": ["Bus", "Car"]}
CATEGORIES = {"pet": 0, "street": 1, "mixed": 2}


@pytest.fixture(scope="module")
def ran(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, DayResult]:
    """The photos of a day, one of them damaged, loaded by Dagster as the schedule would."""
    source = {
        "kind": "open_images",
        "categories_from": LABELS,
        "several": "own_category",
        "several_category": "mixed",
        "annotations": str(shared_data / "open_images"),
    }
    dataset = small_dataset(
        name="real", categories=CATEGORIES, source=source, shards={"rows": 20}, limits={"quarantine_rate": 0.5}
    )
    platform = Platform(dataset, tmp_path_factory.mktemp("real"))
    for subset in ("train", "validation"):
        shutil.copytree(shared_data / "open_images" / subset, platform.landing / str(FIRST) / subset)
    for path in sorted(platform.landing.rglob("*.jpg")):
        path.chmod(0o644)
    damaged = sorted(expected_images(shared_data).query("category == 'pet'").index)[0]
    (file,) = platform.landing.rglob(f"{damaged}.jpg")
    file.write_bytes(file.read_bytes()[:3000])
    (platform.landing / str(FIRST) / "train" / "notes.txt").write_text("no image")
    return platform, platform.run(FIRST)


def read_csvs(shared_data: Path, kind: str) -> Any:
    files = sorted((shared_data / "open_images").glob(f"*-annotations-{kind}.csv"))
    return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)


def classes(shared_data: Path) -> Any:
    file = shared_data / "open_images" / "class-descriptions-boxable.csv"
    return pd.read_csv(file, header=None, index_col=0)[1]


def expected_images(shared_data: Path) -> Any:
    """Image id → category and label names, by pandas alone."""
    names = classes(shared_data)
    category_of = {label: category for category, labels in LABELS.items() for label in labels}
    rows = read_csvs(shared_data, "human-imagelabels-boxable")
    rows["name"] = rows["LabelName"].map(names)
    rows["category"] = rows["name"].map(category_of).fillna(rows["LabelName"].map(category_of))
    rows = rows[(rows["Confidence"] >= 1) & rows["category"].notna()]
    images = rows.groupby("ImageID").agg(
        categories=("category", lambda found: sorted(set(found), key=list(LABELS).index)),
        labels=("name", lambda found: sorted(set(found))),
    )
    images["category"] = [found[0] if len(found) == 1 else "mixed" for found in images["categories"]]
    return images


def test_the_run_comes_through(ran: tuple[Platform, DayResult]) -> None:
    _, result = ran
    assert result.ok, (result.errors, [str(check) for check in result.checks if not check.passed])
    assert {check.asset for check in result.checks} >= {"label_selection", "image_labels", "image_boxes", "image_chips"}
    assert [str(one) for one in result.checks if one.asset.startswith(("image_", "label_sel")) and not one.passed] == []


def test_the_selection_is_that_of_pandas(ran: tuple[Platform, DayResult], shared_data: Path) -> None:
    platform, _ = ran
    expected = expected_images(shared_data)
    found: Any = platform.rows(SELECTED_IMAGES).to_pandas().set_index("image_key")
    assert set(found.index) == set(expected.index)
    found = found.loc[expected.index]
    assert found["category"].tolist() == expected["category"].tolist()
    assert [list(one) for one in found["categories"]] == expected["categories"].tolist()
    assert [list(one) for one in found["labels"]] == expected["labels"].tolist()
    assert set(found["files"]) == {1}
    assert found["category"].nunique() == 3, "the test data is to have all of them"


def test_the_counts_are_those_of_pandas(ran: tuple[Platform, DayResult], shared_data: Path) -> None:
    platform, _ = ran
    steps = platform.rows(LABEL_SELECTION)
    counts = dict(steps.group_by("step").agg(pl.col("rows").sum()).iter_rows())
    rows, images = read_csvs(shared_data, "human-imagelabels-boxable"), expected_images(shared_data)
    labels = [label for named in LABELS.values() for label in named]
    wanted = rows[rows["LabelName"].map(classes(shared_data)).isin(labels) | (rows.LabelName == "/m/03k3r")]
    assert counts[Step.READ] == len(rows)
    assert counts[Step.KNOWN] == rows["LabelName"].isin(classes(shared_data).index).sum()
    assert counts[Step.WANTED] == len(wanted)
    assert counts[Step.POSITIVE] == (wanted["Confidence"] >= 1).sum()
    assert counts[Step.NEGATIVE] == (wanted["Confidence"] == 0).sum()
    assert counts[Step.DISTINCT_IMAGES] == counts[Step.SELECTED] == counts[Step.WITH_FILE] == len(images)
    assert counts[Step.OF_SEVERAL] == (images["category"] == "mixed").sum()


def test_every_file_is_accounted_for(ran: tuple[Platform, DayResult], shared_data: Path) -> None:
    platform, _ = ran
    loaded, refused = platform.rows(RAW_IMAGES), platform.rows(QUARANTINE)
    expected = expected_images(shared_data)
    assert platform.rows(ARRIVALS).height == loaded.height + refused.height == len(expected)
    assert refused["reason"].to_list() == ["truncated"]
    stems = loaded["source"].str.extract(r"(\w+)\.jpg$")
    assert dict(zip(stems, loaded["category"], strict=True)).items() <= expected["category"].to_dict().items()
    assert platform.rows(IMAGE_FEATURES).height == loaded.height


def loaded_images(platform: Platform) -> Any:
    rows: Any = platform.rows(RAW_IMAGES).select("image_id", "source", "content").to_pandas()
    rows["ImageID"] = rows["source"].str.extract(r"(\w+)\.jpg$")
    return rows


def test_the_labels_of_loaded_images_are_all_there(ran: tuple[Platform, DayResult], shared_data: Path) -> None:
    platform, _ = ran
    rows = read_csvs(shared_data, "human-imagelabels-boxable").merge(loaded_images(platform), on="ImageID")
    expected = {
        (i, label, bool(c)) for i, label, c in rows[["image_id", "LabelName", "Confidence"]].itertuples(index=False)
    }
    found = platform.rows(IMAGE_LABELS)
    assert found.height == len(rows)
    assert set(found.select("image_id", "label_code", "positive").iter_rows()) == expected


def test_every_chip_is_the_crop_that_pillow_makes(ran: tuple[Platform, DayResult], shared_data: Path) -> None:
    platform, _ = ran
    names = classes(shared_data)
    wanted = [*(label for labels in LABELS.values() for label in labels), names["/m/03k3r"]]
    boxes = read_csvs(shared_data, "bbox").merge(loaded_images(platform), on="ImageID")
    boxes = boxes[boxes["LabelName"].map(names).isin(wanted)].drop_duplicates(
        ["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"]
    )
    chips = platform.rows(IMAGE_CHIPS)
    by_box = {
        (row["image_id"], row["label_code"], row["xmin"], row["xmax"], row["ymin"], row["ymax"]): row
        for row in chips.iter_rows(named=True)
    }
    assert len(by_box) == chips.height == len(boxes) > 50
    assert chips["chip_id"].n_unique() == chips.height
    for box in boxes.itertuples():
        chip = by_box[box.image_id, box.LabelName, box.XMin, box.XMax, box.YMin, box.YMax]
        image = Image.open(io.BytesIO(box.content)).convert("RGB")
        sides = (
            math.floor(round(box.XMin * image.width, 6)),
            math.floor(round(box.YMin * image.height, 6)),
            math.ceil(round(box.XMax * image.width, 6)),
            math.ceil(round(box.YMax * image.height, 6)),
        )
        assert (chip["left"], chip["upper"], chip["right"], chip["lower"]) == sides
        crop = Image.open(io.BytesIO(chip["content"]))
        assert crop.mode == "RGB"
        assert crop.tobytes() == image.crop(sides).tobytes()
        assert chip["label_name"] == names[box.LabelName]
    assert platform.rows(IMAGE_BOXES).height == chips.height + platform.rows(BOX_QUARANTINE).height
