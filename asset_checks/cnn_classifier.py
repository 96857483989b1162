"""What must hold of the network that tells categories apart by pixels: it is what its manifest says, and has learnt.

With too few images there rightly is no network: then these checks are not evaluated and say why there is none.
"""

import polars as pl

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.asset_checks.classifier import figure_of, split_of, too_few_held_out
from image_assets.networks.errors import NetworksMissingError
from image_assets.networks.places import cnn_prefix
from image_assets.store.models.model_store import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    champion_manifest,
    ids_digest,
    latest_manifest,
    load_model,
)

_AGAIN = "Materialise cnn_classifier again."


@check(
    "The network can be loaded, its file is the one that its manifest describes, and it was trained for the dataset's "
    "present categories.",
)
def network_is_sound(subject: Subject) -> Outcome:
    """Load the network as a reader would."""
    dataset = subject.dataset
    try:
        _, manifest = load_model(subject.store.objects(), cnn_prefix(dataset))
    except ModelMissingError as error:
        return _without_network(error)
    except (ModelRefusedError, NetworksMissingError) as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice=_AGAIN)
    return Outcome(
        passed=manifest.classes == dataset.categories,
        figures={"model": manifest.file, "sha256": manifest.sha256, "classes": str(manifest.classes)},
        advice=f"The dataset's categories are {dataset.categories} by now. {_AGAIN}",
    )


@check(
    "The newest network was trained on just the images that are not held out: none it is evaluated on, none missing.",
    not_blocking_because="Nothing is made of the network in its run, and the champion is chosen before.",
)
def network_trained_on_the_training_images(subject: Subject) -> Outcome:
    """The digest of the training ids against the tables as they are: of the network trained last."""
    manifest = _manifest(subject, newest=True)
    if isinstance(manifest, Outcome):
        return manifest
    rows, aside = split_of(subject)
    training = rows["image_id"].filter(~pl.Series(aside))
    return Outcome(
        passed=manifest.training_ids_sha256 == ids_digest(training),
        figures={"images": rows.height, "of these for training": len(training), "held out share": manifest.held_out},
        advice=f"Images were added, replaced or removed since, or the split was changed. {_AGAIN}",
    )


@check(
    "On held-out images the network is better than always answering the most frequent category.",
    not_blocking_because="Nothing is made of the network in its run; a new one replaces only one that is worse.",
)
def network_better_than_the_majority(subject: Subject) -> Outcome:
    """Accuracy against the share of the largest class."""
    manifest = _manifest(subject)
    if isinstance(manifest, Outcome):
        return manifest
    accuracy, majority = (figure_of(manifest, name) for name in ("accuracy", "majority_accuracy"))
    figures: dict[str, int | float | str] = {"accuracy": accuracy, "majority": majority}
    if few := too_few_held_out(manifest):
        return Outcome(passed=True, figures=figures, not_evaluated=few)
    return Outcome(
        passed=accuracy > majority,
        figures=figures,
        advice="It has learnt nothing: look at the plot of its training. Give it more epochs or images, another "
        "learning rate, or larger pictures.",
    )


def _manifest(subject: Subject, *, newest: bool = False) -> ModelManifest | Outcome:
    objects, prefix = subject.store.objects(), cnn_prefix(subject.dataset)
    try:
        return (latest_manifest if newest else champion_manifest)(objects, prefix)
    except ModelMissingError as error:
        return _without_network(error)
    except ModelRefusedError as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice=_AGAIN)


def _without_network(error: ModelMissingError) -> Outcome:
    return Outcome(passed=True, figures={"problem": str(error)}, not_evaluated="there is no network yet")
