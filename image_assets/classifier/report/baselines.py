"""What a model is held against: a model of colours alone, and itself trained on labels that mean nothing.

Both are measured when a model is trained and kept beside its report; the checks compare.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image
from pydantic import Field
from scipy import stats
from threadpoolctl import threadpool_limits

from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.training.families import fit, logistic_regression
from image_assets.features.colour_statistics import colour_statistics
from image_assets.settings.classifier import Baselines
from image_assets.settings.section import Frozen

_CHANCE = 0.9999
_DRAWS = 10_000
_DAYS = 30
_REGULARISATION = 0.001

ThumbnailReader = Callable[[set[str]], Mapping[str, bytes]]
"""From image ids to their JPEG thumbnails."""


class Colours(Frozen):
    """A logistic regression of 18 colour statistics of the thumbnails, beside the model, on the same images."""

    trained: int = Field(description="Images that the model of colours was trained on.")
    images: int = Field(description="Images held out that both were judged by.")
    right: int = Field(description="Of these, right by colours.")
    model_right: int = Field(description="Of these, right by the model.")


class Shuffled(Frozen):
    """The model's kind, trained and judged on labels that were shuffled among pictures."""

    trained: int = Field(description="Images that it was trained on.")
    images: int = Field(description="Images held out that it was judged by.")
    accuracy: float = Field(description="Of these, the share that it got right.")
    chance: float = Field(description="What chance alone exceeds once in 10,000.")


class MeasuredBaselines(Frozen):
    """What was measured beside a model; where something was not, why."""

    sha256: str = Field(description="Of the model file.")
    colours: Colours | None = None
    without_colours: str = ""
    shuffled: Shuffled | None = None
    without_shuffled: str = ""


def measure_baselines(
    subject: ReportSubject, thumbnails: ThumbnailReader, sha256: str, spec: Baselines, *, of_colours: bool
) -> MeasuredBaselines:
    """Measure what the checks compare a model with.

    Args:
        subject: Model and images.
        thumbnails: Asked for those of samples.
        sha256: Of the model file.
        spec: Samples and seed.
        of_colours: Whether the model's own features are colour statistics: to compare it with these says nothing.
    """

    def sides(among: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        training = subject.sample(held_out=False, most=spec.max_rows, seed=spec.seed, among=among)
        return training, subject.sample(held_out=True, most=spec.max_rows, seed=spec.seed, among=among)

    colours = None if of_colours else colour_baseline(subject, *sides(_some_days(subject, spec.seed)), thumbnails)
    shuffled = label_shuffle(subject, *sides(None), spec.seed)
    return MeasuredBaselines(
        sha256=sha256,
        colours=colours,
        without_colours=""
        if colours
        else "the model's own features are colour statistics"
        if of_colours
        else "too few images with thumbnails on one side of the split",
        shuffled=shuffled,
        without_shuffled="" if shuffled else "too few images on one side of the split",
    )


def _some_days(subject: ReportSubject, seed: int) -> np.ndarray:
    """bool [N], the images of at most 30 days: of those days, the thumbnails are read from the store."""
    days = subject.images["date"].unique().sort()
    if len(days) <= _DAYS:
        return np.ones(len(subject.labels), bool)
    chosen = days.gather(np.random.default_rng(seed).permutation(len(days))[:_DAYS])
    return subject.images["date"].is_in(chosen.implode()).to_numpy()


def colour_baseline(
    subject: ReportSubject, training: np.ndarray, judged: np.ndarray, thumbnails: ThumbnailReader
) -> Colours | None:
    """Train on the colours of the one side, judge by those of the other.

    Args:
        subject: Model and images.
        training, judged: Rows of either side.
        thumbnails: Asked for those of these rows.

    Returns:
        None where fewer than two classes have thumbnails to train on, or nothing has to judge by.
    """
    ids = subject.images["image_id"]
    found = thumbnails(set(ids.gather(np.concatenate([training, judged]))))
    training, judged = (rows[ids.gather(rows).is_in(list(found)).to_numpy()] for rows in (training, judged))
    if len(judged) == 0 or len(np.unique(subject.labels[training])) < 2:
        return None
    features = [_colours([found[image] for image in ids.gather(rows)]) for rows in (training, judged)]
    candidate = logistic_regression(_REGULARISATION)
    with threadpool_limits(limits=1):
        model = fit(candidate, 0, features[0], subject.labels[training])
        answers = model.predict(features[1])
    # The model's own answers to all images held out are known by now.
    own = subject.predicted[np.searchsorted(subject.held_out, judged)]
    truth = subject.labels[judged]
    return Colours(
        trained=len(training),
        images=len(judged),
        right=int(np.sum(answers == truth)),
        model_right=int(np.sum(own == truth)),
    )


def _colours(jpegs: Sequence[bytes]) -> np.ndarray:
    """float32 [N, 18]."""
    return np.stack([colour_statistics(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))) for jpeg in jpegs])


