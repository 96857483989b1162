"""The door of notebooks and scripts: `import image_assets as ia`, `project = ia.open()`.

What belongs here: which part of the platform answers what somebody asks in a notebook. What does not: finding the
answer, which `answers`, `predict` and the store do. Dagster is imported where a day is run, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from image_assets.answers.accounts import account_book
from image_assets.answers.known_names import refuse_unknown_category
from image_assets.answers.models import Models, models_of
from image_assets.answers.neighbours import Asked, UnknownImage, like_content, like_image
from image_assets.answers.other_features import OtherFeatures
from image_assets.answers.status import Status, status_of
from image_assets.classifier.report.places import read_report, report_name
from image_assets.dataset import DatasetError, DatasetSpec, load_dataset
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.features.decode import decode_at_least
from image_assets.health.check_book import CheckBook
from image_assets.ingest.registry import open_source
from image_assets.model_assets import ModelAsset
from image_assets.pages.notebook import Thumbnails, WholePage, overview
from image_assets.pages.page import Picture
from image_assets.predict.answer import Answer
from image_assets.predict.predictor import Predictor
from image_assets.predictions.choosing import located
from image_assets.project import found_datasets, place_or_default
from image_assets.schema import TABLES
from image_assets.search.search import ImageSearch
from image_assets.store.store import Store
from image_assets.store.tables.key_index import image_index
from image_assets.wording import did_you_mean

if TYPE_CHECKING:
    from PIL import Image

    from image_assets.cli.day_report import DayReport

AnyFile = str | os.PathLike[str] | bytes
"""A path, or the content of a file."""


def open(dataset: str | None = None, *, landing: str | None = None, store: str | None = None) -> OpenedProject:
    """Open a dataset with its places. What is not given is found as by commands: a variable, or the project file.

    Args:
        dataset: The dataset file, or the name of a bundled one.
        landing: The landing zone: a folder or `s3://bucket/prefix`.
        store: In the same way.

    Raises:
        DatasetError: the dataset file cannot be used, or nothing says which one is meant.
        ProjectError: the project file cannot be used.
        PlaceError: a place cannot be used.

    Example:
        >>> import image_assets as ia
        >>> ia.open("sample", landing="landing", store="store")
        OpenedProject('sample', landing='landing', store='store')
    """
    spec = load_dataset(dataset or _only_dataset())
    return OpenedProject(spec, landing or place_or_default(LANDING), store or place_or_default(STORE))


def _only_dataset() -> str:
    found = [one.value for one in found_datasets()]
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise DatasetError(
            f"which dataset is meant is not known ({DATASETS.name} and the project file say {names}): "
            "give its file, as in open('birds.yaml'), or work below an image-assets.yaml"
        )
    return found[0]


@dataclass(frozen=True, repr=False)
class OpenedProject:
    """A dataset with its landing zone and its store. Everything is read when it is asked for, as it is then.

    Attributes:
        dataset: What the dataset file says.
        landing: Where images arrive.
        store: Where everything is that was made of them.
    """

    dataset: DatasetSpec
    landing: str
    store: str

    def table(self, name: str, day: dt.date | str | None = None, category: str | None = None) -> pl.LazyFrame:
        """A table, lazily: see the data dictionary for its columns; without rows where it was not made yet.

        Args:
            name: Of the table, such as `raw_images`.
            day: Only of this day of arrival, a date or its text.
            category: Only of this category.

        Raises:
            LookupError: there is no such table.
            UnknownName: nothing is of such a category.
            DamagedFile, DamagedLog: it cannot be read.

        Example:
            >>> project.table("raw_images", category="plant").select("image_id", "width", "height").collect().shape
            (20, 3)
        """
        schema = next((one for one in TABLES if one.name == name), None)
        if schema is None:
            names = [one.name for one in TABLES]
            meant = did_you_mean(name, names) or f"there are {', '.join(names)}"
            raise LookupError(f"there is no table {name!r}; {meant}")
        rows = self._opened.table(self.dataset.name, schema).scan()
        if day is not None:
            rows = rows.filter(pl.col("date") == _day(day))
        refuse_unknown_category(self.dataset, self._opened, category)
        return rows if category is None else rows.filter(pl.col("category") == category)

    def image(self, image_id: str) -> np.ndarray:
        """A loaded image.

        Args:
            image_id: SHA-256 of its file, as in the tables.

        Returns:
            uint8 `[height, width, 3]`, RGB, upright.

        Raises:
            UnknownImage: it is not loaded.

        Example:
            >>> ids = project.table("raw_images", category="plant").select("image_id").collect()["image_id"]
            >>> pixels = project.image(ids[0])
            >>> pixels.dtype, pixels.ndim
            (dtype('uint8'), 3)
        """
        return decode_at_least(self.content(image_id), lambda width, height: (width, height)).pixels

    def pil(self, image_id: str) -> Image.Image:
        """The same as a Pillow image. Raises as `image`."""
        from PIL import Image

        return Image.fromarray(self.image(image_id))

    def content(self, image_id: str) -> bytes:
        """The file of a loaded image, unchanged. Raises as `image`."""
        return self._found([image_id], "content")["content"][0]

    def thumbnail(self, image_id: str) -> Image.Image:
        """The thumbnail of a loaded image, at most 96 pixels a side. Raises as `image`."""
        from PIL import Image

        return Image.open(BytesIO(self._found([image_id], "thumbnail")["thumbnail"][0]))

    def thumbnails(self, image_ids: Iterable[str]) -> Thumbnails:
        """Thumbnails of loaded images with day and category, for a notebook to show. Raises as `image`.

        Example:
            >>> suspects = project.table("label_suspects").select("image_id").collect()["image_id"]
            >>> shown = project.thumbnails(suspects.head(12))
        """
        ids = list(image_ids)
        found = self._found(ids, "thumbnail")
        rows = {row["image_id"]: row for row in found.iter_rows(named=True)}
        pictures = [Picture([rows[one]["thumbnail"]], rows[one]["category"], str(rows[one]["date"])) for one in ids]
        return Thumbnails(pictures)

    def days(self) -> pl.DataFrame:
        """What became of the files of every day and category: listed, loaded, duplicates, quarantined, companions.

        Example:
            >>> project.days().select("date", "category", "listed", "loaded").head(2).rows()
            [(datetime.date(2026, 11, 3), 'animal', 16, 16), (datetime.date(2026, 11, 3), 'human', 16, 16)]
        """
        return account_book(self._opened, self.dataset.name).tables.rows

    def wrong(self) -> pl.DataFrame:
        """What wants somebody: days, checks, damaged files, features of another extractor; nothing where all is well.

        Returns:
            `day`, `category`, `what` and `detail`; day and category are null where it is about the whole dataset.

        Example:
            >>> project.wrong().columns
            ['day', 'category', 'what', 'detail']
        """
        status = self.status()
        others = status.other_features or OtherFeatures()
        found = [
            *((one.partition, one.state, "") for one in status.health.to_be_run),
            *((one.partition, f"{one.name} {one.state}", one.description) for one in status.health.not_passed),
            *((None, "damaged", line) for line in status.damaged),
            *((None, "another extractor", line) for line in others.lines),
        ]
        where = [(one.date, one.category) if one else (None, None) for one, _, _ in found]
        rows = [(*place, what, detail) for place, (_, what, detail) in zip(where, found, strict=True)]
        columns = {"day": pl.Date, "category": pl.String, "what": pl.String, "detail": pl.String}
        return pl.DataFrame(rows, columns, orient="row")

    def status(self) -> Status:
        """What is loaded, how recent it is, what the checks say, what it takes: that of `image-assets status`.

        Checks are those that were evaluated, also where the code does not have one any more; that a run planned some
        and never came to them is known to Dagster alone.

        Example:
            >>> project.status().health.stored > 0
            True
        """
        checks = CheckBook(self._opened, self.dataset.name).states()
        spec = self.dataset
        source = open_source(
            spec.source, self.landing, spec.time_zone, limits=spec.limits, categories=tuple(spec.categories)
        )
        return status_of(spec, self._opened, checks, source)

    def run(self, day: dt.date | str, categories: Sequence[str] = (), *, until: str | None = None) -> DayReport:
        """Run a day as `image-assets run` does, and what depends on it; Dagster is imported now.

        Args:
            day: A date or its text.
            categories: Only these.
            until: Stop after this asset of the day, such as `image_features`.

        Returns:
            What came out; `result.ok` says whether all went well.

        Raises:
            PlaceError, SourceError, UsageError, ExtractorError, CategoriesDiffer: before anything is run.
        """
        from image_assets.cli.deployment import Deployment
        from image_assets.cli.options import HowToRun
        from image_assets.resources.progress import terminal_console

        console = terminal_console(sys.stderr)
        with Deployment(self.dataset, self.landing, self.store, console) as deployment:
            return deployment.run(_day(day), categories, HowToRun(until=until))

    def predict(self, *files: AnyFile, model: ModelAsset | None = None) -> list[Answer]:
        """What the current model takes files for, or why one is no image that would be loaded.

        Args:
            files: The files.
            model: The asset whose model is asked; default: the one that `predictions.model` of the dataset file names.

        Raises:
            OSError: a file cannot be read.
            ModelMissingError, ModelRefusedError, ExtractorError: there is no model that can be used.
            NetworksMissingError: it is a network, and what networks need is not installed.

        Example:
            >>> (answer,) = project.predict(project.content(ids[0]))
            >>> answer.category
            'plant'
        """
        return list(Predictor(self.dataset, self._opened, model).answers(_content(file) for file in files))

    def neighbours(self, picture: AnyFile, number: int = 10) -> pl.DataFrame:
        """The loaded images most like a picture, by their features.

        Args:
            picture: The id of a loaded image, or a file.
            number: So many.

        Returns:
            `image_id`, `date`, `category` and `similarity`, the cosine of the features as the classifier sees them;
            the most similar first, without itself.

        Raises:
            UnknownImage: no image of this id is loaded, and there is no such file.
            Rejected: the file is no image that the door lets in.

        Example:
            >>> project.neighbours(ids[0], 3).columns
            ['image_id', 'date', 'category', 'similarity']
        """
        if isinstance(picture, str) and not Path(picture).is_file():
            return like_image(self._search, picture, Asked(number))
        return like_content(self._search, _content(picture), Asked(number))

    def models(self, model: ModelAsset | None = None) -> Models:
        """The models that are kept, and every decision about one.

        Args:
            model: The asset that trains them; default: the one that `predictions.model` of the dataset file names.

        Raises:
            ModelCommandError: there is none.

        Example:
            >>> [model.role for model in project.models().models]
            ['champion', 'predecessor']
        """
        return models_of(self.dataset, self._opened, model)

    def report(self, model: str = "champion") -> WholePage:
        """The report of a model, as its training left it.

        Args:
            model: `champion`, or the beginning of a model's digest.

        Raises:
            ModelCommandError: there is no such model.
            ReportMissingError: it has no report.
        """
        asset, digits = located(self.dataset, self._opened, model)
        name = report_name(digits, "html", asset)
        page = read_report(self._opened.objects(), self.dataset.name, name, asset)
        return WholePage(f"report of model {digits}", page.decode())

    @property
    def _search(self) -> ImageSearch:
        return ImageSearch(self.dataset, self._opened)

    @property
    def _opened(self) -> Store:
        return Store.to_read(self.store)

    def _found(self, ids: Sequence[str], column: str) -> pl.DataFrame:
        index = image_index(self._opened, self.dataset.name)
        wanted = pl.DataFrame({"image_id": ids}, schema={"image_id": pl.String})
        found = index.find(wanted, index.table.snapshot(), [column])
        missing = sorted(set(ids) - set(found["image_id"]))
        if missing:
            raise UnknownImage(f"{', '.join(missing)}: not loaded in {self.dataset.name}")
        return found

    def __repr__(self) -> str:
        return f"OpenedProject({self.dataset.name!r}, landing={self.landing!r}, store={self.store!r})"

    def _repr_html_(self) -> str:
        days = self.days()
        figures = {
            "categories": ", ".join(self.dataset.categories),
            "days": days["date"].n_unique(),
            "images": f"{days['loaded'].sum():,}",
            "landing": self.landing,
            "store": self.store,
        }
        return overview(self.dataset.name, self.dataset.description, figures)


def _day(day: dt.date | str) -> dt.date:
    return dt.date.fromisoformat(day) if isinstance(day, str) else day


def _content(file: AnyFile) -> bytes:
    return file if isinstance(file, bytes) else Path(file).read_bytes()
