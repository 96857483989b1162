"""One picture under several categories: found by bytes and by looks, settled by a rule or by reviewers.

Two files contradict each other where they are the same picture, byte for byte or as near-duplicates, and were delivered
under different categories. An image is held back as long as any file contradicts it and nothing has settled which of
them is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from image_assets.lookalikes.groups import duplicate_groups
from image_assets.marks.decisions import Decisions, decided, standing
from image_assets.settings.quality import LabelConflicts

SAME_BYTES, NEAR_DUPLICATE = "same bytes", "near-duplicate"
OPEN, BY_RULE, BY_REVIEW = "open", "settled by rule", "settled by review"

_FILE = ("image_id", "date", "category")
_UNRANKED = 1_000_000


@dataclass(frozen=True)
class Evidence:
    """What contradictions are read off.

    Attributes:
        pairs: Near-duplicates: image_id, date, category, other_id, other_date, other_category.
        duplicates: Files whose bytes were loaded before: image_id, date, category, source, original_date,
            original_category, original_source.
        reviews: The table `reviews`.
    """

    pairs: pl.DataFrame
    duplicates: pl.DataFrame
    reviews: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether nothing contradicts anything."""
        return self.pairs.is_empty() and self.duplicates.is_empty()


def contradicting(evidence: Evidence) -> pl.DataFrame:
    """Every two files that contradict each other, from both sides.

    Returns:
        image_id, date, category, loaded of a file, other_id, other_date, other_category of the other one, kind.
    """
    near = evidence.pairs.filter(pl.col("category") != pl.col("other_category")).with_columns(
        kind=pl.lit(NEAR_DUPLICATE), loaded=pl.lit(True), other_loaded=pl.lit(True)
    )
    same = (
        evidence.duplicates.filter(pl.col("category") != pl.col("original_category"))
        .with_columns(kind=pl.lit(SAME_BYTES), loaded=pl.lit(False), other_loaded=pl.lit(True))
        .rename({"original_date": "other_date", "original_category": "other_category"})
        .with_columns(other_id="image_id")
    )
    columns = ["image_id", "date", "category", "loaded"]
    forth = [*columns, *(f"other_{name}".replace("other_image_id", "other_id") for name in columns), "kind"]
    there = pl.concat([near.select(forth), same.select(forth)])
    back = there.select(
        image_id="other_id",
        date="other_date",
        category="other_category",
        loaded="other_loaded",
        other_id="image_id",
        other_date="date",
        other_category="category",
        other_loaded="loaded",
        kind="kind",
    )
    return pl.concat([there, back.select(forth)]).unique()


def label_conflicts(evidence: Evidence, spec: LabelConflicts) -> pl.DataFrame:
    """Every file that another one contradicts, and what becomes of it.

    A reviewer's marks decide where every file of a contradiction has one; else the dataset's rule, where it can tell;
    else the contradiction is open and the file is not kept.

    Returns:
        conflict_id, image_id, date, category, kind, loaded, state, kept; one row for each file, sorted.
    """
    found = _unless_moved(contradicting(evidence), evidence.reviews)
    marked = _marked(found, evidence.reviews)
    judged = marked.with_columns(ahead=_ahead(spec)).with_columns(
        reviewed=pl.col("belongs").is_not_null() & pl.col("other_belongs").is_not_null()
    )
    files = judged.group_by("image_id", "date", "category").agg(
        loaded=pl.col("loaded").any(),
        kind=pl.when((pl.col("kind") == SAME_BYTES).any()).then(pl.lit(SAME_BYTES)).otherwise(pl.lit(NEAR_DUPLICATE)),
        reviewed=pl.col("reviewed").all(),
        belongs=pl.col("belongs").first(),
        ruled=(pl.col("reviewed") | pl.col("ahead").is_not_null()).all(),
        # Where some of the contradictions are reviewed and the rule settles the rest, it must win all of them.
        wins=pl.when("reviewed").then("belongs").otherwise("ahead").all(),
    )
    state = pl.when("reviewed").then(pl.lit(BY_REVIEW)).when("ruled").then(pl.lit(BY_RULE)).otherwise(pl.lit(OPEN))
    kept = pl.when("reviewed").then("belongs").when("ruled").then("wins").otherwise(pl.lit(False))
    return (
        files.with_columns(state=state, kept=kept)
        .join(duplicate_groups(found).select("image_id", conflict_id="group_id"), on="image_id")
        .select("conflict_id", *_FILE, "kind", "loaded", "state", "kept")
        .sort("conflict_id", "date", "category", "image_id")
    )


def held_back(conflicts: pl.DataFrame) -> pl.DataFrame:
    """The loaded images that may be neither published nor trained on: image_id, date, category."""
    return conflicts.filter(pl.col("loaded") & ~pl.col("kept")).select(_FILE).unique().sort(_FILE)


def in_doubt(conflicts: pl.LazyFrame, decisions: Decisions) -> pl.LazyFrame:
    """Conflicts, without the files of images that a person put under another category, unless they are open."""
    moved = decisions.rows.drop_nulls("settled").select("image_id", "category").lazy()
    open_ones = conflicts.filter(pl.col("state") == OPEN)
    settled = conflicts.filter(pl.col("state") != OPEN)
    return pl.concat([open_ones, settled.join(moved, on=["image_id", "category"], how="anti")])


def _unless_moved(found: pl.DataFrame, reviews: pl.DataFrame) -> pl.DataFrame:
    """Without two files of which a person put one under the category of the other: they agree now.

    Where both were spoken of, the contradiction is told as one that is settled.
    """
    moved = decided(reviews, dict.fromkeys({*found["category"], *found["other_category"]}, 0)).rows
    others = moved.rename({"image_id": "other_id", "category": "other_category", "settled": "other_settled"})
    both = found.join(moved, on=["image_id", "category"], how="left").join(
        others, on=["other_id", "other_category"], how="left"
    )
    now, then = pl.coalesce("settled", "category"), pl.coalesce("other_settled", "other_category")
    marked = standing(reviews).select("image_id", "category")
    keys, others = ["image_id", "category"], ["other_id", "other_category"]
    spoken = both.join(marked, on=keys, how="semi").join(marked, left_on=others, right_on=keys, how="semi")
    agreeing = both.filter(now == then).join(spoken, on=[*keys, *others], how="anti")
    return found.join(agreeing, on=[*keys, *others], how="anti")


def _marked(found: pl.DataFrame, reviews: pl.DataFrame) -> pl.DataFrame:
    latest = standing(reviews).select("image_id", "category", "belongs")
    return found.join(latest, on=["image_id", "category"], how="left").join(
        latest.rename({"belongs": "other_belongs"}),
        left_on=["other_id", "other_category"],
        right_on=["image_id", "category"],
        how="left",
    )


def _ahead(spec: LabelConflicts) -> pl.Expr:
    """Whether a file is right against the other one by the rule; null where the rule cannot tell."""
    if spec.rule == "first":
        mine, other = pl.col("date"), pl.col("other_date")
    elif spec.rule == "prefer":
        ranks = {name: rank for rank, name in enumerate(spec.prefer)}
        mine, other = (
            pl.col(name).replace_strict(ranks, default=_UNRANKED, return_dtype=pl.Int64)
            for name in ("category", "other_category")
        )
    else:
        return pl.lit(None, pl.Boolean)
    return pl.when(mine == other).then(None).otherwise(mine < other)
