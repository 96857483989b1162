"""docs/scale.md is what was measured and simulated, and its answers are those of the model."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from benchmarks.scale import gpu_nodes, page
from benchmarks.scale.costs import read_costs
from benchmarks.scale.money import Prices, read_prices
from benchmarks.scale.predictions import CHANGES, NODES, TIMES, figures, plan_of


def test_the_page_is_what_was_measured_and_simulated() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.now(), "make scale"


def test_predictions_are_those_of_todays_model_costs_and_prices() -> None:
    content, costs = json.loads(page.PREDICTIONS.read_text(encoding="utf-8")), read_costs()
    assert content["costs_of"] == costs.date, "make scale"
    assert content["prices"] == asdict(read_prices()), "make scale"
    for times, nodes in ((1, 1), (100, 1_000)):
        again = figures(plan_of(times, nodes), costs.costs, read_prices())
        known = content["as it is"][str(times)][str(nodes)]
        assert {name: one for name, one in again.items() if name != "short"} == pytest.approx(
            {name: one for name, one in known.items() if name != "short"}
        ), "make scale"
        assert again["short"] == known["short"]


def test_every_size_is_told_for_every_number_of_nodes_and_every_change() -> None:
    content = json.loads(page.PREDICTIONS.read_text(encoding="utf-8"))
    for times in map(str, TIMES):
        for design in ("as it is", "all changes"):
            assert [int(name) for name in content[design][times]] == list(NODES)
        for kind in ("step", "all but"):
            assert list(content[kind][times]) == [change.name for change in CHANGES]


def test_the_picture_is_there_and_has_a_line_for_each_size() -> None:
    drawn = page.PICTURE.read_text(encoding="utf-8")
    assert drawn.count("million") >= 2 * len(TIMES)


def test_a_table_says_what_was_missed() -> None:
    from tests.benchmarks.scale.test_check import MEASURED, as_the_costs_say, compared

    found = compared(as_the_costs_say(), MEASURED)
    assert "4 of 4 runs are within 15%" in page.verdict(found, MEASURED)
    from dataclasses import replace

    off = [replace(found[0], simulated=found[0].measured * 1.3), *found[1:]]
    assert "3 of 4 runs" in page.verdict(off, MEASURED)
    assert "missed" in page.verdict(off, MEASURED)
    assert "+30%" in page.checks_table(off)


PRICES = Prices(
    "today", "here", True, cpu_node_hour=1.0, gpu_node_hour=10.0, storage_gb_month=0, get_1000=0, put_1000=0
)


def test_where_nodes_cross_both_cost_the_same() -> None:
    speed = gpu_nodes.crossing(gpu_nodes.LIGHT, gpu_nodes.SMALL, PRICES)
    there = gpu_nodes.Model("there", speed, gpu_nodes.LIGHT.gpu)
    on_cores = gpu_nodes.dollars(PRICES.cpu_node_hour, gpu_nodes.rate_on_cores(there, gpu_nodes.SMALL))
    on_gpu = gpu_nodes.dollars(PRICES.gpu_node_hour, gpu_nodes.rate_on_gpu(there, gpu_nodes.SMALL))
    assert on_cores == pytest.approx(on_gpu)


def test_a_gpu_that_costs_nothing_more_is_always_cheaper() -> None:
    free = Prices("today", "here", True, 1.0, 1.0, 0, 0, 0)
    assert gpu_nodes.crossing(gpu_nodes.LIGHT, gpu_nodes.LARGE, free) == float("inf")


def test_what_is_decoded_limits_a_gpu() -> None:
    assert gpu_nodes.rate_on_gpu(gpu_nodes.HEAVY, gpu_nodes.LARGE) == gpu_nodes.LARGE.decoded
    assert gpu_nodes.dollars(3.6, 1_000) == pytest.approx(1.0)
