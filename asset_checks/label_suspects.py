"""What must hold of the suspects among labels: there are few."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.features.sample import sample_size
from image_assets.schema import IMAGE_FEATURES, LABEL_SUSPECTS

# Of few images, one or two suspects are a large share. Only a count that the limit explains with less than this
# probability is a warning.
_BY_CHANCE = 0.05


@check(
    "In no category are too many images suspected of a wrong label, or far from the others.",
    severity=WARN,
    key="label_noise.max_share",
)
def few_label_suspects(subject: Subject) -> Outcome:
    """Suspects among the images looked at, per category, against `label_noise.max_share` by a binomial test."""
    from scipy.stats import binom  # takes a second to load, which every run would wait for

    spec = subject.dataset.label_noise
    counts = subject.rows(IMAGE_FEATURES).group_by("category").agg(pl.len().alias("images")).collect()
    suspects = subject.rows(LABEL_SUSPECTS).collect().sort("kind", "score", descending=[False, True])
    found = suspects.group_by("category").agg(pl.col("image_id").n_unique().alias("suspects"))
    shares = counts.join(found, on="category", how="left").with_columns(pl.col("suspects").fill_null(0))
    images = shares["images"].to_list()
    looked_at = [sample_size(one, sum(images), spec.max_rows) for one in images]
    by_chance = binom.sf(shares["suspects"].cast(pl.Int64).to_numpy() - 1, looked_at, spec.max_share)
    shares = shares.with_columns(
        share=pl.col("suspects") / pl.Series(looked_at, dtype=pl.Int64), by_chance=pl.Series(by_chance)
    ).sort("category")
    above = shares.filter(pl.col("by_chance") < _BY_CHANCE)["category"].to_list()
    return Outcome(
        passed=not above,
        figures={
            "limit": spec.max_share,
            **{
                f"share of {category}": round(share, 4) for category, share in shares.select("category", "share").rows()
            },
        },
        sample=suspects.filter(pl.col("category").is_in(above)),
        advice=f"Look at the pictures of {', '.join(above)} in label_suspects: move files that lie in the wrong "
        "category and load their days again; raise label_noise.max_share if the categories are that alike.",
    )
