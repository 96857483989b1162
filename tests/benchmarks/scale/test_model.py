"""The simulated platform against what can be worked out, and what has to hold of any plan."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scale.costs import UnitCosts
from benchmarks.scale.limits import first_short, shortages
from benchmarks.scale.model import RESOURCES, Outcome, simulate
from benchmarks.scale.money import PRICES, Bill, bill, read_prices
from benchmarks.scale.places import DISK, UNIT_IMAGES, Design, Nodes, Plan, Work
from tests.benchmarks.scale.example import unit_costs

ONE_CORE = Nodes(1, cores=1, efficiency=1.0)
AS_MEASURED = Design(process_a_run=False, runs_at_once=1)


def one_partition(images: int, nodes: Nodes = ONE_CORE, **work: object) -> Plan:
    return Plan(Work(images, 1, 1, orchestrated=False, **work), nodes, DISK, AS_MEASURED)  # pyright: ignore[reportArgumentType]


def test_a_partition_costs_the_sum_of_its_parts() -> None:
    costs = unit_costs(hash_process=1e-3, load_process=2e-3, extract_process=4e-3, load_driver=1e-4, load_call=0.5)
    outcome = simulate(one_partition(1_000, until_shards=False), costs)
    assert outcome.seconds == pytest.approx(1 + 2 + 4 + 0.1 + 0.5)
    assert outcome.slots_busy == pytest.approx(7 / 7.6)


def test_workers_of_ray_start_and_load_the_model_once_in_every_run() -> None:
    costs = unit_costs(hash_process=1e-3, extract_process=1e-3, worker_start=3.0, worker_model=2.0)
    # Eight units on two places, one run after the other: each of the two has both of its places begin anew.
    work = Work(16_000, days=2, categories=1, until_shards=False, orchestrated=False, unit_images=1_000)
    design = Design(runs_at_once=1, runs_of_category=1)

    def outcome(nodes: Nodes, **decided: object) -> Outcome:
        return simulate(Plan(work, nodes, DISK, design).but(**decided), costs)

    two = Nodes(2, cores=1, efficiency=1.0)
    found = outcome(two)
    assert found.seconds == pytest.approx(16 + 2 * (3 + 2))
    assert found.processor == pytest.approx(32 + 2 * 2 * (3 + 2))
    # Not where one process does all runs, whose workers stay, nor without Ray.
    assert outcome(two, process_a_run=False).seconds == pytest.approx(16)
    assert outcome(Nodes(1, cores=1, efficiency=1.0, cluster=False)).processor == pytest.approx(0)


def test_what_is_serial_limits_what_nodes_can_do() -> None:
    costs = unit_costs(load_process=1e-3, load_driver=1e-5)
    images = 200 * UNIT_IMAGES
    times = [simulate(one_partition(images, Nodes(n, 1, 1.0)), costs).seconds for n in (1, 2, 20, 200)]
    for nodes, seconds in zip((1, 2, 20, 200), times, strict=True):
        assert seconds == pytest.approx(images * (1e-3 / nodes + 1e-5), rel=0.01)
    assert times[-1] > images * 1e-5


def test_runs_wait_for_the_queue_and_for_their_category() -> None:
    costs = unit_costs(shards_partition=10.0)
    work = Work(6, days=2, categories=3)

    def seconds(at_once: int, of_category: int) -> float:
        return simulate(Plan(work, ONE_CORE, DISK, Design(at_once, of_category, process_a_run=False)), costs).seconds

    assert [seconds(1, 1), seconds(3, 2), seconds(6, 1), seconds(6, 2)] == [60.0, 20.0, 20.0, 10.0]


def test_all_pairs_grow_with_the_square() -> None:
    costs = unit_costs(near_pair=1e-6)

    def seconds(images: int, **work: int) -> float:
        plan = Plan(Work(images, **work), ONE_CORE, DISK, AS_MEASURED)  # pyright: ignore[reportArgumentType]
        return simulate(plan, costs).seconds

    assert seconds(2_000, days=1, categories=1) == pytest.approx(4 * seconds(1_000, days=1, categories=1))
    # However they are shared out: half the square, whole partitions once.
    assert seconds(2_000, days=10, categories=1) == pytest.approx(2_000**2 / 2 * 1e-6, rel=0.02)


def test_runs_at_once_look_at_every_pair_too() -> None:
    costs = unit_costs(near_pair=1e-6, extract_partition=1.0, checks_partition=1.0)
    at_once = Design(runs_at_once=10, runs_of_category=10, process_a_run=False)
    compared = simulate(Plan(Work(2_000, days=10, categories=1), ONE_CORE, DISK, at_once), costs)
    # All are extracted before one is compared: every hash with all others, but with half of its own partition's.
    pairs = 2_000 * (2_000 - 200 / 2)
    assert compared.stage_seconds["near-duplicates, pairs"] == pytest.approx(pairs * 1e-6)


def test_a_commit_takes_longer_the_more_files_a_log_has() -> None:
    costs = unit_costs(commit_file=1e-3)

    def seconds(**design: object) -> float:
        work = Work(2 * 100 * UNIT_IMAGES, days=1, categories=2)
        return simulate(Plan(work, ONE_CORE, DISK, AS_MEASURED).but(**design), costs).seconds

    # The second partition's two commits find a hundred files each; only those of features do with two tables.
    assert seconds() == pytest.approx(2 * 100 * 1e-3)
    assert seconds(table_per_category=True) == pytest.approx(100 * 1e-3)


def test_requests_wait_for_what_a_prefix_answers() -> None:
    plan = Plan(Work(55_000, 1, 1), Nodes(1, 1_000, 1.0))
    seconds = simulate(plan, unit_costs()).seconds
    assert seconds >= 55_000 / plan.store.gets_a_second
    assert simulate(plan.but(images_per_object=1_000), unit_costs()).seconds < seconds / 5
    assert first_short(plan, unit_costs()).resource in ("requests", "listing", "runs", "latency")


PLANS = st.builds(
    Work, st.integers(1, 300_000), days=st.integers(1, 4), categories=st.integers(1, 3), unit_images=st.just(5_000)
)
COSTS = st.builds(UnitCosts, **{one.name: st.floats(0, 1e-3) for one in fields(UnitCosts)})


@settings(max_examples=40)
@given(PLANS, COSTS, st.integers(1, 8), st.integers(1, 4))
def test_more_nodes_are_never_slower_where_nobody_is_in_the_way(
    work: Work, costs: UnitCosts, nodes: int, cores: int
) -> None:
    # One run at a time on a disk; of several, an unlucky order of the same work may take a little longer.
    before, after = (
        simulate(Plan(work, Nodes(count, cores), DISK, AS_MEASURED), costs) for count in (nodes, nodes + 1)
    )
    assert after.seconds <= before.seconds * (1 + 1e-9)


@settings(max_examples=40)
@given(PLANS, COSTS, st.integers(1, 30), st.integers(1, 3))
def test_nothing_is_lost_whatever_the_plan(work: Work, costs: UnitCosts, nodes: int, parts: int) -> None:
    plan = Plan(work, Nodes(nodes, 4)).but(subpartitions=parts)
    outcome = simulate(plan, costs)
    assert outcome.images == work.images
    assert outcome.runs == work.partitions * parts
    assert outcome.log_files >= -(-work.images // work.unit_images)
    core = costs.hash_process + costs.load_process + costs.extract_process
    cores = plan.nodes.count * plan.nodes.cores * plan.nodes.efficiency
    assert outcome.seconds * cores >= work.images * core * (1 - 1e-6)
    assert 0 <= outcome.slots_busy <= 1 + 1e-9


@settings(max_examples=25)
@given(PLANS, COSTS, st.sampled_from(RESOURCES))
def test_what_is_there_without_end_holds_nobody_up(work: Work, costs: UnitCosts, resource: str) -> None:
    plan = Plan(work, Nodes(2, 4)).but(runs_at_once=1)
    assert simulate(plan, costs, [resource]).seconds <= simulate(plan, costs).seconds * (1 + 1e-9)


@pytest.mark.parametrize(
    ("short", "costs"),
    [
        ("cores", {"load_process": 1e-2}),
        ("driver", {"load_driver": 1e-3}),
        ("serial", {"checks_image": 1e-3}),
        ("pairs", {"near_pair": 1e-6}),
        ("commits", {"commit_base": 10.0, "load_call": 0.0}),
        ("listing", {"list_image": 1e-3}),
    ],
)
def test_what_was_made_short_is_found_to_be(short: str, costs: dict[str, float]) -> None:
    plan = Plan(Work(100_000, 2, 1), Nodes(2, 4), DISK, AS_MEASURED)
    found = shortages(plan, unit_costs(**costs))
    assert found[0].resource == short
    assert found[0].saves > 0.5


def test_an_unknown_resource_is_refused() -> None:
    with pytest.raises(ValueError, match="no such resource: luck"):
        simulate(one_partition(1), unit_costs(), ["luck"])


@given(st.integers(1, 10**6), st.integers(1, 20))
@settings(max_examples=20)
def test_costs_add_up(images: int, nodes: int) -> None:
    plan, costs, prices = Plan(Work(images, 2), Nodes(nodes)), unit_costs(load_process=1e-3, photo_bytes=2e4), PRICES
    outcome, known = simulate(plan, costs), read_prices(prices)
    found = bill(plan, outcome, costs, known)
    assert found.compute == pytest.approx(nodes * outcome.seconds / 3600 * known.cpu_node_hour)
    assert found.requests * 1000 == pytest.approx(outcome.gets * known.get_1000 + outcome.puts * known.put_1000)
    assert found.storage_month == pytest.approx(images * 2e4 / 1e9 * known.storage_gb_month)
    assert found.once == found.compute + found.requests
    assert Bill(1.0, 2.0, 9.0).per_million(1_500_000) == pytest.approx(2.0)


def test_prices_that_are_not_whole_are_refused(tmp_path: object) -> None:
    whole = PRICES.read_text(encoding="utf-8")
    file = tmp_path / "prices.yaml"  # pyright: ignore[reportOperatorIssue]
    for wrong, said in (
        (whole.replace("get_1000", "got_1000"), "get_1000, got_1000"),
        (whole.replace("0.71", "-1"), "cpu_node_hour"),
    ):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            read_prices(file)
    assert read_prices().example
