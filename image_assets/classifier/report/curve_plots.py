"""The plots on what a model needs: which features, how many of them, how many images; and on the days of its images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from image_assets.classifier.report.elimination import CurvePoint
from image_assets.classifier.report.importance import Importance
from image_assets.pages.figures import MAIN, OTHERS, SECOND, Plot, draw, rows_height, short

_BARS = 20
_DAYS = 60


def importance_plot(key: str, title: str, caption: str, found: Sequence[Importance]) -> Plot:
    """What the model loses without every group of features; the most important on top."""
    shown = found[:_BARS]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places, means = range(len(shown)), [100 * one.mean for one in shown]
        axes.barh(places, means, 0.72, color=MAIN, xerr=[100 * one.deviation for one in shown], ecolor=OTHERS)
        axes.set_yticks(list(places), [short(one.group.title, 44) for one in shown], fontsize=8.5)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("points of accuracy lost when it is shuffled among the images")
        axes.grid(axis="x")

    return draw(key, title, caption, rows_height(len(shown)), paint)


def elimination_plot(points: Sequence[CurvePoint], majority: float, ranked_by: str) -> Plot:
    """Cross-validated accuracy against the number of features."""
    enough = smallest_as_good(points)
    return draw(
        "elimination",
        "How few features would do",
        f"The weakest features ({ranked_by}) are taken away, half of what is left every time; accuracy on folds of the "
        f"training images that had no say in the choice. The smallest number within one standard error "
        f"of the best is {enough:,}. Alarming: one feature that does nearly as well as all, which mostly is a trace of "
        "how the images were made and not of what they show.",
        3.6,
        lambda figure: _curve(figure.subplots(), points, majority, "features"),
    )


def smallest_as_good(points: Sequence[CurvePoint]) -> int:
    """The smallest size whose mean is within one standard error of the best one (Breiman et al., CART, 1984)."""
    best = max(points, key=lambda point: point.mean)
    least = best.mean - best.deviation / np.sqrt(len(best.folds))
    return min(point.size for point in points if point.mean >= least)


def learning_plot(points: Sequence[CurvePoint], majority: float) -> Plot:
    """Cross-validated accuracy against the number of training images."""
    gain = points[-1].mean - points[-2].mean if len(points) > 1 else 0.0
    return draw(
        "learning_curve",
        "Would more images help?",
        f"Accuracy on folds of the training images, by how many of the others the model was trained on. The last step "
        f"brought {100 * gain:+.1f} points. Still rising: more images will help. Flat: better labels, features or "
        "another kind of model will, not more of the same. Alarming: a curve that falls.",
        3.6,
        lambda figure: _curve(figure.subplots(), points, majority, "training images"),
    )


def _curve(axes: Axes, points: Sequence[CurvePoint], majority: float, label: str) -> None:
    ordered = sorted(points, key=lambda point: point.size)
    sizes, means = [one.size for one in ordered], np.array([one.mean for one in ordered])
    deviations = np.array([one.deviation for one in ordered])
    axes.fill_between(sizes, means - deviations, means + deviations, color=MAIN, alpha=0.2, linewidth=0)
    axes.plot(sizes, means, "o-", color=MAIN, markersize=4)
    axes.axhline(majority, color=OTHERS, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(sizes[0], majority, "always the most frequent category ", fontsize=8, va="bottom", ha="left")
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set(xlabel=label, ylabel="accuracy")
    axes.grid()


def days_plot(days: pl.DataFrame) -> Plot:
    """Share held out and accuracy by day of arrival; see `SplitFairness.days`."""
    shown = days.tail(_DAYS)

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        places = np.arange(shown.height)
        upper.bar(places, shown["training"], 0.8, color=MAIN, label="training")
        upper.bar(places, shown["held_out"], 0.8, bottom=shown["training"], color=SECOND, label="held out")
        upper.set_ylabel("images")
        upper.legend(loc="upper left", bbox_to_anchor=(1, 1))
        judged = shown["held_out"].to_numpy()
        accuracy = np.where(judged > 0, shown["right"].to_numpy() / np.maximum(judged, 1), np.nan)
        lower.plot(places, accuracy, "o-", color=SECOND, markersize=4)
        lower.set(ylim=(0, 1.03), ylabel="accuracy")
        step = -(-shown.height // 12)
        lower.set_xticks(places[::step], [f"{day:%d %b}" for day in shown["date"][::step]])
        lower.set_xlim(-max(0.6, (8 - shown.height) / 2), shown.height - 1 + max(0.6, (8 - shown.height) / 2))
        for axes in (upper, lower):
            axes.grid(axis="y")

    return draw(
        "days_of_the_split",
        "The two sides, day by day",
        "Images by day of arrival, and the accuracy on those held out of each. Alarming: days without any image held "
        "out, or an accuracy that falls towards the latest days: the world has moved on from what was learnt.",
        4.0,
        paint,
    )
