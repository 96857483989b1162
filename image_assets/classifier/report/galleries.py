"""Which held-out images a person is to see: the most certain errors, the least certain answers, and right ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.classifier.report.importance import Importance, activation
from image_assets.classifier.report.subject import ReportSubject
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.thumbnails import thumbnails_of

_STRONGEST = 6
_GROUPS_SHOWN = 5
# Of more right images of a category, the first by id, which are as good as drawn by lot.
_COMPARED = 2_000


@dataclass(frozen=True)
class Shown:
    """An image that was held out, and what the model makes of it.

    Attributes:
        image_id, date, category: Which one, and what it is.
        answer: The category that the model answers.
        certainty: Its probability.
        second: The next category.
        runner_up: Its probability; 0 where there is no other.
        like: Id of the image that it was probably taken for: of the right ones of the category that the model
            answers, the most alike; empty where there is none.
    """

    image_id: str
    date: str
    category: str
    answer: str
    certainty: float
    second: str
    runner_up: float
    like: str = ""


@dataclass(frozen=True)
class Galleries:
    """What is shown: errors (the most certain first), doubts (the least certain first), and right answers.

    Then the least familiar images, with how familiar they look, in [0, 1]; none where the model cannot say.
    """

    errors: tuple[Shown, ...]
    doubts: tuple[Shown, ...]
    right: tuple[Shown, ...]
    strange: tuple[tuple[Shown, float], ...] = ()


def galleries(subject: ReportSubject, most: int) -> Galleries:
    """Choose the images.

    Args:
        subject: Model and images.
        most: Images of each gallery.
    """
    certainty = subject.probabilities.max(axis=1)
    right = subject.predicted == subject.truth
    # Of equals the one that comes first by its id, which is the order of the rows.
    down, up = np.argsort(-certainty, kind="stable"), np.argsort(_margin(subject.probabilities), kind="stable")
    wrong = down[~right[down]][:most]
    by_class = [down[right[down] & (subject.truth[down] == label)] for label in np.unique(subject.truth)]
    # The first of every category, then the second of every one …
    turns = [rows[turn] for turn in range(most) for rows in by_class if turn < len(rows)]
    return Galleries(
        tuple(_shown(subject, row, _like(subject, row, right)) for row in wrong),
        tuple(_shown(subject, row) for row in up[:most]),
        tuple(_shown(subject, row) for row in turns[: max(most // 2, 1)]),
        _strange(subject, most),
    )


def _strange(subject: ReportSubject, most: int) -> tuple[tuple[Shown, float], ...]:
    answers = subject.probabilities.argmax(axis=1)
    familiarity = subject.model.familiarity(subject.features[subject.held_out], answers)
    if familiarity is None:
        return ()
    first = np.argsort(familiarity, kind="stable")[:most]
    return tuple((_shown(subject, row), float(familiarity[row])) for row in first)


def _margin(probabilities: np.ndarray) -> np.ndarray:
    ordered = np.sort(probabilities, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _shown(subject: ReportSubject, row: int, like: str = "") -> Shown:
    first, second = np.argsort(-subject.probabilities[row], kind="stable")[:2]
    image = subject.images.row(int(subject.held_out[row]), named=True)
    labels = subject.model.classes
    return Shown(
        image["image_id"],
        str(image["date"]),
        subject.names[int(subject.truth[row])],
        subject.names[int(labels[first])],
        float(subject.probabilities[row, first]),
        subject.names[int(labels[second])],
        float(subject.probabilities[row, second]),
        like,
    )


def _like(subject: ReportSubject, row: int, right: np.ndarray) -> str:
    others = subject.held_out[right & (subject.truth == subject.predicted[row])][:_COMPARED]
    if len(others) == 0:
        return ""
    # As they lie beside what the model has learnt: else a few large features would decide.
    own = subject.model.standardised(subject.features[subject.held_out[[row]]])[0]
    vectors = subject.model.standardised(subject.features[others])
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(own)
    cosines = vectors @ own / np.where(lengths > 0, lengths, 1)
    return str(subject.images["image_id"][int(others[cosines.argmax()])])


def strongest_images(subject: ReportSubject, importances: list[Importance], rows: np.ndarray) -> list[list[str]]:
    """Ids of the images that have the most of what the most important groups of features have in common.

    Args:
        subject: Model and images.
        importances: Groups, the most important first.
        rows: Images to choose from.
    """
    features, ids = subject.features[rows], subject.images["image_id"]
    found = []
    for one in importances[:_GROUPS_SHOWN]:
        strength = activation(features, one.group)
        found.append([str(ids[int(row)]) for row in rows[np.argsort(-strength, kind="stable")[:_STRONGEST]]])
    return found


def thumbnails(store: Store, dataset: str, images: pl.DataFrame, wanted: set[str]) -> dict[str, bytes]:
    """The JPEG thumbnails of images; only their partitions are read.

    Args:
        store: Where the tables are.
        dataset: Its name.
        images: `image_id`, `date` and `category` of all images.
        wanted: Ids.
    """
    those = images.filter(pl.col("image_id").is_in(list(wanted))).select("image_id", "date", "category")
    places = {image: Partition(day, category) for image, day, category in those.iter_rows()}
    return thumbnails_of(store.table(dataset, RAW_IMAGES), places)
