"""What must hold of the classifier: it is what its manifest says, and better than not looking at the image."""

import polars as pl

from image_assets.asset_checks import trained_models as models
from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.classifier.places import CLASSIFIER
from image_assets.schema import RAW_IMAGES


@check(
    "The model can be loaded, its file is the one that its manifest describes, and it was trained for the dataset's "
    "present categories and extractor.",
)
def model_is_sound(subject: Subject) -> Outcome:
    """Load the model as a reader would."""
    return models.is_sound(subject, CLASSIFIER)


@check("The current model was compared with the one before it took its place, or is the first there is.", severity=WARN)
def compared_before_it_was_promoted(subject: Subject) -> Outcome:
    """What was decided when the current champion was promoted."""
    return models.compared_before_promotion(subject, CLASSIFIER, "image-assets models rollback --model classifier")


@check(
    "The newest model was trained on just the images that are not held out: none it is evaluated on, none missing.",
    not_blocking_because="Nothing is made of the classifier in its run, and the champion is chosen before.",
)
def trained_on_the_training_images(subject: Subject) -> Outcome:
    """The digest of the training ids against the tables as they are: of the model trained last, promoted or not."""
    return models.newest_trained_on_the_training_images(subject, CLASSIFIER)


@check(
    "On held-out images the model is better than always answering the most frequent category.",
    not_blocking_because="Nothing is made of the classifier in its run; a new model replaces only one that is worse.",
)
def better_than_the_majority(subject: Subject) -> Outcome:
    """Accuracy against the share of the largest class."""
    advice = "The features do not tell these categories apart: look at the labels first, then at the extractor."
    return models.better_than_the_majority(subject, CLASSIFIER, advice)


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
