"""A day of annotated pictures through Dagster, bad files and boxes among good ones; then faults are planted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.asset_checks import image_chips, label_selection
from image_assets.asset_checks.check import checks_in
from image_assets.boxes.crop import BoxFlaw
from image_assets.exploration.annotations import annotations_of
from image_assets.exploration.report import make_report
from image_assets.images.decode import decode
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.orchestration.partitions import partition_key
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
    Partition,
)
from image_assets.settings.stages import Limits
from tests import asset_names
from tests.asset_checks.faults import Plant, change, failing, first_row_again, in_first_row, outcome, with_unknown_image
from tests.ingest.annotated.stand_ins import write_coco
from tests.pictures import clouds
from tests.platform import FIRST, Platform, small_dataset

SIDE = 96
OWL = Partition(FIRST, "owl")
CATEGORIES = [{"id": 1, "name": "Strix aluco", "family": "Strigidae"}, {"id": 2, "name": "Anas", "family": "Anatidae"}]


def turned(picture: bytes) -> bytes:
    """The picture as a JPEG that is to be shown a quarter turned: 96 × 48 pixels lying, 48 × 96 upright."""
    image = Image.open(io.BytesIO(picture)).crop((0, 0, SIDE, SIDE // 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


def land(platform: Platform) -> None:
    images, annotations = [], []
    for number in range(16):
        label = 1 + number % 2
        name = f"train2019/{label}/{number}.{'jpg' if number == 2 else 'png'}"
        picture = clouds(label, number)
        size = {"width": SIDE, "height": SIDE}
        if number == 2:
            picture, size = turned(picture), {"width": SIDE // 2, "height": SIDE}
        if number == 4:
            picture = b"<html>404</html>"
        if number == 6:
            size = {}
        if number != 8:  # selected, but its file never arrives
            file = platform.landing / str(FIRST) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture)
        images.append({"id": number, "file_name": name, **size})
        annotations += [
            {"image_id": number, "category_id": label, "bbox": [8, 16, 24, 30.5]},
            {"image_id": number, "category_id": label, "bbox": [0, 0, size.get("width", 1), SIDE], "iscrowd": 1},
        ]
    annotations += [
        {"image_id": 0, "category_id": 1, "bbox": [8, 16, 24, 30.5]},
        {"image_id": 0, "category_id": 1, "bbox": [8, 16, 0, 5]},
        {"image_id": 10, "category_id": 1, "bbox": [80, 16, 40, 5]},
        *({"image_id": 12, "category_id": 1, "bbox": [n, n, 10, 10]} for n in range(70)),
    ]
    annotations = [{"id": number, **one} for number, one in enumerate(annotations)]
    (platform.landing / str(FIRST) / "stranger.png").write_bytes(clouds(0, 99))
    write_coco(platform.landing / "annotations" / "train2019.json", images, annotations, CATEGORIES)


STAGES = ("arrivals", "raw_images", "duplicates", "quarantine", "image_features", *asset_names.ANNOTATED)
STAGES += asset_names.WITH_BOXES


def failed_checks(platform: Platform, partition: Partition | None, *assets: str) -> set[str]:
    """Materialise some assets, which must succeed; the names of their checks that fail, warnings aside."""
    keys = {dg.AssetKey([platform.dataset.name, name]) for name in assets}
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection=keys)
    key = partition_key(partition) if partition else None
    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance, partition_key=key)
    assert {one.asset_key.path[-1] for one in run.get_asset_materialization_events() if one.asset_key} == set(assets)
    return {
        one.check_name
        for one in run.get_asset_check_evaluations()
        if not one.passed and one.severity is dg.AssetCheckSeverity.ERROR
    }


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    source = {
        "kind": "coco",
        "fields": ["family"],
        "categories_from": {"owl": ["Strigidae"], "duck": ["Anatidae"]},
        "missing_share": 0.1,
    }
    dataset = small_dataset(
        name="birds", categories={"owl": 0, "duck": 1}, source=source, limits={"quarantine_rate": 0.3}
    )
    platform = Platform(dataset, tmp_path_factory.mktemp("birds"))
    land(platform)
    for category in dataset.categories:
        assert failed_checks(platform, Partition(FIRST, category), *STAGES) == set()
    assert failed_checks(platform, None, *asset_names.SELECTED) == set()
    return platform


@pytest.fixture
def damaged(ran: Platform, tmp_path: Path) -> Platform:
    return ran.copy_to(tmp_path / "damaged")


def test_the_run_comes_through_and_all_files_are_accounted_for(ran: Platform) -> None:
    platform = ran
    assert platform.rows(ARRIVALS).height == 15
    assert platform.rows(RAW_IMAGES).height == platform.rows(IMAGE_FEATURES).height == 14
    assert platform.rows(QUARANTINE)["reason"].to_list() == ["not_an_image"]
    assert platform.rows(RAW_IMAGES, OWL).height == 6


def test_boxes_are_chips_or_in_quarantine_with_their_reason(ran: Platform) -> None:
    platform = ran
    boxes, chips, refused = (platform.rows(one) for one in (IMAGE_BOXES, IMAGE_CHIPS, BOX_QUARANTINE))
    assert boxes.height == 2 * 14 + 3 + 70 == chips.height + refused.height
    assert dict(refused.group_by("reason").len().iter_rows()) == {
        BoxFlaw.NOT_FINITE: 2,
        BoxFlaw.REPEATED: 1,
        BoxFlaw.EMPTY: 1,
        BoxFlaw.OUTSIDE: 1,
    }
    assert refused.filter(pl.col("reason") == "empty")["detail"].item().startswith("a side is at the other one")
    assert set(chips["label_name"]) == {"Strix aluco", "Anas"}
    assert chips["group_of"].sum() == 13


def test_chips_are_cut_from_the_upright_image(ran: Platform) -> None:
    platform = ran
    images = dict(platform.rows(RAW_IMAGES).select("image_id", "content").iter_rows())
    (lying,) = [image_id for image_id, content in images.items() if content[:2] == b"\xff\xd8"]
    assert decode(images[lying], Limits()).pixels.shape == (SIDE, SIDE // 2, 3)
    chips = platform.rows(IMAGE_CHIPS)
    assert lying in chips["image_id"]
    for chip in chips.iter_rows(named=True):
        upright = Image.fromarray(decode(images[chip["image_id"]], Limits()).pixels)
        crop = upright.crop((chip["left"], chip["upper"], chip["right"], chip["lower"]))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(chip["content"]))), np.asarray(crop))


def test_the_selection_says_which_images_have_no_file(ran: Platform) -> None:
    platform = ran
    images = platform.rows(SELECTED_IMAGES)
    assert images.filter(pl.col("files") == 0)["image_key"].to_list() == ["train2019/1/8.png"]
    counts = dict(platform.rows(LABEL_SELECTION).group_by("step").agg(pl.col("rows").sum()).iter_rows())
    assert (counts[Step.SELECTED], counts[Step.WITH_FILE], counts[Step.WITHOUT_FILE]) == (16, 15, 1)


def test_a_second_run_makes_nothing_anew(ran: Platform) -> None:
    platform = ran
    tables = (IMAGE_LABELS, IMAGE_BOXES, IMAGE_CHIPS, BOX_QUARANTINE)
    before = [platform.store.table("birds", schema).snapshot().version for schema in tables]
    assert failed_checks(platform, OWL, *STAGES) == set()
    assert [platform.store.table("birds", schema).snapshot().version for schema in tables] == before


CHIP_CHECKS = checks_in(image_chips)
LOST, SIZE, FIT = {"every_box_accounted_for"}, {"chips_have_their_size"}, {"boxes_fit_their_picture"}
CHIP_FAULTS: dict[str, tuple[Plant, set[str]]] = {
    "chip lost": (change(IMAGE_CHIPS, lambda rows: rows.slice(1), OWL), LOST),
    "chip twice": (change(IMAGE_CHIPS, first_row_again, OWL), {*LOST, "chip_ids_unique"}),
    "quarantine lost": (change(BOX_QUARANTINE, lambda rows: rows.clear(), OWL), LOST),
    "box lost": (change(IMAGE_BOXES, lambda rows: rows.slice(1), OWL), LOST),
    "box of an unknown image": (change(IMAGE_BOXES, with_unknown_image, OWL), {*LOST, "boxes_have_an_image"}),
    "box without a label": (
        change(IMAGE_BOXES, in_first_row("label_name", pl.lit("")), OWL),
        {"boxes_have_an_image"},
    ),
    "label of an unknown image": (change(IMAGE_LABELS, with_unknown_image, OWL), {"labels_have_an_image"}),
    "one id for two chips": (
        change(IMAGE_CHIPS, lambda rows: rows.with_columns(chip_id=pl.col("chip_id").first()), OWL),
        {"chip_ids_unique"},
    ),
    "chip that is no PNG": (change(IMAGE_CHIPS, in_first_row("content", pl.lit(b"GIF89a")), OWL), SIZE),
    "box of a turned picture": (change(BOX_QUARANTINE, in_first_row("reason", pl.lit("orientation")), OWL), FIT),
    "box of another picture": (change(BOX_QUARANTINE, in_first_row("reason", pl.lit("other_size")), OWL), FIT),
    "chip of another size": (
        change(IMAGE_CHIPS, in_first_row("right", pl.col("left") + 1), OWL),
        SIZE,
    ),
    "chip beyond its image": (
        change(
            IMAGE_CHIPS,
            lambda rows: rows.with_columns(left=pl.col("left") + SIDE, right=pl.col("right") + SIDE),
            OWL,
        ),
        SIZE,
    ),
}


def test_clean_boxes_pass(ran: Platform) -> None:
    for category in ("owl", "duck"):
        assert failing(ran, CHIP_CHECKS, Partition(FIRST, category)) == set()


@pytest.mark.parametrize("fault", CHIP_FAULTS)
def test_a_fault_of_boxes_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = CHIP_FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHIP_CHECKS, OWL) == caught_by


def test_boxes_that_are_nearly_all_refused_are_told(damaged: Platform) -> None:
    refused = damaged.rows(BOX_QUARANTINE, OWL).filter(pl.col("reason") != "repeated")
    of_these = pl.struct("image_id", "box").is_in(refused.select(pl.struct("image_id", "box")).to_series().implode())
    change(IMAGE_BOXES, lambda rows: rows.filter(of_these), OWL)(damaged)
    change(BOX_QUARANTINE, lambda rows: rows.filter(of_these), OWL)(damaged)
    change(IMAGE_CHIPS, lambda rows: rows.clear(), OWL)(damaged)
    assert failing(damaged, CHIP_CHECKS, OWL) == {"few_boxes_refused"}
    found = outcome(damaged, image_chips.few_boxes_refused, OWL)
    assert (found.figures["rate"], found.figures["refused"]) == (1.0, 4)
    assert "4 of 4 boxes" in found.advice


def test_images_of_which_none_has_a_box_are_told(damaged: Platform) -> None:
    for schema in (IMAGE_BOXES, IMAGE_CHIPS, BOX_QUARANTINE):
        change(schema, lambda rows: rows.clear(), OWL)(damaged)
    assert failing(damaged, CHIP_CHECKS, OWL) == {"loaded_images_have_boxes"}
    found = outcome(damaged, image_chips.loaded_images_have_boxes, OWL)
    assert found.figures == {"images": 6, "boxes": 0, "images with a box": 0}
    assert "None of the 6 loaded images has a box" in found.advice
    change(RAW_IMAGES, lambda rows: rows.clear(), OWL)(damaged)
    assert outcome(damaged, image_chips.loaded_images_have_boxes, OWL).not_evaluated == "no image is loaded"


def more_rows(step: Step) -> Plant:
    rows = pl.when(pl.col("step") == str(step)).then(pl.col("rows") + 1).otherwise("rows")
    return change(LABEL_SELECTION, lambda found: found.with_columns(rows.alias("rows")), None)


SELECTED = "loaded_images_are_selected"
SUMS, ONCE, FILES = {"steps_add_up"}, {"images_selected_once"}, {"selected_images_have_files"}
NO_CATEGORY = pl.DataFrame({"step": [str(Step.NO_CATEGORY)], "part": ["train2019.json"], "rows": [1]})
NONE_SURE = pl.DataFrame({"step": [str(Step.NONE_SURE)], "part": ["found.json"], "rows": [7]})
REFUSED = pl.DataFrame(
    {"step": [str(Step.INVALID), str(Step.NO_IMAGE)], "part": ["", "train2019.json"], "rows": [1, 1]}
)
SELECTION_FAULTS: dict[str, tuple[Plant, set[str]]] = {
    **{
        f"one more of {step}": (more_rows(step), SUMS)
        for step in (Step.READ, Step.UNKNOWN, Step.UNWANTED, Step.NEGATIVE)
    },
    "one more image of several categories": (more_rows(Step.OF_SEVERAL), SUMS),
    "one more image left out": (more_rows(Step.DROPPED), SUMS),
    "one more image with a file": (more_rows(Step.WITH_FILE), SUMS),
    "nothing read": (change(LABEL_SELECTION, lambda rows: rows.with_columns(rows=pl.lit(0)), None), {*SUMS, *ONCE}),
    "an image twice": (change(SELECTED_IMAGES, first_row_again, None), ONCE),
    "an image of no category": (
        change(SELECTED_IMAGES, in_first_row("category", pl.lit("goose")), None),
        {*ONCE, SELECTED},
    ),
    "a row without an image": (
        change(LABEL_SELECTION, lambda rows: pl.concat([rows, REFUSED]), None),
        {*SUMS, "label_rows_can_be_used"},  # one of the rows is then counted twice
    ),
    "a row whose category is not listed": (
        change(LABEL_SELECTION, lambda rows: pl.concat([rows, NO_CATEGORY]), None),
        {"label_rows_can_be_used"},
    ),
    "a file of which no label counts": (
        change(LABEL_SELECTION, lambda rows: pl.concat([rows, NONE_SURE]), None),
        {"files_reach_the_confidence"},
    ),
    "two pictures of one name": (
        change(IMAGE_LABELS, lambda rows: pl.concat([rows, with_unknown_image(rows).tail(1)]), OWL),
        {"names_are_of_one_picture"},
    ),
    "files gone": (
        change(SELECTED_IMAGES, lambda rows: rows.with_columns(files=pl.lit(0, pl.Int64)), None),
        FILES,
    ),
}


def test_a_clean_selection_passes(ran: Platform) -> None:
    assert failing(ran, checks_in(label_selection)) == set()


@pytest.mark.parametrize("fault", SELECTION_FAULTS)
def test_a_fault_of_the_selection_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = SELECTION_FAULTS[fault]
    plant(damaged)
    assert failing(damaged, checks_in(label_selection)) == caught_by


def test_missing_files_are_a_warning_with_examples(damaged: Platform) -> None:
    change(SELECTED_IMAGES, lambda rows: rows.with_columns(files=pl.lit(0, pl.Int64)), None)(damaged)
    found = outcome(damaged, label_selection.selected_images_have_files)
    assert found.figures == {"share": 1.0, "limit": 0.1, "without a file": 16, "selected": 16}
    assert found.sample is not None
    assert found.sample["image_key"][0] == "train2019/1/0.png"
    assert label_selection.selected_images_have_files.severity.value == "WARN"


def test_an_annotation_file_that_shrinks_or_says_otherwise_is_told_of_days_that_are_not_run_again(
    damaged: Platform,
) -> None:
    file = damaged.landing / "annotations" / "train2019.json"
    whole = json.loads(file.read_text())
    another = {10: {"category_id": 2}}  # an owl until now
    kept = [one | another.get(one["image_id"], {}) for one in whole["annotations"] if one["image_id"] not in (0, 1)]
    file.write_text(json.dumps(whole | {"annotations": kept}))
    assert failed_checks(damaged, None, *asset_names.SELECTED) == set()
    assert failing(damaged, checks_in(label_selection)) == {SELECTED}
    found = outcome(damaged, label_selection.loaded_images_are_selected)
    assert (found.figures["selected no more"], found.figures["otherwise"]) == (2, 1)
    assert f"3 images of {FIRST} are loaded, and the annotations select them no more" in found.advice
    file.write_text(json.dumps(whole))
    assert failed_checks(damaged, None, *asset_names.SELECTED) == set()
    assert failing(damaged, checks_in(label_selection)) == set()


def test_a_dataset_without_boxes_has_none_of_their_assets() -> None:
    source = {"kind": "coco", "categories_from": {"owl": ["Strigidae"]}, "with_boxes": False}
    dataset = small_dataset(name="birds", categories={"owl": 0}, source=source)
    keys = {
        key.path[-1]
        for key in Platform(dataset, Path("/nowhere")).definitions().resolve_asset_graph().get_all_asset_keys()
    }
    assert {"label_selection", "selected_images", "image_labels"} <= keys
    assert not {"image_boxes", "image_chips", "box_quarantine"} & keys


def test_the_report_shows_the_labels_and_the_boxes_that_have_an_area(ran: Platform) -> None:
    annotations = annotations_of(ran.dataset, ran.store)
    assert annotations is not None
    labels, boxes = annotations.labels.collect(), annotations.boxes.collect()
    assert set(labels["label"]) == {"Strix aluco", "Anas"}
    assert set(labels["subset"]) == {"train2019"}
    assert set(labels["image_id"]) == set(ran.rows(RAW_IMAGES)["image_id"])
    # A box that only sticks out has an area.
    without = ran.rows(BOX_QUARANTINE).filter(pl.col("reason").is_in(["empty", "not_finite"]))
    assert boxes.height == ran.rows(IMAGE_BOXES).height - without.height
    page = make_report(ran.dataset, ran.store, annotations).html
    assert "Labels per image" in page
    assert "How much of the image a box covers" in page
