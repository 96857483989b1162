"""From runs to figures: medians, rates with and without start-up, ratios, and whether the goals are reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.table import Table

from benchmarks.extraction.measure import Run

ENGINE, DECODER, MODEL = "engine", "decode_only", "model_only"
IN_MEMORY = "engine_in_memory"


@dataclass(frozen=True)
class Figures:
    """What one contestant reached, images per second.

    Attributes:
        images: Photos of the larger run.
        whole: Photos by the seconds of the process.
        steady: Photos by seconds with start-up left out: of two runs, the difference in photos by that in seconds.
        worked: Photos by the seconds after everything was imported and loaded.
        peak_mb: Most memory of its processes together, 10⁶ bytes.
    """

    images: int
    whole: float
    steady: float
    worked: float
    peak_mb: float


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals."""

    what: str
    ratio: float
    goal: float

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.ratio >= self.goal


def figures(rounds: Sequence[tuple[Run, Run]]) -> Figures:
    """Medians over rounds of a smaller and a larger run each."""
    small, large = rounds[0]
    seconds = median(b.whole - a.whole for a, b in rounds)
    return Figures(
        large.images,
        large.images / median(b.whole for _, b in rounds),
        (large.images - small.images) / seconds,
        large.images / median(b.worked for _, b in rounds),
        max(b.peak_bytes for _, b in rounds) / 1e6,
    )


def ceiling(found: Mapping[str, Figures]) -> float:
    """What decoder and model allow when they share the cores, images per second."""
    return 1 / (1 / found[DECODER].worked + 1 / found[MODEL].worked)


def goals(found: Mapping[str, Figures]) -> list[Goal]:
    """The ratios of those that took part. Start-up is left out, but where it says whole."""
    engine = found[ENGINE]
    lines = []
    if DECODER in found and MODEL in found:
        lines.append(Goal("engine ÷ ceiling", engine.worked / ceiling(found), 0.95))
        if IN_MEMORY in found:
            lines.append(Goal("engine in memory ÷ ceiling", found[IN_MEMORY].worked / ceiling(found), 0.95))
    for peer, what, least in (
        ("original", "engine ÷ original way", 6.0),
        ("tf_data", "engine ÷ tf.data", 2.0),
        ("ray_data", "engine ÷ Ray Data", 1.7),
        ("daft_own", "engine ÷ Daft, own decoder", 2.0),
        ("daft_ours", "engine ÷ Daft, our decoder", 1.15),
    ):
        if peer in found:
            lines.append(Goal(what, engine.steady / found[peer].steady, least))
    if "ray_data" in found:
        lines.append(Goal("engine ÷ Ray Data, whole run", engine.whole / found["ray_data"].whole, 2.0))
    return lines


def as_json(found: Mapping[str, Figures]) -> dict:
    """Everything that was found, with no unit but those in `Figures`."""
    return {
        "contestants": {name: asdict(one) for name, one in found.items()},
        "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals(found)],
    }


def contestants_table(found: Mapping[str, Figures]) -> Table:
    """Images per second and memory of everybody."""
    table = Table("contestant", title="Images per second")
    for heading in ("images", "whole run", "without start-up", "once ready", "peak memory"):
        table.add_column(heading, justify="right")
    for name, one in found.items():
        speeds = (f"{speed:,.0f}" for speed in (one.whole, one.steady, one.worked))
        table.add_row(name, f"{one.images:,}", *speeds, f"{one.peak_mb:,.0f} MB")
    if DECODER in found and MODEL in found:
        table.add_row("ceiling of both", "", "", "", f"{ceiling(found):,.0f}", "")
    return table


def goals_table(found: Mapping[str, Figures]) -> Table:
    """Ratios beside the goals."""
    table = Table("figure", title="Ratios")
    for heading in ("ratio", "goal", ""):
        table.add_column(heading, justify="right")
    for goal in goals(found):
        table.add_row(goal.what, f"{goal.ratio:.2f}", f"≥ {goal.goal:g}", "✓" if goal.reached else "missed")
    return table
