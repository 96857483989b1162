"""The picture of `docs/scale.md`: hours by nodes, as it is and with all changes of the design."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

_COLOURS = {"1": "#1b7837", "100": "#2166ac", "10000": "#b2182b"}
_NAMES = {"1": "1 million images", "100": "100 million", "10000": "10,000 million"}


def draw(predictions: Mapping[str, Any], path: Path) -> None:
    """Draw it: the same bytes for the same predictions."""
    with plt.rc_context({"svg.hashsalt": "scale", "svg.fonttype": "none", "font.size": 10}):
        figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
        for design, line in (("as it is", "-"), ("all changes", "--")):
            for times, colour in _COLOURS.items():
                one = predictions[design][times]
                nodes, hours = [int(name) for name in one], [figures["hours"] for figures in one.values()]
                axes.plot(nodes, hours, line, color=colour, marker="o", ms=4, label=f"{_NAMES[times]}, {design}")
        axes.axhline(24 * 30, color="#888888", lw=0.8)
        axes.text(1, 24 * 30 * 1.15, "the thirty days in which they arrive", color="#666666", fontsize=8)
        axes.set(xscale="log", yscale="log", xlabel="nodes of 16 cores", ylabel="hours, simulated")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
