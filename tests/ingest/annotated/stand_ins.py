"""Little files of the form that Open Images and COCO have, and drawn pictures to go with them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_assets.dataset import parse_dataset
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.registry import annotated_selection
from image_assets.settings.sources import CocoSource, OpenImagesSource

CLASSES = {
    "/m/cat": "Cat",
    "/m/lion": "Lion",
    "/m/tiger": "Tiger",
    "/m/cub": "Tiger cub, small",
    "/m/carnivore": "Carnivore",
    "/m/animal": "Animal",
    "/m/car": "Car",
    "/m/wheel": "Wheel",
    "/m/twin1": "Twin",
    "/m/twin2": "Twin",
}
HIERARCHY = {
    "LabelName": "/m/entity",
    "Subcategory": [
        {
            "LabelName": "/m/animal",
            "Subcategory": [
                {
                    "LabelName": "/m/carnivore",
                    "Subcategory": [
                        {"LabelName": "/m/cat"},
                        {"LabelName": "/m/lion"},
                        {"LabelName": "/m/tiger", "Subcategory": [{"LabelName": "/m/cub"}]},
                    ],
                }
            ],
        },
        {"LabelName": "/m/car", "Part": [{"LabelName": "/m/wheel"}]},
    ],
}
LABEL_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
BOX_COLUMNS = (
    *LABEL_COLUMNS,
    *("XMin", "XMax", "YMin", "YMax", "IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"),
)
Row = Sequence[object]


def write_csv(path: Path, rows: Iterable[Row], header: Sequence[str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if header is not None:
            writer.writerow(header)
        writer.writerows(rows)
    return path


def write_open_images(
    folder: Path, labels: dict[str, Iterable[Row]], boxes: dict[str, Iterable[Row]] | None = None
) -> Path:
    """Class descriptions, hierarchy, and per subset the rows of image labels and of boxes."""
    write_csv(folder / "class-descriptions-boxable.csv", CLASSES.items())
    (folder / "bbox_labels_600_hierarchy.json").write_text(json.dumps(HIERARCHY))
    for subset, rows in labels.items():
        write_csv(folder / f"{subset}-annotations-human-imagelabels-boxable.csv", rows, LABEL_COLUMNS)
    for subset, rows in (boxes or {}).items():
        write_csv(folder / f"{subset}-annotations-bbox.csv", rows, BOX_COLUMNS)
    return folder


def write_coco(
    path: Path,
    images: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]],
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"info": {"year": 2019}, "images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    return path


def selection(kind: str, root: Path, categories_from: Mapping[str, Sequence[str]], **settings: Any) -> LabelSelection:
    """The selection of a dataset whose annotations lie in `root/annotations`."""
    categories = {name: number for number, name in enumerate(categories_from)}
    if "several_category" in settings:
        categories[settings["several_category"]] = len(categories)
    source = {
        "kind": kind,
        "categories_from": {name: list(labels) for name, labels in categories_from.items()},
        "staging": str(root / "staging"),
        **settings,
    }
    content = {"name": "stand_in", "categories": categories, "start_day": "2026-11-01", "source": source}
    spec = parse_dataset(content, "stand_in.yaml").source
    assert isinstance(spec, OpenImagesSource | CocoSource)
    return annotated_selection(spec, str(root))


def chosen(found: LabelSelection) -> dict[str, str | None]:
    """Image key → category; None for images that are left out."""
    return dict(found.images().select("key", "category").collect().iter_rows())


def counts(found: LabelSelection) -> dict[str, int]:
    """Step, and part where there is one → rows."""
    return {f"{step}{f': {part}' if part else ''}": rows for step, part, rows in found.steps().iter_rows()}
