"""What a person gets to see of a selection: a table, a plot and a CSV file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from image_assets.classifier.training.families import Candidate
from image_assets.classifier.training.selection import Score
from image_assets.markdown import markdown_table
from image_assets.pages.figures import COLOURS, Plot, draw

_SHOWN = 25


def candidates_frame(scores: Sequence[Score]) -> pl.DataFrame:
    """A row per candidate, in the order of `scores`.

    Returns:
        Columns candidate, family, images, mean, deviation, seconds, converged, and fold_1 … fold_F.
    """
    folds = range(len(scores[0].folds))
    return pl.DataFrame(
        {
            "candidate": [str(one.candidate) for one in scores],
            "family": [one.candidate.family for one in scores],
            "images": [one.rows for one in scores],
            "mean": [one.mean for one in scores],
            "deviation": [one.deviation for one in scores],
            "seconds": [one.seconds for one in scores],
            "converged": [one.converged for one in scores],
            **{f"fold_{fold + 1}": [one.folds[fold] for one in scores] for fold in folds},
        }
    )


def candidates_markdown(scores: Sequence[Score], scoring: str) -> str:
    """The best candidates as a table, and how many there were."""
    rows = [
        (
            f"{one.candidate}{'' if one.converged else ' (stopped at its limit)'}",
            f"{one.rows:,}",
            f"{one.mean:.4f}",
            f"{one.deviation:.4f}",
            f"{one.seconds:.1f}",
        )
        for one in scores[:_SHOWN]
    ]
    more = f"\n{len(scores) - _SHOWN} more are in candidates.csv.\n" if len(scores) > _SHOWN else ""
    return markdown_table(("candidate", "images", scoring, "deviation", "seconds"), rows, "lrrrr") + f"\n{more}"


def candidates_picture(scores: Sequence[Score], scoring: str) -> Plot:
    """Above, all candidates by family; below, mean and deviation of the best, and of the best of every family.

    Candidates that were compared on fewer images, and then left, are hollow and stand above only.
    """
    families = list(dict.fromkeys(one.candidate.family for one in scores))
    colours = {family: COLOURS[place % len(COLOURS)] for place, family in enumerate(sorted(families))}
    shown = _worth_showing(scores)
    heights = [0.3 * len(families) + 0.3, 0.24 * len(shown) + 0.5]

    def paint(figure: Figure) -> None:
        above, below = figure.subplots(2, height_ratios=heights)
        _draw_families(above, scores, families, colours)
        _draw_best(below, shown, _varying(scores), colours)
        below.set_xlabel(f"{scoring.replace('_', ' ')}: mean and standard deviation over {len(scores[0].folds)} folds")

    return draw(
        "candidates_compared",
        f"Which of {len(scores):,} classifiers is best?",
        f"Above all by family, those hollow that were left on fewer images; below the best of those compared on "
        f"{scores[0].rows:,} training images, the first of which was trained. Alarming: many with the same mean within "
        "their deviations, for then the choice means little; simpler ones are as good.",
        sum(heights) + 0.9,
        paint,
    )


def _worth_showing(scores: Sequence[Score]) -> list[Score]:
    """Of those compared on all images the best, and the best of every family, in the order of `scores`."""
    compared = [one for one in scores if one.rows == scores[0].rows]
    best_of: dict[str, Score] = {}
    for one in compared:
        best_of.setdefault(one.candidate.family, one)
    return [one for place, one in enumerate(compared) if place < _SHOWN or best_of[one.candidate.family] is one]


def _draw_families(axes: Axes, scores: Sequence[Score], families: Sequence[str], colours: Mapping[str, str]) -> None:
    for place, family in enumerate(families):
        for whole in (False, True):
            means = [
                one.mean for one in scores if one.candidate.family == family and (one.rows == scores[0].rows) == whole
            ]
            fill = colours[family] if whole else "none"
            axes.scatter(means, [place] * len(means), s=16, alpha=0.6, facecolors=fill, edgecolors=colours[family])
    counts = Counter(one.candidate.family for one in scores)
    axes.set_yticks(range(len(families)), [f"{_words(name)} ({counts[name]})" for name in families], fontsize=8)
    axes.set_ylim(len(families) - 0.5, -0.5)
    axes.grid(axis="x")


def _draw_best(axes: Axes, shown: Sequence[Score], varying: Mapping[str, set[str]], colours: Mapping[str, str]) -> None:
    for place, one in enumerate(shown):
        colour = colours[one.candidate.family]
        axes.errorbar(one.mean, place, xerr=one.deviation, fmt="o", markersize=4, capsize=3, color=colour)
    axes.set_yticks(
        range(len(shown)), [_label(one.candidate, varying[one.candidate.family]) for one in shown], fontsize=7
    )
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(axis="x")


def _varying(scores: Sequence[Score]) -> dict[str, set[str]]:
    """Family → the settings in which its candidates differ: the others need not be said of each."""
    values: dict[str, dict[str, set[object]]] = defaultdict(lambda: defaultdict(set))
    for one in scores:
        for name, value in one.candidate.values:
            values[one.candidate.family][name].add(value)
    return {family: {name for name, seen in of.items() if len(seen) > 1} for family, of in values.items()}


def _label(candidate: Candidate, varying: set[str]) -> str:
    settings = ", ".join(f"{_words(name)} {_said(value)}" for name, value in candidate.values if name in varying)
    return f"{_words(candidate.family)}: {settings}" if settings else _words(candidate.family)


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return "unlimited" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")
