"""What must hold of the classifier: it is what its manifest says, and better than not looking at the image."""

import polars as pl

from asset_checks.check import WARN, Outcome, Subject, check
from image_assets.classifier.assets import classifier_prefix
from image_assets.classifier.split import held_out
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from io_managers.model_store import ModelMissingError, ModelRefusedError, ids_digest, load_model, read_manifest


@check("The model can be loaded, and its file is the one that its manifest describes.", blocking=True)
def model_is_sound(subject: Subject) -> Outcome:
    """Load the model as a reader would."""
    try:
        _, manifest = load_model(subject.store.objects(), classifier_prefix(subject.dataset))
    except (ModelMissingError, ModelRefusedError) as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice="Materialise classifier again.")
    return Outcome(passed=True, figures={"model": manifest.file, "sha256": manifest.sha256})


@check("The model was trained on just the images that are not held out: none it is evaluated on, none missing.")
def trained_on_the_training_images(subject: Subject) -> Outcome:
    """The digest of the training ids against the tables as they are."""
    manifest = read_manifest(subject.store.objects(), classifier_prefix(subject.dataset))
    ids = subject.rows(IMAGE_FEATURES).select("image_id").collect()["image_id"]
    expected = ids_digest(ids.filter(~pl.Series(held_out(ids, subject.dataset.classifier.held_out))))
    return Outcome(
        passed=manifest.training_ids_sha256 == expected,
        figures={"images": len(ids), "held out share": manifest.held_out},
        advice="Features were added or replaced since, or the split was changed: materialise classifier again.",
    )


@check("On held-out images the model is better than always answering the most frequent category.")
def better_than_the_majority(subject: Subject) -> Outcome:
    """Accuracy against the share of the largest class."""
    metrics = read_manifest(subject.store.objects(), classifier_prefix(subject.dataset)).metrics
    accuracy, majority = float(str(metrics["accuracy"])), float(str(metrics["majority_accuracy"]))
    return Outcome(
        passed=accuracy > majority,
        figures={"accuracy": accuracy, "majority": majority},
        advice="The features do not tell these categories apart: look at the labels first, then at the extractor.",
    )


@check("No category is much larger than another.", severity=WARN)
def categories_are_balanced(subject: Subject) -> Outcome:
    """Largest ÷ smallest category against `limits.imbalance`."""
    counts = subject.rows(RAW_IMAGES).group_by("category").agg(pl.len().alias("images")).collect()
    every = (
        pl.DataFrame({"category": list(subject.dataset.categories)})
        .join(counts, on="category", how="left")
        .with_columns(pl.col("images").fill_null(0))
        .sort("images")
    )
    smallest, largest = every["images"][0], every["images"][-1]
    limit = subject.dataset.limits.imbalance
    return Outcome(
        passed=largest <= limit * smallest,
        figures={"smallest": smallest, "largest": largest, "limit": limit},
        sample=every,
        advice=f"Bring more images of {every['category'][0]!r}, or raise limits.imbalance if the world is like that.",
    )


CHECKS = (model_is_sound, trained_on_the_training_images, better_than_the_majority, categories_are_balanced)
