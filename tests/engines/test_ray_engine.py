"""Units on a real Ray cluster of two machines, which are two sets of processes here."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

from ray.cluster_utils import Cluster  # noqa: E402

from image_assets.engines import ray_board  # noqa: E402
from image_assets.engines.engine import LocalEngine, Unit, UnitLost, UnitTooLarge  # noqa: E402
from image_assets.engines.ray_board import Board, board_of_driver  # noqa: E402
from image_assets.engines.ray_engine import RayEngine  # noqa: E402
from image_assets.features.units import extract_units  # noqa: E402
from image_assets.ingest import fingerprint, kept_units  # noqa: E402
from image_assets.ingest.known_files import KNOWN_FILES  # noqa: E402
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition  # noqa: E402
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES  # noqa: E402
from image_assets.store.tables.partition_files import PartitionFiles  # noqa: E402
from image_assets.workers import Progress, no_progress  # noqa: E402
from tests.ingest.folders import folder_source  # noqa: E402
from tests.platform import Platform, land_small_sample, small_dataset  # noqa: E402
from tests.ports import free_port  # noqa: E402
from tests.store_files import python_path  # noqa: E402

# A cluster takes ten seconds to start, and a test of it often as long.
pytestmark = pytest.mark.long
# An address of this machine that cannot be reached from others; Ray replaces 127.0.0.1 by one that can.
_LOOPBACK = "127.0.0.2"
_MACHINE = {"node_ip_address": _LOOPBACK, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module", params=["of the cluster", "from outside"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A head without cores and two machines with one each, of which one claims memory and a GPU that others lack.

    The driver is on a machine of the cluster, or asks for everything by `ray://`.
    """
    # What asks from outside has no place of its own from which workers could load these tests.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path(Path(__file__).parents[2]))
        yield from _cluster(from_outside=request.param == "from outside")


def _cluster(*, from_outside: bool) -> Iterator[Cluster]:
    port = free_port()
    head = {"num_cpus": 0, "include_dashboard": False, "ray_client_server_port": port, **_MACHINE}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, memory=1_000_000_000, **_MACHINE)
    cluster.add_node(num_cpus=1, memory=3_000_000_000, num_gpus=1, **_MACHINE)
    if from_outside:
        _come_from_outside(f"ray://{_LOOPBACK}:{port}")
    else:
        ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=_LOOPBACK)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def _come_from_outside(address: str) -> None:
    """Ray waits for half a minute; on a loaded machine the head needs longer to start what answers."""
    for waited in range(6):
        try:
            ray.init(address, log_to_driver=False)
        except ConnectionError:
            if waited == 5:
                raise
        else:
            return


def doubles(number: int, threads: int, progress: Progress) -> tuple[int, int]:
    progress(number, number)
    return 2 * number, threads


def tells_where(threads: int, progress: Progress) -> str:
    time.sleep(1)
    return ray.get_runtime_context().get_node_id()


def dies_at_first(marker: Path, threads: int, progress: Progress) -> str:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return "done after all"


def dies(threads: int, progress: Progress) -> None:
    os._exit(1)


def fails(threads: int, progress: Progress) -> None:
    raise FileNotFoundError("no such bucket")


def leaves_a_trace(trace: Path, threads: int, progress: Progress) -> None:
    for step in range(600):
        trace.write_text(str(step))
        time.sleep(0.1)
        progress(step, 600)


def takes_two_seconds(threads: int, progress: Progress) -> tuple[str, int]:
    for step in range(20):
        time.sleep(0.1)
        progress(step + 1, 20)
    return ray.get_runtime_context().get_node_id(), os.getpid()


class SlowBoard(Board):
    """Answers much later than units ask, as one on a machine with much other work."""

    def report(self, stage: int, number: int, done: int, age: float, machine: str) -> bool:
        time.sleep(3)
        return super().report(stage, number, done, age, machine)


def ends_elsewhere(leaving: str, begun: Path, threads: int, progress: Progress) -> str:
    """Says where it is; on the machine that is to be taken away it never ends by itself in time."""
    here = ray.get_runtime_context().get_node_id()
    if here == leaving:
        begun.touch()
        time.sleep(300)
    return here


def test_results_come_in_the_order_of_the_units_and_progress_reaches_the_end(cluster: Cluster) -> None:
    told: list[tuple[int, int]] = []
    tasks = [Unit(str(n), n, partial(doubles, n)) for n in (3, 1, 2)]
    assert RayEngine().run(tasks, lambda *done: told.append(done)) == [(6, 1), (2, 1), (4, 1)]
    assert told[-1] == (6, 6)
    assert RayEngine().run([], no_progress) == []


