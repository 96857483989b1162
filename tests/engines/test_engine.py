"""The engine of one machine, and how one is chosen."""

from __future__ import annotations

from functools import partial

import pytest

from image_assets.dataset import DatasetError
from image_assets.definitions import build_resources
from image_assets.engines.engine import LocalEngine, Unit, finished_or_made
from image_assets.environment import ENGINE
from image_assets.resources.engines import EngineResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.workers import Progress, cores
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
