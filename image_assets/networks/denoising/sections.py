"""The parts of the page on a denoising network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from image_assets.classifier.report.evaluation import FEW_CLASSES, draw_counts
from image_assets.networks.denoising.classified_again import Asked, ClassifiedAgain, explanation
from image_assets.networks.denoising.figures import DenoisingFigures
from image_assets.networks.denoising.judging import View
from image_assets.networks.seen.pictures import jpeg_of
from image_assets.pages.figures import MAIN, SECOND, Plot, draw, short
from image_assets.pages.page import Gallery, Picture, Section, Table

SHOWN: dict[View, str] = {"clean": "clean", "noisy": "noisy", "median": "median filter", "restored": "restored"}
_DRAWN: tuple[Asked, ...] = ("clean", "noisy", "median", "restored")
_MOST_WRITTEN = 40
_MEAN = "Mean of the images."
_SIDE = 144  # pixels of a shown view


@dataclass(frozen=True)
class ShownImage:
    """One image as it is shown: all its views, float32 [height, width, channels] each, and how close they are."""

    image_id: str
    category: str
    views: dict[View, np.ndarray]
    decibels: dict[View, float]


def closeness_section(figures: DenoisingFigures, noise: str) -> Section:
    """How close restored pictures are, beside the noisy ones and a median filter."""
    rows = [
        (name, f"{one.psnr:.2f}", gained, f"{one.ssim:.4f}")
        for name, one, gained in (
            ("noisy", figures.noisy, ""),
            ("median filter, 3 × 3", figures.median, _signed(figures.median.psnr - figures.noisy.psnr)),
            ("restored by the network", figures.restored, _signed(figures.gained)),
        )
    ]
    verdict = (
        "It is worth having."
        if figures.gained > 0 and figures.over_median > 0
        else "Alarming: a median filter, which learns nothing, does better."
        if figures.over_median <= 0
        else "Alarming: the noisy pictures are closer to the clean ones."
    )
    return Section(
        "closeness",
        "How close it comes",
        f"{figures.images:,} images held out, with {noise}. The network is closer than the noisy picture for "
        f"{figures.closer_than_noisy:.1%} of them, and closer than the median filter for "
        f"{figures.closer_than_median:.1%}. {verdict}",
        tables=[
            Table(
                "Beside the clean pictures", ("picture", "PSNR, dB", "gained, dB", "SSIM"), rows, "Mean of the images."
            )
        ],
    )


def _signed(decibels: float) -> str:
    return f"{decibels:+.2f}".replace("-", "−")


def gallery_section(most: Sequence[ShownImage], least: Sequence[ShownImage], usual: Sequence[ShownImage]) -> Section:
    """Clean, noisy, filtered and restored pictures side by side."""
    galleries = [
        Gallery("Some, as they come", "Of every category, by their ids.", _pictures(usual), large=True),
        Gallery("Most gained", "The restored picture is the farthest ahead of the noisy one.", _pictures(most), True),
        Gallery("Least gained", "What the network is bad at.", _pictures(least), large=True),
    ]
    return Section(
        "pictures",
        "Look at them",
        "Each picture clean, with noise, behind a median filter and restored. Alarming: things that are in the "
        "restored picture and not in the clean one.",
        galleries=[one for one in galleries if one.pictures],
    )


def _pictures(shown: Sequence[ShownImage]) -> list[Picture]:
    return [
        Picture(
            [jpeg_of(one.views[view], _SIDE) for view in SHOWN],
            f"{one.category}: {one.decibels['noisy']:.1f} dB noisy, {one.decibels['median']:.1f} filtered, "
            f"{one.decibels['restored']:.1f} restored",
            one.image_id[:12],
            tuple(SHOWN.values()),
        )
        for one in shown
    ]


def again_section(found: Sequence[ClassifiedAgain]) -> Section:
    """What classifiers make of the restored pictures."""
    if not found:
        return Section("again", "Classified again", "There is no classifier yet that could be asked.")
    header = ("asked about", "accuracy", "still right of those right when clean")
    tables = [
        Table(
            f"By {one.title}",
            header,
            [(_named(view.asked), f"{view.accuracy:.1%}", f"{view.survived:.1%}") for view in one.views],
            explanation(one),
        )
        for one in found
    ]
    return Section(
        "again",
        "Classified again",
        "The same images held out, at the size that the network takes: a classifier is asked about each view of them. "
        "What falls from clean to restored is lost in the pictures; what falls at the other scale is no loss of "
        "the pictures at all, but of how they are handed over.",
        plots=[_matrices(number, one) for number, one in enumerate(found)],
        tables=tables,
    )


def _named(asked: Asked) -> str:
    return SHOWN["median"] if asked == "median" else asked


def _matrices(number: int, found: ClassifiedAgain) -> Plot:
    few = len(found.categories) <= FEW_CLASSES
    names = [short(name, 14) for name in found.categories] if len(found.categories) <= _MOST_WRITTEN else []

    def paint(figure: Figure) -> None:
        for axes, view in zip(figure.subplots(2, 2).flat, (found.of(one) for one in _DRAWN), strict=True):
            counts = np.array(view.confusion)
            draw_counts(axes, counts, names, 8 if few else 5, written=few)
            axes.set_title(f"{_named(view.asked)}: {view.accuracy:.1%} right", fontsize=10, loc="left")

    return draw(
        f"again_{number}",
        f"Confusion of {found.title}: clean, noisy, filtered, restored",
        "Rows are true categories. Alarming: a column that fills up in the restored pictures: to the classifier they "
        "have come to look all the same.",
        8.5,
        paint,
    )


def history_section(epochs: Sequence[tuple[float, float]]) -> Section:
    """How training went.

    Args:
        epochs: Mean squared error of each, on the training images and on those that the best one is chosen by.
    """
    numbers = np.arange(1, len(epochs) + 1)
    decibels = -10 * np.log10(np.maximum(np.array(epochs), 1e-10))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(numbers, decibels[:, 0], color=SECOND, label="training")
        axes.plot(numbers, decibels[:, 1], color=MAIN, label="validation")
        axes.set(xlabel="epoch", ylabel="PSNR of the mean error, dB")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
        axes.legend()

    plot = draw(
        "history",
        "How training went",
        "Alarming: validation that falls while training rises: it learns the images by heart; take fewer epochs.",
        3.6,
        paint,
    )
    return Section(
        "training",
        "Training",
        f"{len(epochs)} epochs: passes over the training images, with other noise in every one.",
        [plot],
        (
            ("epoch", "training, mean squared error", "validation, mean squared error"),
            [(number, f"{one:.6f}", f"{other:.6f}") for number, (one, other) in enumerate(epochs, 1)],
        ),
    )
