"""Whether a challenger is worse than the champion on sources that neither had seen; rules are in `docs/models.md`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from image_assets.classifier.unseen import UnseenSources
from image_assets.settings.promotion import Promotion


@dataclass(frozen=True)
class UnseenComparison:
    """Both figures over the sources that both were judged on.

    Attributes:
        sources: How many.
        champion, challenger: Accuracies, each source weighing as much for both.
        upper_bound: What the difference, challenger minus champion, is below with the confidence asked for.
    """

    sources: int
    champion: float
    challenger: float
    upper_bound: float

    def is_worse(self, rules: Promotion) -> bool:
        """Whether the challenger is worse by more than the margin, and by more than chance."""
        return self.challenger - self.champion < -rules.margin and self.upper_bound < 0

    @property
    def explanation(self) -> str:
        """The figures in words."""
        return (
            f"{self.challenger:.4f} against the champion's {self.champion:.4f} on {self.sources:,} sources that "
            "neither had seen"
        )


def compare_unseen(
    champion: UnseenSources | None, challenger: UnseenSources | None, rules: Promotion
) -> UnseenComparison | None:
    """Compare what was measured of each at its time, source by source; None where they have no source in common.

    A source that only one of them was judged on does not count: where new images are harder, the challenger is not
    the worse for it.
    """
    if champion is None or challenger is None:
        return None
    before = {one.name: one for one in champion.per_source}
    pairs = [(before[one.name], one) for one in challenger.per_source if one.name in before]
    total = sum(min(old.images, new.images) for old, new in pairs)
    if not total:
        return None
    old_accuracy = new_accuracy = variance = 0.0
    for old, new in pairs:
        weight = min(old.images, new.images) / total
        old_accuracy += weight * old.right / old.images
        new_accuracy += weight * new.right / new.images
        # With one success and one failure added: a source that all were right on is not certain for that.
        for one in (old, new):
            share = (one.right + 1) / (one.images + 2)
            variance += weight**2 * share * (1 - share) / one.images
    slack = NormalDist().inv_cdf(rules.confidence) * math.sqrt(variance)
    return UnseenComparison(len(pairs), old_accuracy, new_accuracy, new_accuracy - old_accuracy + slack)
