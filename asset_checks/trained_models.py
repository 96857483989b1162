"""The frame of checks of models that tell the categories apart: what holds of every one, whichever asset trained it.

With too few images there rightly is no model: then these checks are not evaluated and say why there is none. Where one
should be there and is not, they fail.
"""

import numpy as np
import polars as pl

from image_assets.asset_checks.check import Outcome, Subject
from image_assets.categories.record import in_use
from image_assets.classifier.places import models_prefix
from image_assets.classifier.training.images import lookalike_names, set_aside, undisputed, with_source_sets
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.model_assets import ModelAsset
from image_assets.networks.errors import NetworksMissingError
from image_assets.networks.validation import validation_side, why_no_validation
from image_assets.predictions.asked import digest_of_given
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

# A model that is right by chance once in twenty times is not told from one that is.
_SIGNIFICANT = 0.05


def is_sound(subject: Subject, asset: ModelAsset) -> Outcome:
    """Load the champion of an asset as a reader would."""
    dataset = subject.dataset
    given = digest_of_given(dataset, asset, subject.extractor)
    try:
        _, manifest = load_model(subject.store.objects(), models_prefix(dataset, asset), given)
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, asset, error)
    except NetworksMissingError as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice=f"Nobody can ask it here: {error}")
    return Outcome(
        passed=manifest.classes == dataset.categories,
        figures={"model": manifest.file, "sha256": manifest.sha256, "classes": str(manifest.classes)},
        advice=f"The dataset's categories are {dataset.categories} by now. {_again(asset)}",
    )


def compared_before_promotion(subject: Subject, asset: ModelAsset, back: str) -> Outcome:
    """What was decided when the current champion of an asset was promoted.

    Args:
        subject: As of a check.
        asset: That trains the models.
        back: The command that goes back to the one before.
    """
    objects, prefix = subject.store.objects(), models_prefix(subject.dataset, asset)
    try:
        champion = read_champion(objects, prefix)
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, asset, error)
    decided = [one for one in read_history(objects, prefix) if one.challenger == champion.sha256 and one.promoted]
    said = decided[-1].explanation if decided else champion.reason
    return Outcome(
        passed=champion.reason != "not comparable",
        figures={"model": champion.sha256[:12], "since": str(champion.since), "decided": said},
        advice="Nobody knows whether it is better than the one before: look at its figures, and if they are worse go "
        f"back with `{back}`.",
    )


def newest_trained_on_the_training_images(subject: Subject, asset: ModelAsset) -> Outcome:
    """The digest of the training ids against the tables as they are: of the model trained last, promoted or not."""
    manifest = manifest_in_use(subject, asset, newest=True)
    if isinstance(manifest, Outcome):
        return manifest
    rows, aside = split_of(subject)
    ids = rows["image_id"]
    training = ids.filter(~pl.Series(aside))
    return Outcome(
        passed=manifest.training_ids_sha256 == ids_digest(training),
        figures={"images": len(ids), "of these for training": len(training), "held out share": manifest.held_out},
        advice=f"Features were added, replaced or removed since, or the split was changed. {_again(asset)}",
    )


def better_than_the_majority(subject: Subject, asset: ModelAsset, advice: str) -> Outcome:
    """Accuracy of the champion on held-out images against the share of the largest class."""
    figures = beside_the_majority(subject, asset)
    if isinstance(figures, Outcome):
        return figures
    accuracy, majority = figures
    return Outcome(passed=accuracy > majority, figures={"accuracy": accuracy, "majority": majority}, advice=advice)


def beside_the_majority(subject: Subject, asset: ModelAsset = "classifier") -> tuple[float, float] | Outcome:
    """The champion's accuracy on held-out images, and that of always answering the most frequent category."""
    manifest = manifest_in_use(subject, asset)
    if isinstance(manifest, Outcome):
        return manifest
    accuracy, majority = (figure_of(manifest, name) for name in ("accuracy", "majority_accuracy"))
    if few := too_few_held_out(manifest):
        return Outcome(passed=True, figures={"accuracy": accuracy, "majority": majority}, not_evaluated=few)
    return accuracy, majority


def manifest_in_use(
    subject: Subject, asset: ModelAsset = "classifier", *, newest: bool = False
) -> ModelManifest | Outcome:
    """The manifest of the champion, or of the model that was trained last; what a check says where there is none."""
    objects, prefix = subject.store.objects(), models_prefix(subject.dataset, asset)
    try:
        return (latest_manifest if newest else champion_manifest)(objects, prefix)
    except (ModelMissingError, ModelRefusedError) as error:
        return _without_model(subject, asset, error)


def split_of(subject: Subject) -> tuple[pl.DataFrame, np.ndarray]:
    """Id and label of every image that may be learnt from, and whether it is held out."""
    decisions = decisions_of(subject.dataset, subject.store)
    features = decisions.applied(in_use(subject.rows(IMAGE_FEATURES), subject.dataset))
    conflicts = in_doubt(subject.rows(LABEL_CONFLICTS), decisions)
    rows = undisputed(features.select("image_id", "label", "date", "category"), conflicts).collect()
    rows = with_source_sets(rows, subject.rows(RAW_IMAGES), subject.dataset.classifier)
    groups = subject.rows(DUPLICATE_GROUPS)
    return rows, set_aside(rows["image_id"], rows.lazy(), groups, subject.dataset.classifier)


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


def _again(asset: ModelAsset) -> str:
    return f"Materialise {asset} again."


def _without_model(subject: Subject, asset: ModelAsset, error: ModelMissingError | ModelRefusedError) -> Outcome:
    images, why = subject.shared(f"why no {asset}", lambda: _rightly_none(subject, asset))
    if why and isinstance(error, ModelMissingError):
        return Outcome(passed=True, figures={"images": images}, not_evaluated=f"there is no model: {why}")
    advice = _again(asset)
    if isinstance(error, ModelMissingError):
        advice = f"There are enough images, and none was kept: the log of {asset} says why. {advice}"
    return Outcome(passed=False, figures={"images": images, "problem": str(error)}, advice=advice)


def _rightly_none(subject: Subject, asset: ModelAsset) -> tuple[int, str]:
    """How many images may be learnt from, and why that is too few for a model; empty where it is not."""
    # Loads scikit-learn, which takes seconds and which checks of other assets need not wait for.
    from image_assets.classifier.training.train import NotTrainableError, check_trainable

    rows, aside = split_of(subject)
    pictures = lookalike_names(rows["image_id"], subject.rows(DUPLICATE_GROUPS))
    try:
        check_trainable(rows["label"].to_numpy(), aside, subject.dataset.categories, pictures.n_unique())
    except NotTrainableError as reason:
        return rows.height, str(reason)
    network = subject.dataset.networks.cnn_classifier
    if asset == "cnn_classifier" and network:
        training = rows.with_columns(group=pictures).filter(~pl.Series(aside))
        validates = validation_side(
            training["group"], training["label"].to_numpy(), network.validation, steady=network.warm_start
        )
        return rows.height, why_no_validation(validates)
    return rows.height, ""
