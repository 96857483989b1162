"""What must hold of the map: every image is on it, and neighbours on it are neighbours in truth."""

import polars as pl

from asset_checks.check import WARN, Outcome, Subject, check
from image_assets.embedding.tsne import trustworthiness
from image_assets.features.table import feature_matrix
from image_assets.schema import EMBEDDING, IMAGE_FEATURES

_TRUSTWORTHY = 0.8
_SAMPLE = 2_000


@check("Every image with features has one finite place on the map.", blocking=True)
def one_place_per_image(subject: Subject) -> Outcome:
    """Ids of the map = ids of the features; coordinates finite."""
    images = subject.rows(IMAGE_FEATURES).select("image_id").collect()
    places = subject.rows(EMBEDDING).collect()
    missing = images.join(places, on="image_id", how="anti").with_columns(fault=pl.lit("not on the map"))
    unknown = places.join(images, on="image_id", how="anti").select("image_id", fault=pl.lit("no image"))
    twice = places.filter(pl.col("image_id").is_duplicated()).select("image_id", fault=pl.lit("twice"))
    lost = places.filter(~(pl.col("x").is_finite() & pl.col("y").is_finite()))
    faulty = pl.concat([missing, unknown, twice, lost.select("image_id", fault=pl.lit("not finite"))])
    return Outcome(
        passed=faulty.is_empty(),
        figures={"images": images.height, "places": places.height, "faults": faulty.height},
        sample=faulty.sort("image_id"),
        advice="Materialise embedding again.",
    )


@check("Neighbours on the map are neighbours among the features.", severity=WARN)
def map_is_trustworthy(subject: Subject) -> Outcome:
    """Trustworthiness (Venna and Kaski, 2001) of a sample of the map."""
    places = subject.rows(EMBEDDING).sort("image_id").head(_SAMPLE)
    rows = places.join(subject.rows(IMAGE_FEATURES), on="image_id").sort("image_id").collect()
    score = trustworthiness(feature_matrix(rows), rows.select("x", "y").to_numpy(), sample=_SAMPLE)
    return Outcome(
        passed=score >= _TRUSTWORTHY,
        figures={"trustworthiness": round(score, 4), "limit": _TRUSTWORTHY, "images": rows.height},
        advice="Do not read distances off this map; try another embedding.perplexity.",
    )


CHECKS = (one_place_per_image, map_is_trustworthy)
