"""`docs/scale.md`, made of the JSON files that measuring, checking and predicting leave.

What belongs here: the page's tables. Its prose is in `page_text.md`, with a place for each table; the picture is drawn
by `picture.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from string import Template
from typing import Any

from benchmarks.scale import gpu_nodes, picture
from benchmarks.scale.check import LIMIT, SHAPES, Compared, of_json, within
from benchmarks.scale.costs import Measured, UnitCosts, measured_of, read_costs
from benchmarks.scale.limits import MEANINGS
from benchmarks.scale.money import Prices, read_prices
from benchmarks.scale.places import Nodes
from benchmarks.scale.predictions import CHANGED_ON, CHANGES, TIMES

_HERE = Path(__file__).parent
CHECKS, PREDICTIONS, TEXT = _HERE / "checks.json", _HERE / "predictions.json", _HERE / "page_text.md"
PAGE = _HERE.parents[1] / "docs" / "scale.md"
PICTURE = PAGE.parent / "images" / "scale.svg"


def write() -> None:
    """Write the page and its picture."""
    predictions = _json(PREDICTIONS)
    PAGE.write_text(page_of(predictions, _json(CHECKS), read_costs(), read_prices()), encoding="utf-8")
    picture.draw(predictions, PICTURE)


def now() -> str:
    """The page as the files have it."""
    return page_of(_json(PREDICTIONS), _json(CHECKS), read_costs(), read_prices())


def page_of(predictions: Mapping[str, Any], checks: Mapping[str, Any], costs: Measured, prices: Prices) -> str:
    """The page as Markdown."""
    found, window = of_json(checks), measured_of(checks["costs"])
    text = Template(TEXT.read_text(encoding="utf-8"))
    return text.substitute(
        checks=checks_table(found),
        verdict=verdict(found, window),
        window=_where(window),
        costs=_costs_table(costs),
        measured=_where(costs),
        taken="of the processor" if costs.busy else "by the clock",
        predictions=_predictions_table(predictions["as it is"]),
        changed=_predictions_table(predictions["all changes"], short=False),
        steps="\n\n".join(_steps_table(times, predictions) for times in TIMES),
        records=_records_table(predictions),
        prices=_prices(prices),
        gpu=_gpu_table(prices),
        gpu_source=gpu_nodes.SOURCE,
    )


def checks_table(found: Sequence[Compared]) -> str:
    """Measured beside simulated runs, as Markdown."""
    lines = [
        "| run | measured, s | simulated, s | error | processor: measured, s | simulated, s | error |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in found:
        clock = f"{one.measured:.1f} | {one.simulated:.1f} | {one.error:+.0%}"
        processor = f"{one.measured_processor:.1f} | {one.simulated_processor:.1f} | {one.processor_error:+.0%}"
        lines.append(f"| {SHAPES[one.name].said} | {clock} | {processor} |")
    return "\n".join(lines)


def verdict(found: Sequence[Compared], costs: Measured) -> str:
    """What the comparison says, and by which seconds."""
    judged = "of the processor" if costs.busy else "by the clock"
    errors = [one.processor_error if costs.busy else one.error for one in found]
    good = sum(abs(one) <= LIMIT for one in errors)
    said = "reached" if within(found, busy=costs.busy) else "missed"
    return f"{good} of {len(found)} runs are within {LIMIT:.0%}, in seconds {judged}: the goal is {said}."


def _where(costs: Measured) -> str:
    busy = "busy with other work" if costs.busy else "with little other work"
    return f"{costs.date[:10]}, {costs.machine}, {busy} (a load of {costs.load:.1f})"


def _costs_table(costs: Measured) -> str:
    lines = ["| figure | by the clock | of the processor | | from |", "|---|--:|--:|---|---|"]
    for one in fields(UnitCosts):
        clock, processor = getattr(costs.clock, one.name), getattr(costs.processor, one.name)
        unit, source = one.metadata["unit"], one.metadata["source"]
        timed = f"{_number(clock)} | {_number(processor)}" if "second" in unit else f"{_number(clock)} | "
        lines.append(f"| `{one.name}` | {timed} | {unit} | {source} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _predictions_table(said: Mapping[str, Any], *, short: bool = True) -> str:
    heads = ["images", "nodes", "hours", "images/s of a core", "compute, $", "requests, $", "$ for a million"]
    heads += ["storage, $ a month", *(["short first", "without it, less by"] if short else [])]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    for times, by_nodes in said.items():
        for nodes, one in by_nodes.items():
            cells = [_images(int(times)), f"{int(nodes):,}", _hours(one["hours"]), f"{one['images_core_second']:.2g}"]
            cells += [f"{one['compute']:,.0f}", f"{one['requests']:,.0f}", f"{one['per_million']:,.2f}"]
            cells += [f"{one['storage_month']:,.0f}", *([_short(one), f"{one['saves']:.0%}"] if short else [])]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _steps_table(times: int, predictions: Mapping[str, Any]) -> str:
    key, nodes = str(times), CHANGED_ON[times]
    before = predictions["as it is"][key][str(nodes)]
    lines = [
        f"{_images(times)} images on {nodes:,} nodes:",
        "",
        "| change, after those above | what makes it | hours | $ for a million | then short "
        "| all changes but this: hours |",
        "|---|---|--:|--:|---|--:|",
        f"| as it is | | {_hours(before['hours'])} | {before['per_million']:,.2f} | {_short(before)} | |",
    ]
    for change in CHANGES:
        one, without = predictions["step"][key][change.name], predictions["all but"][key][change.name]
        lines.append(
            f"| {change.said} | {change.how} | {_hours(one['hours'])} | {one['per_million']:,.2f} | {_short(one)} "
            f"| {_hours(without['hours'])} |"
        )
    return "\n".join(lines)


def _records_table(predictions: Mapping[str, Any]) -> str:
    lines = [
        "| images | design | driver, GB of memory | files in the longest log | commits that looked again | runs "
        "| Dagster keeps, GB (90 days) | without pruning, GB a year | partitions in ten years |",
        "|--:|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for times in TIMES:
        for design in ("as it is", "all changes"):
            one = predictions[design][str(times)][str(CHANGED_ON[times])]
            memory = f"{one['driver_gb']:,.1f}"
            memory = f"**{memory}**" if one["driver_gb"] * 1e9 > Nodes().memory else memory
            partitions = f"{one['partitions_ten_years']:,}"
            partitions = f"**{partitions}**" if one["partitions_ten_years"] > 100_000 else partitions
            lines.append(
                f"| {_images(times)} | {design} | {memory} | {one['log_files']:,} | {one['lost_commits']:,} "
                f"| {one['runs']:,} | {one['events_gb_kept']:.2g} | {one['events_gb_year']:.2g} | {partitions} |"
            )
    return "\n".join(lines)


def _gpu_table(prices: Prices) -> str:
    lines = [
        "| extractor | photos | images/s, 16 cores | with a GPU | $ for a million, 16 cores | with a GPU | cheaper "
        "| on cores cheaper from |",
        "|---|---|--:|--:|--:|--:|---|--:|",
    ]
    for model in (gpu_nodes.LIGHT, gpu_nodes.HEAVY):
        for photos in (gpu_nodes.SMALL, gpu_nodes.LARGE):
            rates = gpu_nodes.rate_on_cores(model, photos), gpu_nodes.rate_on_gpu(model, photos)
            paid = (
                gpu_nodes.dollars(prices.cpu_node_hour, rates[0]),
                gpu_nodes.dollars(prices.gpu_node_hour, rates[1]),
            )
            cheaper = "cores" if paid[0] < paid[1] else "GPU"
            lines.append(
                f"| {model.name} | {photos.name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {paid[0]:.2f} | {paid[1]:.2f} "
                f"| {cheaper} | {gpu_nodes.crossing(model, photos, prices):,.0f} images/s |"
            )
    return "\n".join(lines)


def _prices(prices: Prices) -> str:
    example = "**An example, to be replaced by your own:** " if prices.example else ""
    return (
        f"{example}{prices.where}, {prices.date}. A node of 16 cores ${prices.cpu_node_hour:.2f} an hour, with a GPU "
        f"${prices.gpu_node_hour:.2f}; storage ${prices.storage_gb_month} a GB and month; a thousand requests that "
        f"read ${prices.get_1000}, that write or list ${prices.put_1000}."
    )


def _short(one: Mapping[str, Any]) -> str:
    return MEANINGS[one["short"]] if one["short"] else "nothing by itself"


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2f}"


def _images(times: int) -> str:
    return {1: "1 million", 100: "100 million", 10_000: "10,000 million"}[times]


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
