"""The engine of one machine, and how one is chosen."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from image_assets import memory
from image_assets.dataset import DatasetError
from image_assets.definitions import build_resources
from image_assets.engines import engine as engine_module
from image_assets.engines.engine import LocalEngine, Unit, UnitTooLarge, finished_or_made
from image_assets.environment import ENGINE
from image_assets.resources.engines import EngineResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.workers import Progress, cores, no_progress
from tests.platform import small_dataset


def steps(number: int, threads: int, progress: Progress) -> tuple[int, int]:
    for done in range(1, number + 1):
        progress(done, number)
    return number, threads


def fails(threads: int, progress: Progress) -> None:
    raise PermissionError("not allowed")


def test_units_are_done_in_order_on_all_cores_and_progress_adds_up() -> None:
    told: list[tuple[int, int]] = []
    results = LocalEngine().run([Unit(str(n), n, partial(steps, n)) for n in (2, 0, 3)], lambda *at: told.append(at))
    assert results == [(2, cores()), (0, cores()), (3, cores())]
    assert sorted(told) == told
    assert {done for done, _ in told} == {1, 2, 3, 4, 5}
    assert {total for _, total in told} == {5}


def test_what_is_finished_is_not_made_again_and_all_results_keep_their_order() -> None:
    told: list[tuple[int, int]] = []
    units = [Unit(str(n), n, partial(steps, n)) for n in (2, 1, 3)]
    results = finished_or_made(units, [(2, 0), None, (3, 0)], LocalEngine(), lambda *at: told.append(at))
    assert results == [(2, 0), (1, cores()), (3, 0)]
    assert told[0] == (5, 6)
    assert told[-1] == (6, 6)


def test_an_error_keeps_its_type_and_names_the_unit() -> None:
    with pytest.raises(PermissionError, match="not allowed") as raised:
        LocalEngine().run([Unit("loading x", 1, fails)], lambda *_: None)
    assert raised.value.__notes__ == ["while working on loading x"]


def test_a_dataset_file_chooses_the_engine_and_the_environment_overrides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from image_assets.engines.ray_engine import RayEngine

    def engine(dataset_file: str) -> object:
        resources = build_resources(LandingResource(url="landing"), StoreResource(url="store"))
        chosen = resources["engines"]
        assert isinstance(chosen, EngineResource)
        return type(chosen.engine(small_dataset(engine=dataset_file)))

    assert (engine("local"), engine("ray")) == (LocalEngine, RayEngine)
    monkeypatch.setenv(ENGINE.name, "ray")
    assert (engine("local"), engine("ray")) == (RayEngine, RayEngine)
    monkeypatch.setenv(ENGINE.name, "local")
    assert (engine("local"), engine("ray")) == (LocalEngine, LocalEngine)
    monkeypatch.setenv(ENGINE.name, "spark")
    with pytest.raises(DatasetError, match="IMAGE_ASSETS_ENGINE=spark: there is no such engine; expected local or ray"):
        engine("local")


def test_an_unknown_engine_in_a_dataset_file_is_refused() -> None:
    with pytest.raises(DatasetError, match="engine: found 'spark'"):
        small_dataset(engine="spark")


class Together:
    """Counts how many units work at the same moment."""

    def __init__(self) -> None:
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def work(self, threads: int, progress: Progress) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        progress(1, 1)
        with self.lock:
            self.now -= 1
        return threads


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "cores", lambda: 4)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("memory", "gpus", "at_once"),
    [(0, 0.0, 1), (100, 0.0, 4), (300, 0.0, 3), (500, 0.0, 2), (501, 0.0, 1), (100, 1, 1)],
)
def test_as_many_units_run_at_once_as_fit_into_memory(memory: int, gpus: float, at_once: int) -> None:
    together, told = Together(), []
    units = [Unit(str(n), 1, together.work, memory, gpus) for n in range(6)]
    threads = LocalEngine(memory=1_000).run(units, lambda *at: told.append(at))
    assert threads == [4 // at_once] * 6
    assert together.most <= at_once
    assert (together.most > 1) is (at_once > 1)
    assert told[-1] == (6, 6)
    assert sorted(told) == told


@pytest.mark.usefixtures("four_cores")
def test_results_of_units_that_run_at_once_come_in_their_order() -> None:
    def work(number: int, threads: int, progress: Progress) -> int:
        time.sleep(0.03 * (3 - number))
        return number

    assert LocalEngine(memory=10).run([Unit(str(n), 1, partial(work, n), 1) for n in range(4)], no_progress) == [
        *range(4)
    ]


@pytest.mark.usefixtures("four_cores")
def test_units_beside_one_that_fails_stop() -> None:
    steps_done: list[int] = []

    def goes_on(threads: int, progress: Progress) -> None:
        for step in range(600):
            time.sleep(0.01)
            steps_done.append(step)
            progress(step, 600)

    units = [Unit("fails", 1, fails, 1), *[Unit(str(n), 600, goes_on, 1) for n in range(3)]]
    with pytest.raises(PermissionError) as raised:
        LocalEngine(memory=10).run(units, no_progress)
    assert raised.value.__notes__ == ["while working on fails"]
    assert len(steps_done) < 600


def test_a_unit_that_needs_more_memory_than_there_is_is_refused_before_anything_is_begun() -> None:
    together = Together()
    units = [Unit("small", 1, together.work, 1), Unit("training", 1, together.work, 2_000)]
    with pytest.raises(UnitTooLarge, match="training needs 2,000 bytes of memory; there are 1,000 here"):
        LocalEngine(memory=1_000).run(units, no_progress)
    assert together.most == 0


def test_the_memory_of_a_container_is_what_it_allows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for allowed, expected in (("max\n", whole), ("4096\n", 4096), (f"{2 * whole}\n", whole)):
        (tmp_path / "memory.max").write_text(allowed)
        monkeypatch.setattr(memory, "_ALLOWED", tmp_path / "memory.max")
        assert memory.memory_of_machine() == expected
    monkeypatch.setattr(memory, "_ALLOWED", tmp_path / "nothing")
    assert LocalEngine().memory == whole
