"""What must hold of the suspects among labels: there are few."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.categories.record import in_use
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
    judged, why_not = _judged(subject)
    if not judged and suspects.is_empty():
        return Outcome(passed=True, figures={"images": sum(images)}, not_evaluated=why_not)
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
            **({"not judged": why_not} if why_not else {}),
            **{
                f"share of {category}": round(share, 4) for category, share in shares.select("category", "share").rows()
            },
        },
        sample=suspects.filter(pl.col("category").is_in(above)),
        advice=f"Look at the pictures of {', '.join(above)} in label_suspects: move files that lie in the wrong "
        "category and load their days again; raise label_noise.max_share if the categories are that alike.",
    )


def _judged(subject: Subject) -> tuple[bool, str]:
    """Whether labels can be judged at all, and why some or all cannot."""
    # Loads cleanlab and scikit-learn, which takes seconds and which checks of other assets need not wait for.
    from image_assets.lookalikes.evidence import EvidenceReader
    from image_assets.suspects.label_noise import judged_labels
    from image_assets.suspects.suspects import lookalike_groups

    dataset = subject.dataset
    rows = in_use(subject.rows(IMAGE_FEATURES), dataset).select("image_id", "label").collect()
    groups = lookalike_groups(rows["image_id"], EvidenceReader(subject.store, dataset).pairs())
    judged, why_not = judged_labels(rows["label"].to_numpy(), groups, dataset.categories, dataset.label_noise.folds)
    return len(judged) > 0, why_not
