"""What must hold of the classifier: it is what its manifest says, and better than not looking at the image.

With too few images there rightly is no model: then these checks are not evaluated and say why there is none.
"""

import numpy as np
import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.categories.record import in_use
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.training.images import lookalike_names, set_aside, undisputed, with_source_sets
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.store.models.model_history import read_history
from image_assets.store.models.model_store import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    champion_manifest,
    ids_digest,
    latest_manifest,
    load_model,
    read_champion,
)

_AGAIN = "Materialise classifier again."


# A model that is right by chance once in twenty times is not told from one that is.
_SIGNIFICANT = 0.05


@check(
    "The model can be loaded, its file is the one that its manifest describes, and it was trained for the dataset's "
    "present categories and extractor.",
)
def model_is_sound(subject: Subject) -> Outcome:
    """Load the model as a reader would."""
    dataset = subject.dataset
    try:
        _, manifest = load_model(subject.store.objects(), classifier_prefix(dataset), subject.extractor.digest)
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, error)
    return Outcome(
        passed=manifest.classes == dataset.categories,
        figures={"model": manifest.file, "sha256": manifest.sha256, "classes": str(manifest.classes)},
        advice=f"The dataset's categories are {dataset.categories} by now. {_AGAIN}",
    )


@check("The current model was compared with the one before it took its place, or is the first there is.", severity=WARN)
def compared_before_it_was_promoted(subject: Subject) -> Outcome:
    """What was decided when the current champion was promoted."""
    try:
        champion = read_champion(subject.store.objects(), classifier_prefix(subject.dataset))
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, error)
    history = read_history(subject.store.objects(), classifier_prefix(subject.dataset))
    decided = [one for one in history if one.challenger == champion.sha256 and one.promoted]
    said = decided[-1].explanation if decided else champion.reason
    return Outcome(
        passed=champion.reason != "not comparable",
        figures={"model": champion.sha256[:12], "since": str(champion.since), "decided": said},
        advice="Nobody knows whether it is better than the one before: look at its figures, and if they are worse go "
        "back with `image-assets models rollback`.",
    )


@check(
    "The newest model was trained on just the images that are not held out: none it is evaluated on, none missing.",
    not_blocking_because="Nothing is made of the classifier in its run, and the champion is chosen before.",
)
def trained_on_the_training_images(subject: Subject) -> Outcome:
    """The digest of the training ids against the tables as they are: of the model trained last, promoted or not."""
    manifest = manifest_in_use(subject, newest=True)
    if isinstance(manifest, Outcome):
        return manifest
    rows, aside = split_of(subject)
    ids = rows["image_id"]
    training = ids.filter(~pl.Series(aside))
    return Outcome(
        passed=manifest.training_ids_sha256 == ids_digest(training),
        figures={"images": len(ids), "of these for training": len(training), "held out share": manifest.held_out},
        advice=f"Features were added, replaced or removed since, or the split was changed. {_AGAIN}",
    )


@check(
    "On held-out images the model is better than always answering the most frequent category.",
    not_blocking_because="Nothing is made of the classifier in its run; a new model replaces only one that is worse.",
)
def better_than_the_majority(subject: Subject) -> Outcome:
    """Accuracy against the share of the largest class."""
    figures = beside_the_majority(subject)
    if isinstance(figures, Outcome):
        return figures
    accuracy, majority = figures
    return Outcome(
        passed=accuracy > majority,
        figures={"accuracy": accuracy, "majority": majority},
        advice="The features do not tell these categories apart: look at the labels first, then at the extractor.",
    )


@check("No category is much larger than another.", severity=WARN, key="limits.imbalance")
def categories_are_balanced(subject: Subject) -> Outcome:
    """Largest ÷ smallest category against `limits.imbalance`."""
    counts = subject.rows(RAW_IMAGES).group_by("category").agg(pl.len().alias("images")).collect()
    every = (
        pl.DataFrame({"category": list(subject.dataset.categories)})
        .join(counts, on="category", how="left")
        .with_columns(pl.col("images").fill_null(0))
        .sort("images", "category")
    )
    smallest, largest = every["images"][0], every["images"][-1]
    limit = subject.dataset.limits.imbalance
    return Outcome(
        passed=largest <= limit * smallest,
        figures={"smallest": smallest, "largest": largest, "limit": limit},
        sample=every,
        advice=f"Bring more images of {every['category'][0]!r}, or raise limits.imbalance if the world is like that.",
    )


def manifest_in_use(subject: Subject, *, newest: bool = False) -> ModelManifest | Outcome:
    """The manifest of the champion, or of the model that was trained last."""
    objects, prefix = subject.store.objects(), classifier_prefix(subject.dataset)
    try:
        return (latest_manifest if newest else champion_manifest)(objects, prefix)
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, error)


def _without_model(subject: Subject, error: ModelMissingError | ModelRefusedError) -> Outcome:
    # Loads scikit-learn, which takes seconds and which checks of other assets need not wait for.
    from image_assets.classifier.training.train import NotTrainableError, check_trainable

    rows, aside = split_of(subject)
    try:
        pictures = lookalike_names(rows["image_id"], subject.rows(DUPLICATE_GROUPS)).n_unique()
        check_trainable(rows["label"].to_numpy(), aside, subject.dataset.categories, pictures)
    except NotTrainableError as reason:
        if isinstance(error, ModelMissingError):
            return Outcome(passed=True, figures={"images": rows.height}, not_evaluated=f"there is no model: {reason}")
    return Outcome(passed=False, figures={"problem": str(error)}, advice=_AGAIN)


def split_of(subject: Subject) -> tuple[pl.DataFrame, np.ndarray]:
    """Id and label of every image that may be learnt from, and whether it is held out."""
    decisions = decisions_of(subject.dataset, subject.store)
    features = decisions.applied(in_use(subject.rows(IMAGE_FEATURES), subject.dataset))
    conflicts = in_doubt(subject.rows(LABEL_CONFLICTS), decisions)
    rows = undisputed(features.select("image_id", "label", "date", "category"), conflicts).collect()
    rows = with_source_sets(rows, subject.rows(RAW_IMAGES), subject.dataset.classifier)
    groups = subject.rows(DUPLICATE_GROUPS)
    return rows, set_aside(rows["image_id"], rows.lazy(), groups, subject.dataset.classifier)


def beside_the_majority(subject: Subject) -> tuple[float, float] | Outcome:
    """The champion's accuracy on held-out images, and that of always answering the most frequent category."""
    manifest = manifest_in_use(subject)
    if isinstance(manifest, Outcome):
        return manifest
    accuracy, majority = (figure_of(manifest, name) for name in ("accuracy", "majority_accuracy"))
    if few := too_few_held_out(manifest):
        return Outcome(passed=True, figures={"accuracy": accuracy, "majority": majority}, not_evaluated=few)
    return accuracy, majority


def too_few_held_out(manifest: ModelManifest) -> str:
    """Why a model cannot be told from the majority yet: even all right would be chance; empty where it can be."""
    held_out, majority = figure_of(manifest, "held_out"), figure_of(manifest, "majority_accuracy")
    if majority**held_out > _SIGNIFICANT:
        return f"{held_out:.0f} held-out images say nothing: always answering the most frequent category can be as good"
    return ""


def figure_of(manifest: ModelManifest, name: str) -> float:
    """A metric of the manifest; NaN, which compares as worse than anything, where there is none."""
    value = manifest.metrics.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")
