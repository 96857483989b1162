"""What is told of a map when it was made: its figures, under the names that people read."""

from __future__ import annotations

from image_assets.embedding.kept_regions import NOWHERE
from image_assets.embedding.map_table import ADDED, FITTED, PLACED
from image_assets.embedding.todays_map import MapOfToday


def told_of(made: MapOfToday) -> dict[str, int | float | str]:
    """The figures of a map by name."""
    counts = {how: int((made.table.how == how).sum()) for how in (FITTED, PLACED, ADDED)}
    told: dict[str, int | float | str] = {
        "fit": made.table.fit[:12],
        "fitted anew because": made.because or "it was not: new images were placed on the map as it was",
        **counts,
        "trustworthiness": made.trustworthiness,
        "regions": int(made.regions.max(initial=NOWHERE)) + 1,
        "in a region, share": float((made.regions != NOWHERE).mean()) if len(made.regions) else 0.0,
    }
    found = made.integrity
    told |= {
        "fitted, share": found.fitted,
        "fitted of a category, least beside its share": found.least_category,
        "regions among fitted, off by": found.regions_off,
    }
    more = {
        "fitted, trustworthiness": found.trustworthiness,
        "neighbours kept by all": found.recall,
        "order of categories, fitted beside all": found.order,
    }
    told |= {name: value for name, value in more.items() if value is not None}
    if made.moved is not None:
        told |= {"moved, median share of width": made.moved.median, "moved, 95 of 100 at most": made.moved.p95}
    if made.added.images:
        told |= {"neighbours kept by added": made.added.kept, "unlike what was fitted": made.added.unlike}
    return told
