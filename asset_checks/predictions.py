"""What must hold of predictions: one of every image, sound, by a model that is there; and what ought to.

A partition that was there before the first model has no predictions, rightly: what could then be said of them is not
evaluated.
"""

import hashlib
import math

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.classifier.places import models_prefix
from image_assets.model_assets import MODEL_ASSETS
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS
from image_assets.store.models.model_files import DIGITS, is_model_file, manifest_of
from image_assets.store.models.model_store import ModelManifest, ModelMissingError, ModelRefusedError, champion_manifest
from image_assets.store.objects import content_of, sizes_below

# There is a partition per category every day: what chance does once in a thousand of them is no warning.
_BY_CHANCE = 0.001
_AGAIN = "Materialise predictions of this partition again."
_NO_PREDICTIONS = "there are no predictions"


@check("Every image that has features is scored exactly once, and nothing else is.")
def every_image_scored_once(subject: Subject) -> Outcome:
    """Image ids of `predictions` against those of `image_features`."""
    images = subject.rows(IMAGE_FEATURES).select("image_id", "label").collect()
    rows = subject.rows(PREDICTIONS).select("image_id", "label").collect()
    if images.height and rows.is_empty() and (unscored := _rightly_unscored(subject)):
        return Outcome(passed=True, figures={"images": images.height}, not_evaluated=unscored)
    times = rows.group_by("image_id").agg(pl.len().alias("scored"), pl.col("label").first().alias("scored_label"))
    found = images.join(times, on="image_id", how="full", coalesce=True)
    wrong = found.filter(pl.col("scored").ne_missing(1) | pl.col("label").ne_missing(pl.col("scored_label")))
    return Outcome(
        passed=wrong.is_empty(),
        figures={"images": images.height, "rows": rows.height, "wrong": wrong.height},
        sample=wrong.sort("image_id"),
        advice=_AGAIN,
    )


@check(
    "Probabilities, margins and familiarities are in [0, 1], and the label is that of a category of the dataset.",
)
def predictions_are_sound(subject: Subject) -> Outcome:
    """Every row by itself; NaN is not in [0, 1]. A familiarity may be missing: some models cannot say."""
    labels = subject.dataset.categories
    name = pl.col("predicted_category")
    label_of_name = name.replace_strict(labels, default=None, return_dtype=pl.Int16)
    sound = (
        pl.col("probability").is_between(0, 1)
        & pl.col("margin").is_between(0, pl.col("probability"))
        & pl.col("familiarity").is_between(0, 1).fill_null(True)
        & label_of_name.eq_missing(pl.col("predicted_label"))
    )
    rows = subject.rows(PREDICTIONS).drop("date", "category").collect()
    if rows.is_empty():
        return Outcome(passed=True, figures={"rows": 0}, not_evaluated=_NO_PREDICTIONS)
    wrong = rows.filter(~sound.fill_null(False)).sort("image_id")
    return Outcome(
        passed=wrong.is_empty(),
        figures={"rows": rows.height, "wrong rows": wrong.height},
        sample=wrong,
        advice=f"{_AGAIN} Were categories renamed or given other labels? Then train the classifier again first.",
    )


@check("All rows of the partition are by one model, whose file is in the store, unaltered.")
def scored_by_a_known_model(subject: Subject) -> Outcome:
    """The digest in the rows against the model files."""
    digests = subject.rows(PREDICTIONS).select(pl.col("model").unique().sort()).collect()["model"].to_list()
    if not digests:
        return Outcome(passed=True, figures={"models": 0}, not_evaluated=_NO_PREDICTIONS)
    strange = set(digests) - _stored_digests(subject, digests)
    return Outcome(
        passed=len(digests) == 1 and not strange,
        figures={"models": len(digests), "not in the store": len(strange)},
        sample=pl.DataFrame({"model": digests}, schema={"model": pl.String}),
        advice=f"Nobody can tell any more what these rows were made by. {_AGAIN}",
    )


@check("Few images are unknown to the model.", severity=WARN, key="classifier.unknown_share")
def few_unknown(subject: Subject) -> Outcome:
    """The share of unknown images against `classifier.unknown_share` by a binomial test."""
    from scipy.stats import binom  # takes a second to load, which every run would wait for

    limit = subject.dataset.classifier.unknown_share
    names = "image_id", "predicted_category", "probability", "familiarity", "unknown"
    rows = subject.rows(PREDICTIONS).select(names).collect()
    if rows.is_empty():
        return Outcome(passed=True, figures={"images": 0}, not_evaluated=_NO_PREDICTIONS)
    unknown = rows.filter("unknown")
    by_chance = float(binom.sf(unknown.height - 1, rows.height, limit))
    return Outcome(
        passed=unknown.is_empty() or by_chance >= _BY_CHANCE,
        figures={"images": rows.height, "unknown": unknown.height, "limit": limit, "by chance": by_chance},
        sample=unknown.sort("familiarity", "probability", "image_id", nulls_last=True),
        advice="Look at these images: are they of a new kind, or of no category at all? Add a category, or images of "
        "this kind under the right one, and train again.",
    )


