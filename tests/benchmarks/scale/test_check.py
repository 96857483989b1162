"""The comparison of simulated with measured runs: it agrees where costs are right, and fails where one is wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.scale.check import LIMIT, SHAPES, Compared, as_json, compared, of_json, simulated, within
from benchmarks.scale.costs import COSTS, Measured, measured_of, read_costs
from benchmarks.scale.page import CHECKS
from tests.benchmarks.scale.example import unit_costs

COSTS_OF_TODAY = unit_costs(
    **{
        f"{kind}_{how}": seconds
        for how in ("thread", "process")
        for kind, seconds in (("load", 4e-3), ("extract", 5e-3))
    },
    load_partition=0.2,
    checks_partition=0.15,
    process_start=1.0,
    run_overhead=0.1,
)
MEASURED = Measured(COSTS_OF_TODAY, COSTS_OF_TODAY, "a machine", 2, "2026-11-29T00:00:00+00:00", 1.0)


def as_the_costs_say() -> dict[str, list[list[float]]]:
    """Runs that take just what the model says, and once more a little longer."""
    took = {name: simulated(name, COSTS_OF_TODAY, 2) for name in SHAPES}
    return {name: [[clock * 1.2, core * 1.1], [clock, core]] for name, (clock, core) in took.items()}


def test_the_fastest_round_is_what_is_compared() -> None:
    found = compared(as_the_costs_say(), MEASURED)
    assert [one.error for one in found] == pytest.approx([0] * len(SHAPES))
    assert [one.processor_error for one in found] == pytest.approx([0] * len(SHAPES))
    assert within(found, busy=False)
    assert within(found, busy=True)


@pytest.mark.parametrize("busy", [False, True])
def test_a_cost_that_is_wrong_by_a_third_is_seen(busy: bool) -> None:
    wrong = replace(COSTS_OF_TODAY, extract_thread=5e-3 * 4 / 3, extract_process=5e-3 * 4 / 3)
    found = compared(as_the_costs_say(), replace(MEASURED, clock=wrong, processor=wrong))
    assert not within(found, busy=busy)


def test_the_published_runs_do_not_agree_with_costs_that_are_wrong_by_a_third() -> None:
    content = json.loads(CHECKS.read_text(encoding="utf-8"))
    runs, costs = of_json(content), measured_of(content["costs"])
    for factor in (4 / 3, 2 / 3):
        wrong = {
            name: replace(
                some,
                **{
                    one: getattr(some, one) * factor
                    for one in ("load_thread", "load_process", "extract_thread", "extract_process", "process_start")
                },
            )
            for name, some in (("clock", costs.clock), ("processor", costs.processor))
        }
        found = compared({one.name: one.rounds for one in runs}, replace(costs, **wrong))
        assert not within(found, busy=costs.busy)


def test_what_is_published_is_what_the_model_says_today() -> None:
    content = json.loads(CHECKS.read_text(encoding="utf-8"))
    again = compared({one["name"]: one["rounds"] for one in content["runs"]}, measured_of(content["costs"]))
    for one, published in zip(again, of_json(content), strict=True):
        assert one.simulated == pytest.approx(published.simulated), "make scale-check again"
        assert one.simulated_processor == pytest.approx(published.simulated_processor), "make scale-check again"


def test_nothing_measured_agrees_with_nothing() -> None:
    assert not within([], busy=False)


def test_a_run_at_the_limit_is_within_and_one_beyond_is_not() -> None:
    def one(simulated: float) -> Compared:
        return Compared("one category", 100.0, simulated, 100.0, 100.0, [[100.0, 100.0]])

    assert within([one(100 * (1 + LIMIT) - 1e-6)], busy=False)
    assert not within([one(100 * (1 + LIMIT) + 1e-6)], busy=False)
    assert not within([one(80.0), one(100.0)], busy=False)


def test_runs_are_none_of_those_that_costs_are_taken_from() -> None:
    from benchmarks.scale.measuring import rounds

    fitted = {(len(rounds.CATEGORIES), images) for images in (rounds._SMALL, rounds._LARGE)}
    assert not fitted & {(shape.categories, shape.images) for shape in SHAPES.values()}
    assert any(shape.workers == 2 for shape in SHAPES.values())


def test_checks_are_read_as_they_were_written() -> None:
    found = compared(as_the_costs_say(), MEASURED)
    content = json.loads(json.dumps(as_json(found, MEASURED)))
    assert of_json(content) == found
    assert measured_of(content["costs"]) == MEASURED


def test_costs_that_are_not_whole_are_refused() -> None:
    content = json.loads(COSTS.read_text(encoding="utf-8"))
    assert read_costs() == measured_of(content)
    for change, said in (({"hash_thread": None}, "hash_thread"), ({"luck": {"clock": 1, "processor": 1}}, "luck")):
        figures = {name: one for name, one in {**content["figures"], **change}.items() if one}
        with pytest.raises(ValueError, match=f"missing or unknown: {said}; measure again by make unit-costs"):
            measured_of({**content, "figures": figures})
    figures = {**content["figures"], "ray_call": {"clock": -1.0, "processor": 0.0}}
    with pytest.raises(ValueError, match="no number of zero or more: ray_call"):
        measured_of({**content, "figures": figures})


def test_a_busy_machine_is_judged_by_its_processor() -> None:
    busy = replace(MEASURED, load=20.0, processor=unit_costs())
    assert busy.busy
    assert busy.costs is busy.processor
    assert not MEASURED.busy
    assert MEASURED.costs is MEASURED.clock
