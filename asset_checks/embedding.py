"""What must hold of the map: every image is on it, neighbours on it are neighbours in truth, and what was added fits.

Of a handful of images there rightly is no map: then nothing is said of it.
"""

import numpy as np
import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.categories.record import in_use
from image_assets.features.table import feature_matrix
from image_assets.schema import EMBEDDING, IMAGE_FEATURES

_TRUSTWORTHY = 0.8
_SAMPLE = 2_000
_AXES = ("x", "y", "z")
_TOO_FEW = "there are too few images for a map"


@check("Every image with features has one finite place on the map, under its label.")
def one_place_per_image(subject: Subject) -> Outcome:
    """Ids and labels of the map = ids and labels of the features; coordinates finite."""
    # Loads openTSNE, which takes seconds and which checks of other assets need not wait for.
    from image_assets.embedding.tsne import MIN_IMAGES

    images = in_use(subject.rows(IMAGE_FEATURES), subject.dataset).select("image_id", "label").collect()
    places = subject.rows(EMBEDDING).collect()
    if places.is_empty() and images.height < MIN_IMAGES:
        return Outcome(passed=True, figures={"images": images.height}, not_evaluated=_TOO_FEW)
    axes = _AXES[: subject.dataset.embedding.dimensions]
    lost = places.filter(~pl.all_horizontal(pl.col(axes).is_finite()).fill_null(False))
    faults = {
        "not on the map": images.join(places, on="image_id", how="anti"),
        "no image": places.join(images, on="image_id", how="anti"),
        "twice": places.filter(pl.col("image_id").is_duplicated()).unique("image_id"),
        "wrong label": places.join(images, on="image_id").filter(pl.col("label") != pl.col("label_right")),
        "not finite": lost,
    }
    faulty = pl.concat([rows.select("image_id", fault=pl.lit(fault)) for fault, rows in faults.items()])
    counts = {fault: rows.height for fault, rows in faults.items()}
    return Outcome(
        passed=faulty.is_empty(),
        figures={"images": images.height, "places": places.height, **counts},
        sample=faulty.sort("image_id", "fault"),
        advice="Materialise embedding again.",
    )


@check("Neighbours on the map are neighbours among the features.", severity=WARN)
def map_is_trustworthy(subject: Subject) -> Outcome:
    """Trustworthiness (Venna and Kaski, 2001) of a sample of the map.

    Ids are hashes: those that sort first are a fair sample. Only their features are kept in memory.
    """
    from image_assets.embedding.quality import trustworthiness
    from image_assets.embedding.tsne import MIN_IMAGES

    finite = pl.col("x").is_finite() & pl.col("y").is_finite()
    places = subject.rows(EMBEDDING).filter(finite).unique("image_id").sort("image_id").head(_SAMPLE).collect()
    features = subject.rows(IMAGE_FEATURES).filter(pl.col("image_id").is_in(places["image_id"].implode()))
    rows = features.select("image_id", "features").unique("image_id").collect().join(places, on="image_id")
    if rows.height < MIN_IMAGES:
        return Outcome(passed=True, figures={"images": rows.height}, not_evaluated=_TOO_FEW)
    try:
        score = trustworthiness(feature_matrix(rows), rows.select("x", "y").to_numpy())
    except ValueError as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice="Materialise image_features again.")
    return Outcome(
        passed=score >= _TRUSTWORTHY,
        figures={"trustworthiness": round(score, 4), "limit": _TRUSTWORTHY, "images": rows.height},
        advice="Do not read distances off this map; try another embedding.perplexity.",
    )


