"""Whether a classifier still knows pictures that were restored, and what it makes of them at another scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from image_assets.features.extractor import Extractor
from image_assets.networks.denoising.judging import Denoiser, Pictures
from image_assets.networks.pixels import PixelForm, as_floats
from image_assets.settings.section import Frozen
from image_assets.store.models.model import Model
from image_assets.store.models.network_model import NetworkModel

Asked = Literal["clean", "noisy", "median", "restored", "clean at the other scale", "restored at the other scale"]
"""What a classifier is asked about: views of a picture, and two of them with its numbers scaled otherwise."""
ASKED: tuple[Asked, ...] = get_args(Asked)


class Answering(Protocol):
    """A classifier of pictures."""

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """int [K], the labels that it tells apart."""
        ...

    @property
    def other_scale(self) -> str:
        """What its pictures at the other scale are, in words."""
        ...

    def answers(self, pixels: np.ndarray, *, other_scale: bool = False) -> np.ndarray:
        """The label of each picture.

        Args:
            pixels: float32 [N, height, width, 1 or 3] in [0, 1].
            other_scale: Whether it is given them as somebody would who took one scale for the other.

        Returns:
            int [N].
        """
        ...


@dataclass(frozen=True)
class ByFeatures:
    """The classifier of features, which sees pictures through the extractor."""

    extractor: Extractor
    model: Model
    title: str = "the classifier of features"
    other_scale: str = "0 … 1 written to bytes as they are, which makes a picture black"

    @property
    def labels(self) -> np.ndarray:
        """See `Answering`."""
        return self.model.classes

    def answers(self, pixels: np.ndarray, *, other_scale: bool = False) -> np.ndarray:
        """See `Answering`."""
        levels = _levels(pixels / 255 if other_scale else pixels)
        prepared = np.stack([self.extractor.prepare(one) for one in levels])
        return self.model.predict(self.extractor.infer(prepared))


@dataclass(frozen=True)
class ByPixels:
    """A network that sees the pixels themselves, at its own size."""

    model: NetworkModel
    title: str = "the network"
    other_scale: str = "0 … 255 where it learnt 0 … 1"

    @property
    def labels(self) -> np.ndarray:
        """See `Answering`."""
        return self.model.classes

    def answers(self, pixels: np.ndarray, *, other_scale: bool = False) -> np.ndarray:
        """See `Answering`."""
        form = PixelForm(self.model.about.size, self.model.about.colour)
        prepared = np.stack([form.prepare(one) for one in _levels(pixels)])
        return self.model.predict(as_floats(prepared) * np.float32(255 if other_scale else 1))


def _levels(pixels: np.ndarray) -> np.ndarray:
    """Pictures as files hold them: float [N, height, width, 1 or 3] as uint8 [N, height, width, 3]."""
    levels = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    return levels if levels.shape[-1] == 3 else levels.repeat(3, axis=-1)


class Again(Frozen):
    """What a classifier answers of one view of the pictures.

    Attributes:
        asked: Which view.
        confusion: K × K counts: the row is the true category, in the order of the labels.
        survived: Of the images that it says rightly when they are clean, the share that it still says rightly.
    """

    asked: Asked
    confusion: tuple[tuple[int, ...], ...]
    survived: float

    @property
    def accuracy(self) -> float:
        """Share of the images that it says rightly."""
        counts = np.array(self.confusion)
        return float(counts.trace() / max(counts.sum(), 1))


class ClassifiedAgain(Frozen):
    """What a classifier makes of clean, noisy, filtered and restored pictures.

    Attributes:
        title: Of the classifier.
        other_scale: What its pictures at the other scale are.
        categories: Those of the rows and columns.
        views: One for each of `ASKED`.
    """

    title: str
    other_scale: str
    categories: tuple[str, ...]
    views: tuple[Again, ...]

    def of(self, asked: Asked) -> Again:
        """What it makes of one view."""
        return next(one for one in self.views if one.asked == asked)


def classified_again(
    classifier: Answering, denoiser: Denoiser, batches: Iterable[Pictures], names: dict[int, str]
) -> ClassifiedAgain | None:
    """Ask a classifier about every view of pictures; None where there is no picture that it could know.

    Args:
        classifier: Which.
        denoiser: Makes the views.
        batches: Held-out pictures.
        names: Label → category.
    """
    truths, answered = [], []
    for pictures in batches:
        truths.append(pictures.labels)
        answered.append(_asked(classifier, denoiser, pictures))
    if not truths:
        return None
    truth, answers = np.concatenate(truths), {one: np.concatenate([each[one] for each in answered]) for one in ASKED}
    labels = sorted({*truth.tolist(), *classifier.labels.tolist()})
    right_when_clean = answers["clean"] == truth
    views = tuple(
        Again(
            asked=one,
            confusion=_counts(truth, answers[one], labels),
            survived=float((answers[one] == truth)[right_when_clean].mean()) if right_when_clean.any() else 0.0,
        )
        for one in ASKED
    )
    categories = tuple(names[label] for label in labels)
    return ClassifiedAgain(
        title=classifier.title, other_scale=classifier.other_scale, categories=categories, views=views
    )


def _asked(classifier: Answering, denoiser: Denoiser, pictures: Pictures) -> dict[Asked, np.ndarray]:
    views = denoiser.views(pictures)
    answers: dict[Asked, np.ndarray] = {view: classifier.answers(pixels) for view, pixels in views.items()}
    answers["clean at the other scale"] = classifier.answers(views["clean"], other_scale=True)
    answers["restored at the other scale"] = classifier.answers(views["restored"], other_scale=True)
    return answers


def _counts(truth: np.ndarray, answers: np.ndarray, labels: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (np.searchsorted(labels, truth), np.searchsorted(labels, answers)), 1)
    return tuple(tuple(row) for row in counts.tolist())


def explanation(found: ClassifiedAgain) -> str:
    """In words what a classifier loses to noise, to the restoration, and to the scale alone."""
    clean, noisy, median, restored, scaled, _ = (found.of(one) for one in ASKED)
    counts = np.array(clean.confusion).sum(axis=1)
    guess = counts.max() / max(counts.sum(), 1)
    said = (
        f"Of the pictures that {found.title} says rightly when they are clean, {noisy.survived:.0%} are still right "
        f"with noise, {median.survived:.0%} behind a median filter and {restored.survived:.0%} restored: only the "
        f"pictures changed. Asked about the clean ones at the other scale ({found.other_scale}), {scaled.survived:.0%} "
        f"are right: only the scale changed. Always answering the most frequent category is right for {guess:.0%}."
    )
    if scaled.accuracy == restored.accuracy:
        return f"{said} The restoration does as much harm here as the wrong scale."
    worse, better = (
        ("wrong scale", "restoration") if scaled.accuracy < restored.accuracy else ("restoration", "wrong scale")
    )
    return f"{said} The {worse} does more harm here than the {better}."