def goes_on_until_it_is_seen(seen: Path, threads: int, progress: Progress) -> None:
    for _ in range(1_200):
        if seen.exists():
            return
        progress(7, 20)
        time.sleep(0.1)


def progress_is_seen(folder: Path) -> bool:
    """Whether a unit that is at its seventh step of twenty, until somebody has seen that, is seen there."""
    seen = folder / "seen"
    seen.unlink(missing_ok=True)
    unit = Unit("one", 20, partial(goes_on_until_it_is_seen, seen))
    RayEngine().run([unit], lambda done, _: seen.touch() if done == 7 else None)
    return seen.exists()


def test_a_driver_has_one_board_which_is_begun_again_where_it_ends(cluster: Cluster, tmp_path: Path) -> None:
    assert progress_is_seen(tmp_path)
    board = board_of_driver()
    assert progress_is_seen(tmp_path)
    ray.kill(board, no_restart=False)
    assert progress_is_seen(tmp_path)
    assert board_of_driver() is board


def test_a_board_that_is_gone_for_ever_costs_a_stage_its_progress_and_nothing_else(
    cluster: Cluster, tmp_path: Path
) -> None:
    board, told = board_of_driver(), list[int]()
    ray.kill(board, no_restart=True)
    RayEngine().run([Unit("slow", 20, takes_two_seconds)], lambda done, _: told.append(done))
    assert set(told) == {0, 20}
    assert progress_is_seen(tmp_path)
    assert board_of_driver() is not board


def test_units_are_shared_out_over_the_machines(cluster: Cluster) -> None:
    nodes = RayEngine().run([Unit(str(n), 1, tells_where) for n in range(12)], no_progress)
    assert len(set(nodes)) == 2


def test_a_unit_that_is_not_answered_keeps_its_core(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray begins another worker on the machine of a task that waits, which would work on the next unit beside it."""
    slow = ray.remote(SlowBoard).options(num_cpus=0).remote()
    monkeypatch.setattr(ray_board, "board_of_driver", lambda: slow)
    workers = RayEngine().run([Unit(str(n), 1, takes_two_seconds) for n in range(6)], no_progress)
    assert len({machine for machine, _ in workers}) == len(set(workers)) == 2


def machine_with(resource: str, amount: float) -> str:
    working = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    (found,) = [node["NodeID"] for node in working if node["Resources"].get(resource, 0) >= amount]
    return found


def test_units_run_where_the_memory_and_the_gpu_are_that_they_need(cluster: Cluster) -> None:
    large, of_gpu = machine_with("memory", 2_000_000_000), machine_with("GPU", 1)
    nodes = RayEngine().run([Unit(str(n), 1, tells_where, memory=2_000_000_000) for n in range(2)], no_progress)
    assert nodes == [large, large]
    assert RayEngine().run([Unit(str(n), 1, tells_where, gpus=0.5) for n in range(2)], no_progress) == [of_gpu, of_gpu]
    # The negative control: what needs nothing is shared out.
    assert len(set(RayEngine().run([Unit(str(n), 1, tells_where) for n in range(12)], no_progress))) == 2


@pytest.mark.parametrize(
    ("needs", "said"),
    [({"memory": 5_000_000_000}, "at most there are 3,000,000,000 bytes"), ({"gpus": 2}, "and 1 GPUs")],
)
def test_what_no_machine_has_is_refused_instead_of_waited_for(
    cluster: Cluster, needs: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnitTooLarge, match=f"^training needs .* {said}"):
        RayEngine().run([Unit("training", 1, tells_where, **needs)], no_progress)


def test_a_lost_worker_s_unit_is_done_again(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [Unit("the unlucky", 1, partial(dies_at_first, tmp_path / "died")), Unit("other", 1, partial(doubles, 1))]
    assert RayEngine().run(tasks, no_progress) == ["done after all", (2, 1)]


def test_a_unit_whose_worker_is_always_lost_ends_the_run_with_its_name(cluster: Cluster) -> None:
    with pytest.raises(UnitLost, match=r"loading a\.jpg … b\.jpg: begun 3 times on the Ray cluster"):
        RayEngine().run([Unit("loading a.jpg … b.jpg", 1, dies)], no_progress)


def test_an_error_keeps_its_type_and_names_the_unit(cluster: Cluster) -> None:
    with pytest.raises(FileNotFoundError, match="no such bucket") as raised:
        RayEngine().run([Unit("the features of x", 1, fails), Unit("y", 1, partial(doubles, 1))], no_progress)
    assert "while working on the features of x" in raised.value.__notes__[0]


def test_the_other_units_stop_when_one_has_failed(cluster: Cluster, tmp_path: Path) -> None:
    traces = [Unit(str(n), 600, partial(leaves_a_trace, tmp_path / str(n))) for n in range(3)]
    with pytest.raises(FileNotFoundError):
        RayEngine().run([Unit("fails", 1, fails), *traces], no_progress)
    # A machine is free again long before a minute's work is done, also for what had been waiting.
    assert RayEngine().run([Unit("next", 1, partial(doubles, 1))], no_progress) == [(2, 1)]
    assert all(int(path.read_text()) < 300 for path in tmp_path.iterdir())


def test_failing_and_ending_at_the_same_moment_leaves_the_driver_alive(cluster: Cluster) -> None:
    for _ in range(15):
        with pytest.raises(FileNotFoundError):
            RayEngine().run([Unit("fails", 1, fails), *[Unit("quick", 1, partial(doubles, 1))] * 4], no_progress)


def test_a_machine_that_is_taken_away_costs_time_and_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    """As clouds do it: a machine is taken back in the middle of a unit, and another of its kind comes.

    The unit needs what only that kind of machine has: whether Ray gives one of several equal machines any work is
    for Ray to say.
    """
    of_its_kind = {"num_cpus": 1, "memory": 5_000_000_000, **_MACHINE}
    leaving = cluster.add_node(**of_its_kind)
    begun = tmp_path / "begun"
    coming: list[Any] = []

    def take_it_away(done: int, total: int) -> None:
        if not coming and begun.exists():
            coming.append(cluster.add_node(**of_its_kind))
            cluster.remove_node(leaving, allow_graceful=False)

    work = partial(ends_elsewhere, leaving.node_id, begun)
    units = [Unit("large", 1, work, memory=4_000_000_000), Unit("small", 1, partial(doubles, 1))]
    assert RayEngine().run(units, take_it_away) == [coming[0].node_id, (2, 1)]
    cluster.remove_node(coming[0])


def slow_on(slow: str, threads: int, progress: Progress) -> str:
    """A tenth of a second, and on one machine without end: until it is told that it need not go on."""
    here = ray.get_runtime_context().get_node_id()
    for step in range(6_000 if here == slow else 1):
        time.sleep(0.1)
        progress(0 if here == slow else step, 1)
    return here


def test_what_a_slow_machine_works_on_is_done_by_another_and_the_slow_one_is_free_again(cluster: Cluster) -> None:
    slow = machine_with("GPU", 1)
    nodes = RayEngine().run([Unit(str(n), 1, partial(slow_on, slow)) for n in range(12)], no_progress)
    assert slow not in nodes
    # Its work was given up: it takes part again, and this is not waited for without end.
    nodes = RayEngine().run([Unit(str(n), 1, tells_where) for n in range(12)], no_progress)
    assert len(set(nodes)) == 2


def files_of(root: Path) -> dict[str, str]:
    """Digests of the tables' files. What is known of files without reading them depends on how old they are then."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*.parquet")
        if not {"_delta_log", KNOWN_FILES} & set(path.parts)
    }


