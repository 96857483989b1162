"""Boxes of pictures that the file turns, or that are of another size than the annotations say: chips, or a reason."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.asset_checks.image_chips import boxes_fit_their_picture
from image_assets.boxes.declared import of_other_sizes
from image_assets.boxes.frames import PictureSize
from image_assets.schema import BOX_QUARANTINE, IMAGE_BOXES, IMAGE_CHIPS, RAW_IMAGES, Partition
from tests import asset_names
from tests.asset_checks.faults import outcome
from tests.boxes.test_run import failed_checks
from tests.ingest.annotated.stand_ins import write_coco
from tests.platform import FIRST, Platform, small_dataset

OWL = Partition(FIRST, "owl")
STAGES = ("arrivals", "raw_images", "duplicates", "quarantine", *asset_names.ANNOTATED, *asset_names.WITH_BOXES)
Box = tuple[float, ...]
LEFT, ALL = (0, 0, 24, 72), (0, 0, 96, 72)
# Stored are 96 × 72 pixels, of which the 24 leftmost columns are red. What each picture's EXIF orientation is, which
# size the annotations give it, and which box of the red part; last, what becomes of that.
PICTURES: dict[str, tuple[int, tuple[int, int], list[Box], str]] = {
    "plain": (1, (96, 72), [LEFT], "chip"),
    "at another scale": (1, (960, 720), [(0, 0, 240, 720)], "chip"),
    "upright": (6, (72, 96), [(0, 0, 72, 24)], "chip"),
    "as stored": (6, (96, 72), [LEFT], "orientation"),
    "size as stored and box upright": (6, (96, 72), [(0, 0, 72, 24)], "orientation"),
    "as stored, which another box shows": (6, (96, 72), [LEFT, ALL], "chip"),
    "as stored and turned the other way": (8, (96, 72), [LEFT, ALL], "chip"),
    "upside down": (3, (96, 72), [(72, 0, 24, 72)], "orientation"),
    "turned without a word": (1, (72, 96), [(0, 0, 72, 24)], "orientation"),
    "of another picture": (1, (50, 72), [(0, 0, 13, 72)], "other_size"),
}


def stored(orientation: int, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 80, (72, 96, 3), np.uint8)
    pixels[:, :24] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    source = {"kind": "coco", "categories_from": {"owl": ["owl"]}}
    platform = Platform(
        small_dataset(name="birds", categories={"owl": 0}, source=source), tmp_path_factory.mktemp("turned")
    )
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    (platform.landing / str(FIRST)).mkdir(parents=True)
    for number, (name, (orientation, size, boxes, _)) in enumerate(PICTURES.items()):
        file = f"{name.replace(' ', '-')}.jpg"
        (platform.landing / str(FIRST) / file).write_bytes(stored(orientation, number))
        images.append({"id": number, "file_name": file, "width": size[0], "height": size[1]})
        annotations += [{"image_id": number, "category_id": 1, "bbox": list(box)} for box in boxes]
    annotations = [{"id": number, **one} for number, one in enumerate(annotations)]
    write_coco(platform.landing / "annotations" / "a.json", images, annotations, [{"id": 1, "name": "owl"}])
    assert failed_checks(platform, OWL, *STAGES) == set()
    return platform


def names(platform: Platform) -> dict[str, str]:
    """Image id → which of the pictures it is."""
    rows = platform.rows(RAW_IMAGES).select("image_id", "source").iter_rows()
    return {image: source.rpartition("/")[2].removesuffix(".jpg").replace("-", " ") for image, source in rows}


def test_every_chip_shows_the_object_that_its_box_is_of(ran: Platform) -> None:
    of = names(ran)
    for chip in ran.rows(IMAGE_CHIPS).iter_rows(named=True):
        pixels = np.array(Image.open(io.BytesIO(chip["content"]))).astype(int)
        red = ((pixels[..., 0] > 180) & (pixels[..., 1] < 90)).mean()
        whole = chip["right"] - chip["left"] > 24 and chip["lower"] - chip["upper"] > 24
        assert red > 0.9 or (whole and red == pytest.approx(0.25, abs=0.03)), of[chip["image_id"]]


def test_what_is_not_certain_is_in_quarantine_with_its_reason(ran: Platform) -> None:
    of, refused = names(ran), ran.rows(BOX_QUARANTINE)
    expected = {name: reason for name, (_, _, _, reason) in PICTURES.items() if reason != "chip"}
    assert {of[image]: reason for image, reason in refused.select("image_id", "reason").iter_rows()} == expected
    assert ran.rows(IMAGE_BOXES).height == ran.rows(IMAGE_CHIPS).height + refused.height
    detail = refused.filter(pl.col("image_id").replace_strict(of) == "as stored")["detail"].item()
    assert detail.endswith("give the size 96 × 72, the upright picture has 72 × 96, its EXIF orientation is 6")


def test_images_of_another_size_are_counted(ran: Platform) -> None:
    table = ran.store.table("birds", RAW_IMAGES)
    (file,) = table.snapshot().written_files()
    of = names(ran)
    sizes = {image: (PictureSize(*PICTURES[name][1]),) for image, name in of.items()}
    assert of_other_sizes(table, file, sizes) == 7
    assert of_other_sizes(table, file, {}) == 0


def test_a_check_tells_of_boxes_of_other_pictures(ran: Platform) -> None:
    found = outcome(ran, boxes_fit_their_picture, OWL)
    assert not found.passed
    assert found.figures == {"boxes": 5, "images": 5, "of these orientation": 4, "of these other_size": 1}


def test_another_declared_size_gives_other_chips(ran: Platform, tmp_path: Path) -> None:
    platform = ran.copy_to(tmp_path / "again")
    file = platform.landing / "annotations" / "a.json"
    file.write_text(file.read_text().replace('"width": 50', '"width": 96'))
    assert failed_checks(platform, OWL, *STAGES) == set()
    assert "of another picture" not in {names(platform)[one] for one in platform.rows(BOX_QUARANTINE)["image_id"]}
