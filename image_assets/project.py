"""Which datasets, landing zone and store are meant where nobody says so: what a variable says, or the project file.

The one place that finds them, for the command line, Dagster's definitions and notebooks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from image_assets.dataset import bundled_names, mistakes_in
from image_assets.environment import DATASETS, LANDING, STORE, Variable
from image_assets.errors import Explained
from image_assets.places import place_of
from image_assets.settings.section import Strict
from image_assets.yaml_file import YamlError, read_yaml

PROJECT_FILE = "image-assets.yaml"
"""Its name; it lies in the folder of a project, and holds for all folders below."""


class ProjectError(Explained, ValueError):
    """A project file that cannot be used: the message says which, what is wrong and what is allowed."""


class ProjectKeys(Strict):
    """What a project file says; places are relative to the folder that it lies in."""

    dataset: str = Field(min_length=1, description="The dataset file, or the name of a bundled one.")
    landing: str = Field(default="landing", description="The landing zone: a folder or s3://bucket/prefix.")
    store: str = Field(default="store", description="The store: a folder or s3://bucket/prefix.")


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        file: Its file, absolute.
        dataset: The dataset file, absolute, or the name of a bundled one.
        landing: The landing zone: an absolute path or `s3://bucket/prefix`.
        store: The store, in the same way.
    """

    file: Path
    dataset: str
    landing: str
    store: str


@dataclass(frozen=True)
class Found:
    """A setting that nobody gave.

    Attributes:
        value: What it is.
        origin: Who said so, for people: the name of a variable, or the project file as seen from here.
    """

    value: str
    origin: str


def load_project(file: Path) -> Project:
    """Read a project file.

    Raises:
        ProjectError: it cannot be read, is no YAML or says something that is not allowed.
        PlaceError: it names a place that cannot be one.
    """
    try:
        keys = ProjectKeys.model_validate(read_yaml(file) or {})
    except (OSError, YamlError) as error:
        raise ProjectError(f"{file}: {error}") from None
    except ValidationError as error:
        raise ProjectError(f"{file} is not a usable project file:\n{mistakes_in(error, ProjectKeys)}") from None
    folder = file.absolute().parent
    beside = folder / keys.dataset
    dataset = keys.dataset if keys.dataset in bundled_names() and not beside.exists() else str(beside)
    landing, store = (place_of(said, f"{file}: {what}", folder).url for what, said in list(keys)[1:])
    return Project(file.absolute(), dataset, landing, store)


def project_above(folder: Path | None = None) -> Project | None:
    """The project that a folder belongs to: of the project file in it, or of the nearest one above; None without one.

    Args:
        folder: Default: the current one.

    Raises:
        ProjectError, PlaceError: as `load_project`.
    """
    start = (folder or Path()).absolute()
    files = (one / PROJECT_FILE for one in (start, *start.parents))
    file = next((file for file in files if file.is_file()), None)
    return load_project(file) if file else None


def found_datasets() -> list[Found]:
    """The datasets of the variable, or else the one of the project; none where neither says any. Raises as `found`."""
    named = [name.strip() for name in DATASETS.said.split(",") if name.strip()]
    if named:
        return [Found(name, DATASETS.name) for name in named]
    project = project_above()
    return [Found(project.dataset, seen_from_here(project.file))] if project else []


def found(place: Variable) -> Found | None:
    """The landing zone or the store, as the variable says or else the project; None where neither does.

    Args:
        place: `LANDING` or `STORE`.

    Raises:
        ProjectError, PlaceError: as `load_project`.
    """
    if place.said:
        return Found(place.said, place.name)
    project = project_above()
    if project is None:
        return None
    return Found({LANDING: project.landing, STORE: project.store}[place], seen_from_here(project.file))


def place_or_default(place: Variable) -> str:
    """As `found`, or else the default of a deployment, which is a folder of the current one."""
    one = found(place)
    return one.value if one else place.default


def no_images(places: Iterable[str | None]) -> set[Path]:
    """What may lie among folders of images and belongs to the platform, absolute.

    Args:
        places: Landing zone, store and dataset file, as far as they are known.
    """
    folders = [folder for said in places if said and (folder := place_of(said, "place").folder)]
    beside = {folder.parent / name for folder in folders for name in (PROJECT_FILE, "dagster")}
    return {*folders, *beside}


def seen_from_here(path: str | Path) -> str:
    """A path for people: as it is written from the current folder, where that is shorter. A URL stays as it is."""
    text = os.fspath(path)
    return min(os.path.relpath(text), text, key=len) if os.path.isabs(text) else text