def load_and_extract(platform: Platform, engine: Any) -> dict[str, str]:
    partition = platform.partition()
    tables = IngestTables.of(platform.store, platform.dataset)
    report = ingest_partition(partition, Ingest(platform.dataset, folder_source(platform.landing), tables, engine))
    assert (report.loaded, report.quarantined) == (16, {"empty": 1, "not_an_image": 2})
    raw = platform.store.table(platform.dataset.name, RAW_IMAGES)
    features = platform.store.table(platform.dataset.name, IMAGE_FEATURES)
    files = raw.partition_files(partition)
    assert len(files) > 2
    features.replace(
        partition,
        extract_units(PartitionFiles(raw, files), features, partition, platform.dataset.extractor, engine).files,
    )
    return files_of(platform.files)


def test_tables_are_the_same_byte_for_byte(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_units, "UNIT_FILES", 7)
    monkeypatch.setattr(fingerprint, "UNIT_FILES", 6)
    here, there = Platform(small_dataset(), tmp_path / "here"), Platform(small_dataset(), tmp_path / "there")
    for platform in (here, there):
        land_small_sample(platform.landing)
    assert load_and_extract(here, LocalEngine()) == load_and_extract(there, RayEngine())


def test_a_dataset_whose_file_says_ray_is_run_on_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """Through Dagster, with all checks."""
    platform = Platform(small_dataset(engine="ray"), tmp_path)
    land_small_sample(platform.landing)
    machines = {node["NodeID"] for node in ray.nodes()}
    assert platform.run(platform.partition().date, "plant").ok
    assert platform.rows(IMAGE_FEATURES, platform.partition()).height == 16
    assert {node["NodeID"] for node in ray.nodes()} == machines  # the cluster that was there, and no other