@check(
    "Images that were placed on the map since it was fitted are where they belong; else it is to be fitted anew.",
    severity=WARN,
    key="embedding.refit",
)
def map_need_not_be_fitted_anew(subject: Subject) -> Outcome:
    """Neighbours that added images keep, how many are unlike all that was fitted, and what else asks for a new fit.

    The next run of the map looks at the same and fits it anew.
    """
    from image_assets.embedding.feature_stream import as_bytes
    from image_assets.embedding.kept_fit import FitRefused, KeptFits
    from image_assets.embedding.kept_regions import FOLDER
    from image_assets.embedding.map_table import ADDED, MapTable
    from image_assets.embedding.refit import placing, why_refit

    spec = subject.dataset.embedding
    places = subject.rows(EMBEDDING).collect()
    table = MapTable.of(places, spec.dimensions)
    if not len(table.ids):
        return Outcome(passed=True, figures={"images": 0}, not_evaluated="there is no map")
    if not table.fit:
        advice = "Materialise embedding again."
        return Outcome(passed=False, figures={"reason": "the table names no fit of the map"}, advice=advice)
    try:
        fit, _ = KeptFits(subject.store.objects(subject.dataset.name, FOLDER)).load(table.fit)
    except FitRefused as refused:
        advice = "Materialise embedding again: the map is fitted anew, from where its images are."
        return Outcome(passed=False, figures={"reason": str(refused)}, advice=advice)
    sample = places.filter(pl.col("how") == ADDED).sort("image_id").head(_SAMPLE)
    features = subject.rows(IMAGE_FEATURES).filter(pl.col("image_id").is_in(sample["image_id"].implode()))
    rows = features.select("image_id", "features").unique("image_id").collect().join(sample, on="image_id")
    try:
        added = placing(feature_matrix(rows), rows.select(_AXES[: spec.dimensions]).to_numpy(), fit)
    except ValueError as error:
        return Outcome(passed=False, figures={"reason": str(error)}, advice="Materialise image_features again.")
    present = int(np.isin(fit.ids, as_bytes(places["image_id"])).sum())
    names = {label: name for name, label in subject.dataset.categories.items()}
    reason = why_refit(fit, present, places["label"].to_numpy(), added, spec, names)
    return Outcome(
        passed=not reason,
        figures={
            "fitted": len(fit.ids),
            "added": int((places["how"] == ADDED).sum()),
            "neighbours kept by added": round(added.kept, 4),
            "neighbours kept by fitted": round(fit.usual.kept, 4),
            "unlike all that was fitted": round(added.unlike, 4),
            "reason": reason or "none",
        },
        advice="Materialise embedding again: the map is fitted anew, from where its images are.",
    )


@check("The images that the map was fitted of stand for all that are on it.", severity=WARN, key="embedding.fit_points")
def fitted_images_stand_for_all(subject: Subject) -> Outcome:
    """Every category among the fitted images, and the middles of categories in the same order of distances."""
    from image_assets.embedding.integrity import LEAST_ORDER, integrity
    from image_assets.embedding.kept_regions import FOLDER, kept_regions
    from image_assets.embedding.map_table import FITTED, MapTable

    spec = subject.dataset.embedding
    rows = subject.rows(EMBEDDING).collect().unique("image_id").sort("image_id")
    table = MapTable.of(rows, spec.dimensions)
    if not len(table.ids) or not table.fit:
        why = "there is no map" if not len(table.ids) else "the table names no fit of the map"
        return Outcome(passed=True, figures={"images": len(table.ids)}, not_evaluated=why)
    labels = rows.filter(pl.col("image_id").is_in([one.decode() for one in table.ids.tolist()]))["label"].to_numpy()
    regions = kept_regions(subject.store.objects(subject.dataset.name, FOLDER), table.fit)
    where = regions.of(table.places) if regions else np.full(len(table.ids), -1)
    found = integrity(labels, table.how == FITTED, table.places, where)
    names = {label: name for name, label in subject.dataset.categories.items()}
    order = "too few categories" if found.order is None else round(found.order, 4)
    faults = found.faults(names)
    return Outcome(
        passed=not faults,
        figures={
            "fitted": int((table.how == FITTED).sum()),
            "images": len(table.ids),
            "least of a category beside its share": round(found.least_category, 4),
            "faults": "; ".join(faults) or "none",
            "regions off by": round(found.regions_off, 4),
            "order of categories": order,
            "least order": LEAST_ORDER,
        },
        advice="Do not read the map as if it were of all images: raise embedding.fit_points, or materialise embedding "
        "again.",
    )
