"""The bundled datasets of annotated images run from files of their form to features, with bad files among good ones.

The kingdoms are run in `test_end_to_end.py`, the paintings in `test_art_colours.py`, the sample in `test_demo.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from image_assets.dataset import load_dataset
from image_assets.schema import (
    ARRIVALS,
    IMAGE_CHIPS,
    IMAGE_FEATURES,
    IMAGENET_PREDICTIONS,
    QUARANTINE,
    RAW_IMAGES,
    SELECTED_IMAGES,
)
from image_assets.settings.networks import Networks
from image_assets.settings.stages import EfficientNetLite
from tests.ingest.annotated.stand_ins import BOX_COLUMNS, LABEL_COLUMNS, write_coco, write_csv
from tests.pictures import clouds
from tests.platform import Platform

DAY = dt.date(2026, 11, 3)
_EACH = 3
CATS = ("Tiger", "Lion", "Cheetah", "Leopard", "Jaguar (Animal)", "Lynx")


def write_pictures(folder: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clouds(number % 3, number))


def write_open_images(landing: Path, names: Sequence[str], labels: Mapping[str, Sequence[str]]) -> None:
    """Labels of each image, all of them positive, a box for each, and a label of another that is negative."""
    codes = {name: f"/m/{number}" for number, name in enumerate((*names, "Teapot"))}
    folder = landing / "annotations"
    write_csv(folder / "class-descriptions-boxable.csv", ((code, name) for name, code in codes.items()))
    rows = [(image, "verification", codes[name], 1) for image, found in labels.items() for name in found]
    refused = [(image, "verification", codes["Teapot"], 0) for image in labels]
    write_csv(folder / "train-annotations-human-imagelabels-boxable.csv", [*rows, *refused], LABEL_COLUMNS)
    boxes = [(image, "xclick", code, 1, 0.25, 0.75, 0.1, 0.9, 0, 0, 0, 0, 0) for image, _, code, _ in rows]
    write_csv(folder / "train-annotations-bbox.csv", boxes, BOX_COLUMNS)
    write_pictures(landing / str(DAY) / "train", [f"{image}.png" for image in labels])


def big_cats(landing: Path) -> dict[str, int]:
    labels = {f"{number:016x}": [CATS[number // _EACH]] for number in range(_EACH * len(CATS))}
    labels["00000000000000ff"] = ["Lynx", "Tiger"]  # goes to the first of its categories
    write_open_images(landing, CATS, labels)
    return dict.fromkeys(("tiger", "lion", "cheetah", "leopard", "jaguar", "lynx"), _EACH) | {"tiger": _EACH + 1}


def cars_and_trees(landing: Path) -> dict[str, int]:
    found = (["Car"], ["Tree"], ["Car", "Tree"])
    labels = {f"{number:016x}": found[number // _EACH] for number in range(_EACH * 3)}
    labels["00000000000000fe"] = ["Palm tree"]  # of no category here
    write_open_images(landing, ("Car", "Tree", "Palm tree"), labels)
    return {"car": _EACH, "tree": _EACH, "both": _EACH}


def odonata(landing: Path) -> dict[str, int]:
    families = ("Coenagrionidae", "Libellulidae", "Aeshnidae")
    names = [
        {"id": number, "name": f"Species {number}", "family": family, "supercategory": "Insects"}
        for number, family in enumerate((*families, "Formicidae"))
    ]
    folder = landing / "annotations"
    for part, numbers in (("train2019.json", range(9)), ("val2019.json", range(9, 12))):
        images = [{"id": i, "file_name": f"train_val2019/Insects/{i % 4}/{i:032x}.png"} for i in numbers]
        for image in images:
            image |= {"width": 96, "height": 96}
        marks = [{"id": i, "image_id": i, "category_id": i % 4} for i in numbers]
        write_coco(folder / part, images, marks, [{"id": i} for i in range(4)])
        write_pictures(landing / str(DAY), [str(image["file_name"]) for image in images])
    (folder / "categories.json").write_text(json.dumps(names))
    return {"damselfly": 3, "dragonfly": 6}


def test_the_dragonflies_ask_for_their_networks() -> None:
    dataset = load_dataset("odonata")
    cnn, denoiser = dataset.networks.cnn_classifier, dataset.networks.denoising_autoencoder
    assert cnn is not None
    assert denoiser is not None
    assert (cnn.preset, cnn.size, cnn.colour, cnn.validation) == ("original", 256, "grey", 0.05)
    assert (denoiser.preset, denoiser.size, denoiser.colour) == ("original", 256, "grey")
    assert dataset.classifier.held_out == 0.25
    assert dataset.predictions.model == "classifier"


@pytest.mark.long
@pytest.mark.parametrize("arrive", [big_cats, cars_and_trees, odonata], ids=lambda one: one.__name__)
def test_a_bundled_dataset_of_annotated_images_runs_to_features(
    arrive: Callable[[Path], dict[str, int]], tmp_path: Path
) -> None:
    # Without the network there are no modules of TensorFlow Hub: the alternative of the next line takes their place.
    dataset = load_dataset(arrive.__name__)
    # One of three files is damaged, which is more than is normal.
    limits = dataset.limits.model_copy(update={"quarantine_rate": 0.5})
    # Networks need an extra that everything else does without.
    changes = {"extractor": EfficientNetLite(kind="efficientnet_lite0"), "limits": limits, "networks": Networks()}
    platform = Platform(dataset.model_copy(update=changes), tmp_path)
    expected = arrive(platform.landing)
    day = platform.landing / str(DAY)
    damaged = min(path for path in day.rglob("*.png"))
    damaged.write_bytes(damaged.read_bytes()[:200])
    (day / "readme.txt").write_text("no image of the annotations")
    first = next(iter(dataset.categories))
    result = platform.run(DAY, first)
    assert not result.errors, result.errors
    assert platform.rows(ARRIVALS).height == expected[first]
    assert platform.rows(QUARANTINE)["reason"].to_list() == ["truncated"]
    images = platform.rows(RAW_IMAGES)
    assert images.height == expected[first] - 1
    assert set(platform.rows(IMAGE_FEATURES)["image_id"]) == set(images["image_id"])
    selected = platform.rows(SELECTED_IMAGES).filter(pl.col("category").is_not_null())
    assert dict(selected["category"].value_counts().iter_rows()) == expected
    if arrive is big_cats:
        chips, labelled = platform.rows(IMAGE_CHIPS), platform.rows(IMAGENET_PREDICTIONS)
        assert chips.height >= images.height
        assert sorted(labelled["chip_id"]) == sorted(chips["chip_id"])
        assert set(labelled["delivered_as"]) == set(chips["label_name"])
