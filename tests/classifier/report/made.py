"""Trained models on made-up features, as reports are made of them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import polars as pl
from PIL import Image

from image_assets.classifier.report.galleries import Shown
from image_assets.classifier.report.mistakes import Mistakes, mistakes_of
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import Candidate, fit, logistic_regression
from image_assets.classifier.training.images import held_out_with_lookalikes
from image_assets.classifier.training.train import train
from image_assets.images.issues import ISSUES
from image_assets.schema import DUPLICATE_GROUPS
from image_assets.store.models.model_store import ModelManifest, ids_digest
from tests.classifier.synthetic import CLASSES, clusters, image_ids

DAYS = [dt.date(2026, 11, day) for day in (3, 4, 5)]
NO_GROUPS = pl.from_arrow(DUPLICATE_GROUPS.arrow.empty_table())


def made_subject(
    count: int = 240,
    width: int = 12,
    *,
    separation: float = 0.6,
    candidate: Candidate | None = None,
    classes: Mapping[str, int] = CLASSES,
    names: tuple[str, ...] = (),
    groups: pl.Series | None = None,
    aside: np.ndarray | None = None,
) -> ReportSubject:
    """A model of three clusters, held out by the images' ids."""
    features, labels = clusters(count, width, separation)
    ids = pl.Series("image_id", image_ids(count))
    groups = ids.alias("group") if groups is None else groups
    kept = held_out_with_lookalikes(ids, NO_GROUPS.lazy(), 0.25) if aside is None else aside  # pyright: ignore
    candidate = candidate or logistic_regression(0.01)
    model = train(features[~kept], labels[~kept], candidate, classes)
    by_label = {label: name for name, label in classes.items()}
    images = pl.DataFrame(
        {
            "image_id": ids,
            "group": groups,
            "source_set": [f"supplier {number % 4}" for number in range(count)],
            "date": [DAYS[number % 3] for number in range(count)],
            "category": [by_label[int(label)] for label in labels],
        }
    )
    evaluation = evaluate(model, features[kept], labels[kept], classes)
    return ReportSubject(
        model, partial(fit, candidate, 0), candidate, classes, names, images, labels, features, kept, evaluation
    )


def made_manifest(subject: ReportSubject) -> ModelManifest:
    """As it is kept beside such a model."""
    return ModelManifest(
        dataset="made_up",
        kind="logistic_regression",
        candidate=str(subject.candidate),
        classes=dict(subject.classes),
        extractor="efficientnet_lite0",
        extractor_digest="e" * 64,
        feature_width=subject.features.shape[1],
        partitions=[],
        training_ids_sha256=ids_digest(subject.images["image_id"]),
        held_out=0.25,
        metrics=subject.evaluation.model_dump(mode="json"),
        libraries={"scikit-learn": "1.9.1"},
        file="model-0123456789ab.skops",
        sha256="0123456789ab" + "0" * 52,
    )


def thumbnails_of(subject: ReportSubject, *, coloured: bool = False) -> dict[str, bytes]:
    """A small JPEG of every image: grey noise, or in a colour of its category."""
    found = {}
    for number, (image, label) in enumerate(zip(subject.images["image_id"], subject.labels, strict=True)):
        random = np.random.default_rng(number)
        pixels = random.integers(90, 160, (16, 24, 3))
        if coloured:
            pixels[..., int(label) % 3] += 60
        file = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG")
        found[image] = file.getvalue()
    return found


def made_looks(subject: ReportSubject) -> pl.DataFrame:
    """What the store would know of the images held out: photos of one size, without a flaw."""
    ids = subject.images["image_id"].gather(subject.held_out)
    return pl.DataFrame({"image_id": ids}).with_columns(
        source=pl.format("2026-11-03/plant/{}.jpg", pl.col("image_id").str.head(4)),
        width=pl.lit(640),
        height=pl.lit(480),
        **{issue.name: pl.lit(value=False) for issue in ISSUES},
    )


def made_mistakes(subject: ReportSubject, shown: Iterable[Shown]) -> Mistakes:
    """Its mistakes on such images."""
    return mistakes_of(subject, made_looks(subject), shown)
