"""The report on a dataset: its statistics, drawn and put in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.exploration.class_plots import class_plots, refused_plot
from image_assets.exploration.distribution_plots import box_plots, density_plots
from image_assets.exploration.label_plots import label_plots
from image_assets.exploration.label_statistics import Annotations, LabelStatistics, label_statistics
from image_assets.exploration.size_plots import size_plots
from image_assets.exploration.statistics import ImageStatistics, Levels, image_statistics
from image_assets.features.extractor import shared_extractor
from image_assets.pages.figures import Plot
from image_assets.pages.page import Section, page
from image_assets.store.store import Store

_MOST_ROWS = 2_000


@dataclass(frozen=True)
class Exploration:
    """What was found of a dataset.

    Attributes:
        html: The page, self-contained.
        plots: Its plots, in their order.
        figures: Numbers at a glance.
    """

    html: str
    plots: list[Plot]
    figures: dict[str, int]


def make_report(dataset: DatasetSpec, store: Store, annotations: Annotations | None = None) -> Exploration:
    """Explore a dataset.

    Args:
        dataset: Which.
        store: Where its tables are.
        annotations: Labels and boxes beside the categories.

    Raises:
        DamagedFile: a file of a table is not as it was written.
    """
    colours = shared_extractor(dataset.extractor).digest if dataset.extractor.kind == "colour_statistics" else None
    images = image_statistics(store, dataset.name, colours=colours)
    return report_of(dataset.name, dataset.description, images, label_statistics(annotations) if annotations else None)


def report_of(
    name: str, description: str, images: ImageStatistics, labels: LabelStatistics | None = None
) -> Exploration:
    """Draw statistics and write their page. The same statistics give the same bytes."""
    sections = list(_sections(images, labels))
    figures = _figures(images, labels)
    html = page(
        f"{name}: what the images look like",
        description,
        {**{what: f"{number:,}" for what, number in figures.items()}, **_days(images)},
        sections,
    )
    return Exploration(html, [plot for section in sections for plot in section.plots], figures)


def _figures(images: ImageStatistics, labels: LabelStatistics | None) -> dict[str, int]:
    figures = {
        "images": images.images,
        "categories": len(images.categories),
        "days": images.per_day["date"].n_unique(),
        "files in quarantine": int(images.refused["n"].sum()),
    }
    if labels:
        figures |= {"labels": labels.frequency.height, "boxes": labels.boxes}
    return figures


def _days(images: ImageStatistics) -> dict[str, str]:
    if not images.images:
        return {}
    return {"first day": str(images.per_day["date"].min()), "last day": str(images.per_day["date"].max())}


def _sections(images: ImageStatistics, labels: LabelStatistics | None) -> Iterator[Section]:
    if images.images:
        yield _classes(images)
        yield Section(
            "sizes",
            "Sizes and formats",
            "Of the images as they are stored, after EXIF orientation.",
            size_plots(images),
        )
        yield Section(
            "looks",
            "How the images look",
            "Measured as images are loaded, on copies of the thumbnail's size.",
            _distributions(images.metrics, images.categories, "metric", "quality metrics"),
        )
        if not images.channels.rows.is_empty():
            yield Section(
                "colours",
                "Colours",
                "Every image's mean of the channels of BGR, HSV and L*a*b*, from its features.",
                _distributions(images.channels, images.categories, "channel", "colour channels"),
            )
    else:
        yield Section("classes", "Categories and days", "No image is loaded yet; run a day, and make the report again.")
    yield _quarantine(images)
    if labels and labels.frequency.is_empty():
        yield Section(
            "labels",
            "Labels",
            "No loaded image has an annotation. Where images did arrive, compare their names with those of the "
            "annotation files.",
        )
    elif labels:
        header = ("label", "images with it", "images without it")
        yield Section(
            "labels",
            "Labels",
            "Annotations beside the categories. A label that was looked for and is not in the image is counted apart.",
            label_plots(labels),
            (header, labels.frequency.head(_MOST_ROWS).rows()),
        )


def _classes(images: ImageStatistics) -> Section:
    counted = images.per_day.group_by("category").agg(
        pl.col("n").sum(), pl.col("date").n_unique().cast(pl.Int64).alias("days"), pl.col("bytes").sum()
    )
    rows = counted.sort(["n", "category"], descending=[True, False]).head(_MOST_ROWS).rows()
    return Section(
        "classes",
        "Categories and days",
        "How the images are spread over the dataset's categories and over the days on which they arrived.",
        class_plots(images),
        (("category", "images", "days", "bytes"), rows),
    )


def _distributions(levels: Levels, categories: list[str], of: str, measures: str) -> list[Plot]:
    alarming = (
        "Alarming: a category apart from all others where nothing about its subject explains it, for a model then "
        "learns the camera and not the subject"
    )
    return [
        box_plots(
            levels,
            categories,
            f"{of}_boxes",
            f"The {measures} of every category",
            "Per category the median (orange), the middle half of the images (box) and nine of ten (line); dashed, "
            f"the median of all images. {alarming}.",
        ),
        density_plots(
            levels,
            categories,
            f"{of}_densities",
            f"How the {measures} are spread",
            "How large a share of a category's images lies where; as strips, the lighter the more, each category "
            f"by its own peak. {alarming}; or a second narrow peak, which mostly is one source of its own.",
        ),
    ]


def _quarantine(images: ImageStatistics) -> Section:
    if images.refused.is_empty():
        return Section("quarantine", "Quarantine", "No file was refused.")
    rows = images.refused.group_by("category", "reason").agg(pl.col("n").sum())
    sorted_rows = rows.sort(["n", "category", "reason"], descending=[True, False, False]).head(_MOST_ROWS).rows()
    return Section(
        "quarantine",
        "Quarantine",
        "Files that were refused, and why.",
        [refused_plot(images)],
        (("category", "reason", "files"), sorted_rows),
    )
