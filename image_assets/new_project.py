"""A project of one's own: what a folder holds is looked at, and a dataset file and a project file are made from it."""

from __future__ import annotations

import datetime as dt
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.ingest.day_folders import days_among
from image_assets.ingest.landing import LandingError
from image_assets.ingest.own_folders import OwnFolders, own_folders
from image_assets.places import place_of
from image_assets.project import PROJECT_FILE, ProjectError
from image_assets.settings.section import name_problem
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from image_assets.store.trouble import of_file

_DATASET = """\
# A dataset: what its images are, and what is made of them. It is read anew by every command.
name: {name}  # the folder of its tables in the store, and the group of its assets in Dagster
# Category: number. The numbers stand in tables and models: a new category gets the next one, and none is given twice
# (image-assets categories list, renumber, rename).
{categories}
start_day: {start_day}  # the first day that may be run
time_zone: UTC  # in which its days begin, and of the run at 07:00; such as Europe/Berlin
# What makes features of an image. efficientnet_lite0 takes two thirds of the time and tells fewer images of new sources
# right; who changes it later runs all days again.
extractor: {extractor}
# What else may be said, with what holds where it is not (docs/data-dictionary.md has every key):
# engine: local  # or ray
# owners: []  # e-mail addresses or team:NAME, shown in Dagster
# alerts: {{channels: []}}  # who is told of failed checks and runs
"""
_PROJECT = """\
# Where a project has its things, for every command in this folder or below, and for Dagster; relative to this folder.
dataset: {dataset}  # the dataset file
landing: {landing}  # where images arrive, as <day>/<category>/…; a folder or s3://bucket/prefix
store: {store}  # tables, shards and models; a folder or s3://bucket/prefix
"""


@dataclass(frozen=True)
class FoundInFolder:
    """What a folder holds.

    Attributes:
        name: For the dataset, after the folder's own.
        categories: Of its folders; none where that is to be asked.
        first_day: Of the images that have landed there already; None where none have.
        landing: The landing zone, as it is written in the folder's project file.
        images: Folder with a folder per category that is to be landed; None where there is none.
        question: Why the categories are to be asked; empty where they are certain.
    """

    name: str
    categories: tuple[str, ...]
    first_day: dt.date | None
    landing: str
    images: Path | None
    question: str


def look_into(folder: Path) -> FoundInFolder:
    """What a folder holds: days that landed, folders of categories, or something that is asked about.

    Raises:
        ProjectError: no such folder.
    """
    if not folder.is_dir():
        raise ProjectError(f"{folder}: no such folder; make it, and put a folder of images into it for every category")
    plain = unicodedata.normalize("NFKD", folder.absolute().name.lower())
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_0123456789")[:64] or "images"
    for landing in (".", "landing"):
        days = days_among(_folders(folder / landing))
        if days:
            below = {one for day in days for one in _folders(folder / landing / day.isoformat())}
            categories = tuple(sorted(one for one in below if not name_problem(one)))
            return FoundInFolder(name, categories, min(days), landing, None, "" if categories else "the days are empty")
    try:
        own, images = _own(folder)
    except LandingError as error:
        return FoundInFolder(name, (), None, "landing", None, str(error))
    return FoundInFolder(name, tuple(sorted(own.categories)), None, "landing", images, "")


def _folders(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _own(folder: Path) -> tuple[OwnFolders, Path]:
    """Its folders of categories, or those of the one folder in it. Raises `LandingError`."""
    apart = [folder.absolute() / name for name in ("landing", "store", "dagster")]
    try:
        return own_folders(folder, apart), folder
    except LandingError as error:
        inside = [one for one in _folders(folder) if folder.absolute() / one not in apart and one[0] != "."]
        if len(inside) != 1 or "one folder around all others" not in str(error):
            raise
        return _own(folder / inside[0])


def write_project(
    folder: Path, name: str, categories: Sequence[str], first_day: dt.date | None, landing: str, store: str
) -> DatasetSpec:
    """Make the two files; what they say is looked at before anything is written.

    Args:
        folder: Of the project.
        name: Of the dataset, and of its file.
        categories: They are numbered in this order.
        first_day: That may be run; None is yesterday, the last one that is over.
        landing: As it is written in the project file.
        store: In the same way.

    Raises:
        DatasetError: a name or a category that can be none.
        PlaceError: a place that can be none.
        ProjectError: a category is named twice, or one of the files is there already.
    """
    twice = next((one for one in categories if categories.count(one) > 1), None)
    if twice is not None:
        raise ProjectError(f"the category {twice} is named twice, and no file was written: name each category once")
    numbered = yaml.safe_dump({"categories": {one: number for number, one in enumerate(categories)}}, sort_keys=False)
    start_day = first_day or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    values = {"name": _written(name), "start_day": start_day, "extractor": DEFAULT_EXTRACTOR}
    dataset = _DATASET.format(categories=numbered.rstrip(), **values)
    spec = parse_dataset(yaml.safe_load(dataset), f"{name}.yaml")
    keys = {"dataset": f"{name}.yaml", "landing": landing, "store": store}
    for key in ("landing", "store"):
        place_of(keys[key], key)
    project = _PROJECT.format(**{key: _written(value) for key, value in keys.items()})
    files = {folder / keys["dataset"]: dataset, folder / PROJECT_FILE: project}
    for path in files:
        if os.path.lexists(path):
            raise ProjectError(f"{path} is there already and stays as it is; change it by hand, or name another folder")
    for path, content in files.items():
        with of_file(path), path.open("x", encoding="utf-8") as file:
            file.write(content)
    return spec


def _written(text: str) -> str:
    """A text as YAML writes it."""
    return yaml.safe_dump(text, width=10_000, allow_unicode=True).removesuffix("...\n").strip()
