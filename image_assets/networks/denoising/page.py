"""The page on a denoising network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from image_assets.networks.denoising.classified_again import ClassifiedAgain
from image_assets.networks.denoising.judging import CHANGED, Denoiser, Pictures, View
from image_assets.networks.denoising.record import DenoisingRecord
from image_assets.networks.denoising.sections import (
    ShownImage,
    again_section,
    closeness_section,
    gallery_section,
    history_section,
)
from image_assets.pages.figures import Plot
from image_assets.pages.page import page

PicturesOf = Callable[[Sequence[str]], Pictures]
"""Some images by their ids, as the network takes them."""


@dataclass(frozen=True)
class Findings:
    """What the page says.

    Attributes:
        record: Of the network.
        rows: Of the images held out, as `measured` gives them.
        epochs: Mean squared error of each pass, on training and on validation images.
        again: What classifiers make of the restored pictures.
    """

    record: DenoisingRecord
    rows: pl.DataFrame
    epochs: Sequence[tuple[float, float]]
    again: Sequence[ClassifiedAgain]


@dataclass(frozen=True)
class Showing:
    """Where shown pictures come from, and how many there are of each gallery."""

    denoiser: Denoiser
    pictures_of: PicturesOf
    names: dict[int, str]
    most: int


def denoising_page(dataset: str, found: Findings, showing: Showing) -> tuple[str, list[Plot]]:
    """The page as HTML, self-contained, and its plots. The same findings give the same bytes."""
    record, figures = found.record, found.record.figures
    sections = [
        closeness_section(figures, record.noise),
        gallery_section(*(_shown(ids, found.rows, showing) for ids in _chosen(found.rows, showing.most))),
        again_section(found.again),
        history_section(found.epochs),
    ]
    html = page(
        f"{dataset}: the denoising network",
        f"Network {record.sha256[:12]}, preset {record.preset}: takes away {record.noise}.",
        {
            "PSNR restored": f"{figures.restored.psnr:.2f} dB",
            "PSNR noisy": f"{figures.noisy.psnr:.2f} dB",
            "PSNR of the median filter": f"{figures.median.psnr:.2f} dB",
            "SSIM restored": f"{figures.restored.ssim:.3f}",
            "trained on": f"{record.trained:,}",
            "held out": f"{figures.images:,}",
        },
        sections,
    )
    return html, [plot for section in sections for plot in section.plots]


def _chosen(rows: pl.DataFrame, most: int) -> tuple[list[str], list[str], list[str]]:
    """Ids of the images that gain the most, that gain the least, and of some of every category."""
    gained = rows.with_columns(gained=pl.col("psnr_restored") - pl.col("psnr_noisy")).sort("gained", "image_id")
    ids = gained["image_id"].to_list()
    # The first of every category, then the second of every one …
    turns = rows.sort("image_id").with_columns(turn=pl.int_range(pl.len()).over("label")).sort("turn", "label")
    return ids[::-1][:most], ids[:most], turns["image_id"].to_list()[:most]


def _shown(ids: Sequence[str], rows: pl.DataFrame, showing: Showing) -> list[ShownImage]:
    pictures = showing.pictures_of(ids)
    views, figures = showing.denoiser.views(pictures), {row["image_id"]: row for row in rows.iter_rows(named=True)}
    decibels: dict[str, dict[View, float]] = {
        image: {view: figures[image][f"psnr_{view}"] for view in CHANGED} for image in pictures.image_ids
    }
    shown = {
        image: ShownImage(
            image, showing.names[int(label)], {view: pixels[place] for view, pixels in views.items()}, decibels[image]
        )
        for place, (image, label) in enumerate(zip(pictures.image_ids, pictures.labels, strict=True))
    }
    return [shown[image] for image in ids if image in shown]
