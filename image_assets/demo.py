"""The demo: a sample, or folders of one's own, landed over two days and run for both."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import zlib
from pathlib import Path

import yaml
from rich.console import Console

from image_assets.answers.loaded import partition_facts
from image_assets.cli.day_report import DayReport
from image_assets.cli.deployment import Deployment
from image_assets.cli.summary import partition_table, show_day
from image_assets.dataset import BUNDLED, DatasetSpec, load_dataset
from image_assets.errors import UsageError
from image_assets.ingest.landing import land_files
from image_assets.ingest.own_folders import OwnFolders, own_folders
from image_assets.ingest.source import printable
from image_assets.places import folder_of, make_folder
from image_assets.project import PROJECT_FILE
from image_assets.reports.tables import show_table
from image_assets.resources.progress import TerminalProgress
from image_assets.sample import write_sample
from image_assets.store.trouble import of_file

_FIRST_DAY_SHARE = 60


def run_demo(root: Path, images: Path | None, console: Console) -> list[DayReport]:
    """Land, run both days, say where everything is, and give what the days gave.

    Args:
        root: Folder for the landing zone, the store and the Dagster home.
        images: Folder with a folder per category; None draws the sample.
        console: Where to show progress and the summary.
    """
    root = folder_of(root, "the demo's folder")
    own = OwnFolders({}, ()) if images is None else own_folders(folder_of(images, "--images"))
    make_folder(root, "the demo's folder")
    dataset = _dataset(root, images, list(own.categories))
    days = (dataset.start_day, dataset.start_day + dt.timedelta(days=1))
    landing, store = str(root / "landing"), str(root / "store")
    os.environ["DAGSTER_HOME"] = str((root / "dagster").resolve())
    if own.left_out:
        said = f"left out, as it lies beside the folders: {', '.join(own.left_out)}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    _land(root / "landing", days, own.categories, console)
    reports: list[DayReport] = []
    with Deployment(dataset, landing, store, console) as deployment:
        for day in days:
            console.rule(f"{dataset.name}, {day}")
            reports.append(deployment.run(day))
            show_day(reports[-1], console)
        console.rule("the demo")
        show_table(console, partition_table(partition_facts(dataset, deployment.store), "everything that is loaded"))
    _make_project(root)
    _say_where(root, dataset, console)
    return reports


def _make_project(root: Path) -> None:
    """Its project file: commands in the demo's folder, and Dagster, find everything by it."""
    file = root / PROJECT_FILE
    with of_file(file):
        file.write_text("dataset: dataset.yaml\nlanding: landing\nstore: store\n", encoding="utf-8")


def _dataset(root: Path, images: Path | None, categories: list[str]) -> DatasetSpec:
    """The demo's dataset file: made at the first run, for the two days before it, and kept."""
    file = root / "dataset.yaml"
    content = yaml.safe_load((BUNDLED / "sample.yaml").read_text(encoding="utf-8"))
    if images is not None:
        content["name"] = "my_images"
        # The path tells folders apart that have the same categories: their images must not end in one dataset.
        content["description"] = f"The images of {printable(str(images.resolve()))}"
        content["categories"] = {category: label for label, category in enumerate(categories)}
    if file.exists():
        dataset = load_dataset(file)
        if any(getattr(dataset, key) != content[key] for key in ("name", "description", "categories")):
            raise UsageError(
                f"{root} holds a demo of other images or categories ({dataset.description}: "
                f"{', '.join(dataset.categories)}); remove it first with: make clean-demo"
            )
        return dataset
    content["start_day"] = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)
    with of_file(file):
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return load_dataset(file)


def _land(
    landing: Path, days: tuple[dt.date, dt.date], categories: dict[str, tuple[Path, ...]], console: Console
) -> None:
    if not categories:
        with TerminalProgress(console).track("draw the sample", "drawings") as progress:
            write_sample(landing, days, progress)
        return
    for category, folders in categories.items():
        for day in days:
            with TerminalProgress(console).track(f"land {day} {category}", "files") as progress:
                report = land_files(
                    folders,
                    landing,
                    day,
                    category,
                    progress,
                    only=lambda path, day=day: (day == days[0]) == _early(path),
                )
            if report.ignored and day == days[0]:
                said = f"{category}: {report.ignored:,} left out by their names, as what desktops leave behind"
                console.print(said, markup=False, highlight=False, soft_wrap=True)
            for line in report.refused:
                console.print(f"refused: {line}", markup=False, highlight=False, soft_wrap=True)


def _early(path: str) -> bool:
    return zlib.crc32(os.fsencode(path)) % 100 < _FIRST_DAY_SHARE


def _say_where(root: Path, dataset: DatasetSpec, console: Console) -> None:
    store = root / "store" / dataset.name
    lines = [
        ("tables", f"{store}/raw_images, …/image_features, …/quarantine, … (Delta: pl.read_delta, DuckDB, Spark)"),
        ("shards", f"{store}/feature_shards/date=…/category=…/*"),
        ("classifier", f"{store}/classifier/champion.json and the models; plots/confusion.png"),
        ("map", f"{store}/embedding (table), {store}/plots/embedding.png"),
        ("dataset file", f"{root}/dataset.yaml"),
    ]
    for name, where in lines:
        console.print(f"  {name:<13} {where}", markup=False, highlight=False, soft_wrap=True)
    console.print("\nnext:", style="bold")
    for line in (
        "make ui                           lineage, partitions, checks and plots in the Dagster UI",
        "make console                      the images, what is in doubt, the models; in the browser",
        "make demo IMAGES=/path/to/folder  the same with folders of your own, one per category (make clean-demo first)",
        f"cd {shlex.quote(str(root))}    image-assets status, report, predict and the others need no more words there",
    ):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
