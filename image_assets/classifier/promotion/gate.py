"""Whether a challenger may take the champion's place: tests on arrays, nothing of files.

Both models answer the same held-out images, so the tests are paired: what counts is the images that only one of the two
got right. Rules and reasons are in `docs/models.md`.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from scipy.special import bdtr, bdtrc

from image_assets.classifier.mcnemar import p_value
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.settings.promotion import Promotion


@dataclass(frozen=True)
class PairedComparison:
    """Two models on the same images.

    Attributes:
        images: How many.
        gained: Images that only the challenger got right.
        lost: Images that only the champion got right.
        both: Images that both got right.
    """

    images: int
    gained: int
    lost: int
    both: int

    @property
    def champion_accuracy(self) -> float:
        """Share of images that the champion got right."""
        return (self.both + self.lost) / self.images

    @property
    def challenger_accuracy(self) -> float:
        """Share of images that the challenger got right."""
        return (self.both + self.gained) / self.images

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided: the probability of a split as uneven where both are equally good."""
        return p_value(self.gained, self.lost)

    @property
    def p_worse(self) -> float:
        """The same one-sided: the probability of as many lost images where the challenger is not worse."""
        return float(bdtrc(self.lost - 1, self.gained + self.lost, 0.5)) if self.lost else 1.0

    def lower_bound(self, confidence: float) -> float:
        """What the difference of accuracies, challenger minus champion, is above with this confidence (one-sided).

        By inverting Tango's score test (T. Tango, "Equivalence test and confidence interval for the difference in
        proportions for the paired-sample design", Statistics in Medicine 17, 1998, 891–908), which holds its level
        also with few images and with no disagreement at all, where a Wald interval has no width.
        """
        critical = NormalDist().inv_cdf(confidence)
        low, high = -1.0, (self.gained - self.lost) / self.images
        for _ in range(60):  # halves: as exact as a float
            middle = (low + high) / 2
            if _tango(self, middle) > critical:
                low = middle
            else:
                high = middle
        return low


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger is promoted by the comparison, and why."""

    promoted: bool
    reason: Literal["better", "no worse", "worse"]
    explanation: str


def compare_answers(labels: np.ndarray, champion: np.ndarray, challenger: np.ndarray) -> PairedComparison:
    """Count who got what right.

    Args:
        labels: int [N], the truth; N > 0.
        champion: int [N], the champion's answers.
        challenger: int [N], the challenger's.
    """
    was_right, is_right = champion == labels, challenger == labels
    return PairedComparison(
        images=len(labels),
        gained=int(np.sum(is_right & ~was_right)),
        lost=int(np.sum(was_right & ~is_right)),
        both=int(np.sum(was_right & is_right)),
    )


def judge(comparison: PairedComparison, rules: Promotion) -> Verdict:
    """Decide by the comparison.

    The challenger is refused where it is worse by more than the margin (but always by more than one image, which of a
    handful is more than any margin), or where it is significantly worse and not shown to be within the margin.
    Otherwise it is promoted: on few images nothing can be shown, and refusing what may be as good would keep the first
    model for ever.
    """
    behind = comparison.lost - comparison.gained
    figures = (
        f"accuracy {comparison.challenger_accuracy:.4f} against the champion's {comparison.champion_accuracy:.4f} on "
        f"the same {comparison.images:,} held-out images (+{comparison.gained:,} −{comparison.lost:,}, "
        f"p = {comparison.p_value:.3g})"
    )
    if behind > max(1.0, rules.margin * comparison.images):
        return Verdict(False, "worse", f"worse by more than the margin of {rules.margin:.2%}: {figures}")
    shown_within = comparison.lower_bound(rules.confidence) > -rules.margin
    if comparison.p_worse < 1 - rules.confidence and not shown_within:
        return Verdict(
            False,
            "worse",
            f"significantly worse, and not shown to be within the margin of {rules.margin:.2%}: {figures}",
        )
    if behind < 0:
        return Verdict(True, "better", f"better: {figures}")
    return Verdict(True, "no worse", f"no worse: {figures}")


def unfit(evaluation: Evaluation, probabilities: np.ndarray, known: Set[int], expected: Set[int]) -> list[str]:
    """What is wrong with a challenger in itself; empty where nothing is.

    Args:
        evaluation: Its figures on held-out images.
        probabilities: float [N, K], its answers to these.
        known: Labels that it can answer with.
        expected: Labels that have training images.
    """
    problems = []
    if missing := sorted(expected - known):
        problems.append(f"it does not know the labels {missing}, which have training images")
    if not np.isfinite(probabilities).all():
        problems.append("it answers with probabilities that are not finite")
    if evaluation.accuracy <= evaluation.majority_accuracy:
        problems.append(
            f"its accuracy of {evaluation.accuracy:.4f} does not beat always answering the most frequent class, "
            f"{evaluation.majority_accuracy:.4f}"
        )
    return problems


@dataclass(frozen=True)
class Agreement:
    """How the champion's answers to new images compare with those to older held-out ones.

    Attributes:
        images: New images of classes that the champion can be judged on.
        accuracy: Share of them that it got right, by their labels.
        expected: Share that it should get right, from its recall on the older held-out images, class by class.
        disagreement: 1 - accuracy / expected, at least 0: the estimated share of labels that are wrong, if the images
            are as before.
        is_suspect: Whether that is above the limit by more than chance.
    """

    images: int
    accuracy: float
    expected: float
    disagreement: float
    is_suspect: bool


def agreement(
    old: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray], limit: float, confidence: float
) -> Agreement | None:
    """See whether the labels of new images contradict the champion more than those of older images do.

    A test on held-out images cannot see this: those of a day of wrong labels have wrong labels too. The champion has
    not seen any image of such a partition, held out or not, so all of them serve. What it should get right is taken
    from its recall per class, because a new day may bring more of the classes that it is weak in.

    Args:
        old: Labels and the champion's answers, int [N] each, of held-out images of partitions that it was trained on.
        new: The same, int [M] each, of all images of partitions that only the challenger was trained on.
        limit: Largest tolerated share of contradicting labels.
        confidence: Of the one-sided test.

    Returns:
        None where there is nothing to compare.
    """
    labels, answers = new
    known = np.intersect1d(labels, old[0])
    judged = np.isin(labels, known)
    count = int(judged.sum())
    if count == 0:
        return None
    expected = variance = 0.0
    for label in known:
        weight = float(np.mean(labels[judged] == label))
        of_class = old[0] == label
        recall, spread = _share(int(np.sum(old[1][of_class] == label)), int(of_class.sum()))
        expected += weight * recall
        variance += weight**2 * spread
    right = int(np.sum(labels[judged] == answers[judged]))
    # A score for both shares being uncertain; and exactly, because of a handful no normal distribution speaks.
    found, spread = _share(right, count)
    least = expected * (1 - limit)
    score = (least - found) / math.sqrt((1 - limit) ** 2 * variance + spread)
    by_chance = float(bdtr(right, count, least))
    return Agreement(
        images=count,
        accuracy=right / count,
        expected=expected,
        disagreement=max(0.0, 1 - right / count / expected),
        is_suspect=score > NormalDist().inv_cdf(confidence) and by_chance < 1 - confidence,
    )


def _share(successes: int, trials: int) -> tuple[float, float]:
    """A share and its variance, with one success and one failure added, so that neither is 0 (Agresti and Coull)."""
    share = (successes + 1) / (trials + 2)
    return share, share * (1 - share) / (trials + 2)


def _tango(comparison: PairedComparison, difference: float) -> float:
    """Tango's statistic for the hypothesis that the accuracies differ by `difference`; large where they differ more."""
    n, gained, lost = comparison.images, comparison.gained, comparison.lost
    # The most probable share of lost images under the hypothesis: a root of a quadratic equation.
    b = (2 * n - gained + lost) * difference - gained - lost
    c = -lost * difference * (1 - difference)
    share = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    excess = gained - lost - n * difference
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)