@check(
    "Images are taken for their own category as often as the held-out images of the model that was asked.",
    severity=WARN,
    key="classifier.agreement_drop",
)
def agreement_as_expected(subject: Subject) -> Outcome:
    """Agreement with the category against the model's recall of it on held-out images, by Fisher's exact test.

    The model is the one whose digest is in the rows: a later one may have another recall.

    A partition is of one category, so its recall is what to expect; where the manifest does not have it, the accuracy.
    Both are counts, and few held-out images say little: the test takes both into account.
    """
    from scipy.stats import hypergeom

    rows = subject.rows(PREDICTIONS).select("image_id", "predicted_category", "probability", "model").collect()
    missed = rows.filter(pl.col("predicted_category") != subject.checked_partition.category)
    if rows.is_empty():
        return Outcome(passed=True, figures={"images": 0}, not_evaluated=_NO_PREDICTIONS)
    expected = _expected(subject, rows["model"].unique().sort().to_list())
    if isinstance(expected, str):
        return Outcome(passed=True, figures={"images": rows.height}, not_evaluated=expected)
    right, held_out = expected
    agreed = rows.height - missed.height
    by_chance = float(hypergeom.cdf(agreed, rows.height + held_out, agreed + right, rows.height))
    drop = subject.dataset.classifier.agreement_drop
    return Outcome(
        passed=by_chance >= _BY_CHANCE or agreed / rows.height >= right / held_out - drop,
        figures={
            "agreement": agreed / rows.height,
            "on held-out images": right / held_out,
            "held-out images": held_out,
            "drop allowed": drop,
            "by chance": by_chance,
        },
        sample=missed.sort("probability", "image_id", descending=[True, False]),
        advice="Look at these images: files in the wrong folder come first, then a camera or a source that has "
        "changed (see the drift checks). Put files right and load the day again, or train on the new kind.",
    )


def _rightly_unscored(subject: Subject) -> str:
    """Why the partition has no predictions where nothing is wrong with that; else empty."""
    from image_assets.predictions.score import trained_on  # loads scikit-learn, which every run would wait for

    try:
        manifest = _current(subject)
    except ModelMissingError:
        return "there is no model yet"
    except ModelRefusedError:
        return ""
    if trained_on(manifest, subject.checked_partition):
        return "the current model was trained on this partition, and no model before has scored it"
    return ""


def _current(subject: Subject) -> ModelManifest:
    dataset = subject.dataset
    return champion_manifest(subject.store.objects(), models_prefix(dataset, dataset.predictions.model))


def _stored_digests(subject: Subject, wanted: list[str]) -> set[str]:
    """Those of the digests whose model is there: its file, wherever below the models, has the digest."""
    objects, found = subject.store.objects(), set[str]()
    # Models of either kind: which one is asked may have been changed since.
    folders = [models_prefix(subject.dataset, asset) for asset in MODEL_ASSETS]
    for path in [path for folder in folders for path in sizes_below(objects, folder)]:
        if any(is_model_file(path, digest) for digest in wanted):
            found.add(hashlib.sha256(content_of(objects, path) or b"").hexdigest())
    return found


def _expected(subject: Subject, digests: list[str]) -> tuple[int, int] | str:
    """Held-out images of the partition's category that a model has right, and how many there were; or why not.

    Args:
        subject: What is looked at.
        digests: Of the models that scored the partition.
    """
    if len(digests) != 1:
        return "the rows are by more than one model"
    manifest = _asked(subject, digests[0])
    if manifest is None:
        return f"the manifest of the model that was asked, {digests[0][:DIGITS]}, is not in the store or cannot be read"
    recalls = _recalls(manifest)
    support, recall = recalls.get(subject.checked_partition.category) or (
        manifest.metrics.get("held_out"),
        manifest.metrics.get("accuracy"),
    )
    if not isinstance(support, int) or not isinstance(recall, int | float) or not math.isfinite(recall) or support < 1:
        return f"the model that was asked, {digests[0][:DIGITS]}, has no figures of held-out images"
    return min(round(support * recall), support), support


def _asked(subject: Subject, digest: str) -> ModelManifest | None:
    # Models of either kind: which one is asked may have been changed since.
    for asset in MODEL_ASSETS:
        try:
            manifest = manifest_of(subject.store.objects(), models_prefix(subject.dataset, asset), digest)
        except (ModelMissingError, ModelRefusedError):
            continue
        if manifest.sha256 == digest:
            return manifest
    return None


def _recalls(manifest: ModelManifest) -> dict[str, tuple[object, object]]:
    per_class = manifest.metrics.get("per_class")
    rows = [row for row in per_class if isinstance(row, dict)] if isinstance(per_class, list) else []
    # A category without held-out images has a recall of nothing.
    return {str(row.get("name")): (row.get("support"), row.get("recall")) for row in rows if row.get("support")}