def label_shuffle(subject: ReportSubject, training: np.ndarray, judged: np.ndarray, seed: int) -> Shuffled | None:
    """Shuffle the labels among pictures, train on one side, judge by the other: nothing but chance may come out.

    Lookalikes get one label, so that whatever lets a model see what it is judged by shows: rows on both sides, and
    groups that are torn. Images whose answers chance decides on are counted by groups.

    Args:
        subject: Images, and the kind of model.
        training, judged: Rows of either side, as the model was trained and judged.
        seed: Of the shuffling.

    Returns:
        None where fewer than two classes are on the side of training, or nothing is held out.
    """
    rows = np.concatenate([training, judged])
    groups, first, places = np.unique(
        subject.images["group"].gather(rows).to_numpy(), return_index=True, return_inverse=True
    )
    lots = np.random.default_rng(seed).permutation(len(groups))
    labels = subject.labels[rows][first][lots][places]
    learnt, asked = labels[: len(training)], labels[len(training) :]
    if len(asked) == 0 or len(np.unique(learnt)) < 2:
        return None
    with threadpool_limits(limits=1):
        model = subject.learn(subject.features[training], learnt)
        accuracy = float(np.mean(model.predict(subject.features[judged]) == asked))
    pictures = len(np.unique(places[len(training) :]))
    # Answers that know nothing are right at most as often as the most frequent label is.
    most = float(np.unique(asked, return_counts=True)[1].max() / len(asked))
    return Shuffled(
        trained=len(training),
        images=len(judged),
        accuracy=accuracy,
        chance=float(stats.binom.ppf(_CHANCE, pictures, most) / pictures),
    )


def calibration_chance(certainties: Sequence[float], images: Sequence[int]) -> float:
    """The calibration error that a model whose probabilities are right exceeds once in 10,000, with so few images.

    Args:
        certainties: Mean probability of the answers of every bin.
        images: Images of every bin.
    """
    if not images:
        return 0.0
    expected, of = np.array(certainties), np.array(images)
    right = np.random.default_rng(0).binomial(of, np.clip(expected, 0, 1), (_DRAWS, len(of))) / of
    errors = (np.abs(right - expected) * of).sum(axis=1) / of.sum()
    return float(np.quantile(errors, _CHANCE))


def fewer_errors(right: int | float, other_right: int | float, of: int | float) -> float:
    """The share of another's errors that are avoided: 1 all, 0 none, negative where there are more of them.

    Args:
        right: Right answers, as a count or a share.
        other_right: Those of the other. Where it makes no error, none is more than that: 1, and minus infinity of any.
        of: All answers.
    """
    other = of - other_right
    if other <= 0:
        return 1.0 if right >= of else float("-inf")
    # As people write it: of 0.09 and 0.1 a tenth is avoided, whatever the last bits say.
    return round(1 - (of - right) / other, 9)
