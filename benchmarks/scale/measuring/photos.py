"""What is measured with: photos, and fresh folders in which a day of them has arrived."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH, Inputs, land, prepare
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.environment import CACHE
from image_assets.store.store import Store

DAY = dt.date(2026, 11, 3)
_NAME = "measured"


@dataclass(frozen=True)
class Photos:
    """Photos, and the extractor's module.

    Attributes:
        inputs: As all benchmarks have them: a MobileNetV1 0.50 with random weights, 128 pixels.
        work: Where everything is kept.
    """

    inputs: Inputs
    work: Path

    def day(self, name: str, categories: Mapping[str, int]) -> Place:
        """A new folder with so many photos of each category; at most as many as there are."""
        root = self.work / name
        shutil.rmtree(root, ignore_errors=True)
        first = 0
        for category, images in categories.items():
            land(self.inputs, root / "landing", DAY, [category], first, first + images)
            first += images
        content = self._content(list(categories))
        (root / "dataset.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return Place(root, parse_dataset(content, "dataset.yaml"))

    def _content(self, categories: Sequence[str]) -> dict[str, Any]:
        module = {"kind": "tf_hub", "module": str(self.inputs.module), "image_size": IMAGE_SIZE, "width": WIDTH}
        labels = {category: label for label, category in enumerate(categories)}
        extractor = {**module, "runtime": "onnxruntime"}
        return {"name": _NAME, "categories": labels, "start_day": DAY, "extractor": extractor}


@dataclass(frozen=True)
class Place:
    """A folder with `landing`, `store`, `dagster` and `dataset.yaml`."""

    root: Path
    dataset: DatasetSpec

    @property
    def store(self) -> Store:
        """Where its tables are."""
        return Store(str(self.root / "store"))


def photos(folder: Path, images: int, work: Path) -> Photos:
    """So many photos, made from those in `folder` or found in `work`. Raises `NoPhotos` where there are none."""
    work = work.resolve()
    inputs = prepare(folder, images, work)
    os.environ[CACHE.name] = str(inputs.cache)
    return Photos(inputs, work / "scale")
