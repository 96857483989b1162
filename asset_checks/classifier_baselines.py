"""What a classifier must be better than, and what must not be possible at all.

What takes time was measured when the model was trained and lies beside its report
(`image_assets.classifier.report.baselines`); here it is only compared with the limits of `classifier.baselines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.asset_checks.trained_models import beside_the_majority, figure_of, manifest_in_use
from image_assets.classifier.report.places import ReportMissingError, baselines_name, read_report
from image_assets.store.models.model_store import ModelManifest

if TYPE_CHECKING:
    from image_assets.classifier.report.baselines import MeasuredBaselines

_AGAIN = "Materialise classifier again."
# Of fewer, one image more or less would decide.
_LEAST_IMAGES = 50


@check(
    "On held-out images the model avoids a good part of the errors of always answering the most frequent category: "
    "`classifier.baselines.over_majority`.",
    not_blocking_because="Nothing is made of the classifier in its run; a new model replaces only one that is worse.",
    key="classifier.baselines.over_majority",
)
def beats_the_majority_by_a_margin(subject: Subject) -> Outcome:
    """Share of the errors that is avoided."""
    from image_assets.classifier.report.baselines import fewer_errors

    figures = beside_the_majority(subject)
    if isinstance(figures, Outcome):
        return figures
    accuracy, majority = figures
    avoided = fewer_errors(accuracy, majority, 1.0)
    limit = subject.dataset.classifier.baselines.over_majority
    return Outcome(
        passed=avoided >= limit,
        figures={"accuracy": accuracy, "majority": majority, "errors avoided": round(avoided, 4), "limit": limit},
        advice="The features hardly tell these categories apart: look at the report's errors and at the labels first, "
        "then at the extractor.",
    )


@check(
    "On the same held-out images the model avoids a good part of the errors of a model of colours alone: "
    "`classifier.baselines.over_colours`.",
    severity=WARN,
    key="classifier.baselines.over_colours",
)
def beats_the_colours_by_a_margin(subject: Subject) -> Outcome:
    """Share of the errors of a logistic regression of colour statistics that is avoided."""
    from image_assets.classifier.report.baselines import fewer_errors

    measured = _measured(subject)
    if isinstance(measured, Outcome):
        return measured
    found, limit = measured.colours, subject.dataset.classifier.baselines.over_colours
    if found is None:
        return Outcome(passed=True, not_evaluated=measured.without_colours)
    if found.images < _LEAST_IMAGES:
        few = f"only {found.images} images were held out; {_LEAST_IMAGES} are needed to tell the two apart"
        return Outcome(passed=True, figures={"images": found.images}, not_evaluated=few)
    avoided = fewer_errors(found.model_right, found.right, found.images)
    return Outcome(
        passed=avoided >= limit,
        figures={
            "accuracy": found.model_right / found.images,
            "accuracy of colours": found.right / found.images,
            "images": found.images,
            "errors avoided": round(avoided, 4),
            "limit": limit,
        },
        advice="Colours alone do nearly as well: the categories may differ in how their pictures were taken and not in "
        "what they show. Look at the pictures; with such data the extractor colour_statistics is as good and faster.",
    )


@check(
    "Its probabilities can be believed: the calibration error is below `classifier.baselines.calibration_error`, or no "
    "larger than chance gives with so few images.",
    severity=WARN,
    key="classifier.baselines.calibration_error",
)
def probabilities_are_calibrated(subject: Subject) -> Outcome:
    """Expected calibration error against the limit, and against what probabilities that are right give by chance."""
    from image_assets.classifier.report.baselines import calibration_chance

    manifest = manifest_in_use(subject)
    if isinstance(manifest, Outcome):
        return manifest
    error, limit = figure_of(manifest, "calibration_error"), subject.dataset.classifier.baselines.calibration_error
    bins = _bins(manifest)
    chance = calibration_chance([certainty for certainty, _ in bins], [images for _, images in bins])
    return Outcome(
        passed=error <= max(limit, chance),
        figures={"calibration error": error, "limit": limit, "by chance below": round(chance, 4)},
        advice="The model is surer, or less sure, than it may be: the report's section on probabilities says whether a "
        "correction helps. Thresholds on probabilities mean something else than they say.",
    )


@check(
    "Trained on shuffled labels, the model's kind falls to chance on held-out images: nothing leaks.",
    not_blocking_because="Nothing is made of the classifier in its run, and the champion is chosen before.",
)
def shuffled_labels_fall_to_chance(subject: Subject) -> Outcome:
    """Accuracy on shuffled labels against what chance alone exceeds once in 10,000."""
    measured = _measured(subject)
    if isinstance(measured, Outcome):
        return measured
    found = measured.shuffled
    if found is None:
        return Outcome(passed=True, not_evaluated=measured.without_shuffled)
    return Outcome(
        passed=found.accuracy <= found.chance,
        figures={
            "accuracy on shuffled labels": found.accuracy,
            "by chance below": found.chance,
            "images": found.images,
            "trained on": found.trained,
        },
        advice="Labels that mean nothing were predicted: images that the model is judged by, or doubles of them, are "
        "among those it is trained on. Its figures cannot be believed. Look at near_duplicates and at the split.",
    )


def _measured(subject: Subject) -> MeasuredBaselines | Outcome:
    """What was measured beside the current model; an outcome where there is none."""
    from pydantic import ValidationError

    from image_assets.classifier.report.baselines import MeasuredBaselines

    manifest = manifest_in_use(subject)
    if isinstance(manifest, Outcome):
        return manifest
    name = baselines_name(manifest.sha256)
    try:
        content = read_report(subject.store.objects(), subject.dataset.name, name)
        measured = MeasuredBaselines.model_validate_json(content)
    except ReportMissingError as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice=_AGAIN)
    except ValidationError as error:
        found = f"{name} is not what a training leaves: {error.error_count()} errors"
        return Outcome(passed=False, figures={"problem": found}, advice=_AGAIN)
    if measured.sha256 != manifest.sha256:
        return Outcome(passed=False, figures={"problem": f"{name} is of model {measured.sha256}"}, advice=_AGAIN)
    return measured


def _bins(manifest: ModelManifest) -> list[tuple[float, int]]:
    """Certainty and images of every bin of the manifest's reliability; none where it has none."""
    bins = manifest.metrics.get("reliability")
    if not isinstance(bins, list):
        return []
    return [(float(one["certainty"]), int(one["images"])) for one in bins if isinstance(one, dict)]  # pyright: ignore
