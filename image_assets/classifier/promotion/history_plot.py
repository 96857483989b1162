"""What a person gets to see of a model's history: a plot of the days, and the last decision in words."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from image_assets.markdown import markdown_table
from image_assets.pages.figures import MAIN, OTHERS, SECOND, picture
from image_assets.store.models.model_history import Decision

_SHOWN = 90  # records; more are a blur


def decision_markdown(decision: Decision) -> str:
    """A decision as a sentence and a table with the figures of both models."""
    verdict = "promoted" if decision.promoted else "the champion stays"
    rows = [(f"challenger {decision.challenger[:12]}", _share(decision.challenger_accuracy))]
    if decision.champion:
        rows.append((f"champion {decision.champion[:12]}", _share(decision.champion_accuracy)))
    said = f"**{verdict}** ({decision.reason}): {decision.explanation}."
    return f"{said}\n\n{markdown_table(('model', 'accuracy'), rows, 'lr')}\n"


def history_plot(history: Sequence[Decision]) -> bytes:
    """Draw the accuracy of challenger and champion by the day of the data; crosses are challengers that were refused.

    Args:
        history: The oldest first; of very many only the newest are drawn.

    Returns:
        A PNG file; the same records give the same bytes.
    """
    shown = [one for one in history if one.challenger_accuracy is not None][-_SHOWN:]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(shown))
        compared = [place for place in places if shown[place].champion_accuracy is not None]
        heights = [shown[place].champion_accuracy or 0.0 for place in compared]
        axes.plot(compared, heights, "-", color=OTHERS, label="champion")
        stands = [one.promoted or one.reason == "same model" for one in shown]
        for label, marker, colour, wanted in (
            ("challenger, promoted", "o", MAIN, True),
            ("challenger, not promoted", "x", SECOND, False),
        ):
            chosen = [place for place in places if stands[place] is wanted]
            heights = [shown[place].challenger_accuracy or 0.0 for place in chosen]
            axes.plot(chosen, heights, marker, color=colour, label=label)
        step = max(1, len(shown) // 12)
        ticks = list(places)[::step]
        axes.set_xticks(ticks, [str(shown[place].data_day) for place in ticks], rotation=30, ha="right", fontsize=7)
        axes.set_ylabel("accuracy on held-out images")
        axes.set_title("Champion and challenger, day by day", loc="left")
        axes.grid(axis="y")
        axes.legend(fontsize=8)

    return picture(9, 3.6, paint)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
