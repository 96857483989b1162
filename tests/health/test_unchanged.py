"""A day of which nothing has changed is told again; whatever has changed, it is run."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from image_assets import program
from image_assets.cli import main
from image_assets.dataset import DatasetSpec
from image_assets.environment import ENGINE
from image_assets.health import unchanged
from image_assets.health.day_result import CheckResult, DayResult
from image_assets.health.unchanged import DAY_RESULTS, DayAsked, DayResults
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.registry import source_of
from image_assets.schema import REVIEWS, Partition
from image_assets.store.store import Store
from tests.pictures import picture
from tests.platform import FIRST, SECOND, small_dataset
from tests.store_files import files_at

GOOD = DayResult(
    checks=[
        CheckResult("raw_images", "rows_are_sound", Partition(FIRST, "plant"), True, "ERROR", True, ""),
        CheckResult("classifier", "is_current", None, False, "WARN", False, "an older one"),
    ],
    seconds={"raw_images": 1.5},
    warnings=["a day before was left out"],
    made={"raw_images"},
    refreshed=True,
)


@dataclass
class Place:
    """A landing zone, a store and a home with something in each, and what is asked for there."""

    root: Path
    dataset: DatasetSpec

    def asked(self) -> DayAsked:
        partitions = [Partition(FIRST, category) for category in self.dataset.categories]
        source = source_of(self.dataset, str(self.root / "landing"))
        return DayAsked(self.dataset, self.store, source, partitions, self.root / "dagster")

    @property
    def store(self) -> Store:
        return Store(str(self.root / "store"))

    def at(self, path: str) -> Path:
        """A path below the place, where it really lies."""
        return files_at(self.root / path) if path.startswith("store/") else self.root / path

    def write(self, path: str, content: bytes = b"something") -> Path:
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, small_dataset())
    for category in made.dataset.categories:
        made.write(f"landing/{FIRST}/{category}/1.png", picture(1, 1))
    made.write("store/drawn/raw_images/rows.parquet")
    made.write("dagster/dagster.yaml")
    return made


def test_what_a_run_gave_is_told_again(place: Place) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    assert DayResults(place.asked()).told() is None
    DayResults(place.asked()).keep(GOOD)
    told = DayResults(place.asked()).told()
    assert told is not None
    assert told.result == replace(GOOD, made=set(), seconds={})
    assert told.at >= before


def _env(place: Place, patch: pytest.MonkeyPatch) -> None:
    del place
    patch.setenv(ENGINE.name, "ray")


def _later(place: Place, patch: pytest.MonkeyPatch) -> None:
    del place
    patch.setattr(unchanged, "due_day", lambda *_: SECOND)


def _program(place: Place, patch: pytest.MonkeyPatch) -> None:
    del place
    patch.setattr(unchanged, "program_digest", lambda: "another")


def _setting(place: Place, _: pytest.MonkeyPatch) -> None:
    place.dataset = small_dataset(limits={"quarantine_rate": 0.4})


def _same_size(place: Place, _: pytest.MonkeyPatch) -> None:
    file = place.root / f"landing/{FIRST}/plant/1.png"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def _writes(path: str) -> Callable[[Place, pytest.MonkeyPatch], None]:
    """Bytes as many as before; a bucket takes the same ones for the same object."""
    return lambda place, _: (place.write(path, b"otherwise"), None)[1]


def _removes(path: str) -> Callable[[Place, pytest.MonkeyPatch], None]:
    return lambda place, _: place.at(path).unlink()


CHANGES: dict[str, Callable[[Place, pytest.MonkeyPatch], None]] = {
    "a file landed": _writes(f"landing/{FIRST}/animal/2.png"),
    "a file landed under a name that is no category": _writes(f"landing/{FIRST}/fungus/2.png"),
    "a file went": _removes(f"landing/{FIRST}/animal/1.png"),
    "a file has other bytes": _same_size,
    "a setting": _setting,
    "the engine": _env,
    "the program": _program,
    "other data is due": _later,
    "somebody decided": _writes(f"store/drawn/{REVIEWS.name}/rows.parquet"),
    "a file of the store changed": _writes("store/drawn/raw_images/rows.parquet"),
    "a file of the store went": _removes("store/drawn/raw_images/rows.parquet"),
    "a file came into the store": _writes("store/drawn/feature_shards/more.tar"),
    "the home was thrown away": _removes("dagster/dagster.yaml"),
    "the record is damaged": _writes(f"store/drawn/{DAY_RESULTS}/{FIRST}.json"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changed_the_day_is_run(
    place: Place, change: Callable[[Place, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    DayResults(place.asked()).keep(GOOD)
    assert DayResults(place.asked()).told() is not None
    change(place, monkeypatch)
    assert DayResults(place.asked()).told() is None


@pytest.mark.parametrize(
    "more", [{"until": "raw_images"}, {"allow_loss": True}, {"partitions": [Partition(FIRST, "plant")]}]
)
def test_another_question_is_another_run(place: Place, more: dict) -> None:
    DayResults(place.asked()).keep(GOOD)
    assert DayResults(replace(place.asked(), **more)).told() is None


def test_a_record_that_is_no_result_is_none(place: Place) -> None:
    results = DayResults(place.asked())
    results.keep(GOOD)
    record = place.at(f"store/drawn/{DAY_RESULTS}/{FIRST}.json")
    kept = json.loads(record.read_text())
    record.write_text(json.dumps(kept | {"result": {"checks": "none"}}))
    assert DayResults(place.asked()).told() is None


BAD = {
    "a run failed": replace(GOOD, errors=["raw_images: the disk is full"]),
    "a check failed": replace(GOOD, checks=[replace(GOOD.checks[0], passed=False)]),
}


@pytest.mark.parametrize("result", BAD.values(), ids=BAD)
def test_what_did_not_go_well_is_run_again(place: Place, result: DayResult) -> None:
    DayResults(place.asked()).keep(result)
    assert DayResults(place.asked()).told() is None


def test_what_was_decided_while_it_ran_is_not_passed_over(place: Place) -> None:
    results = DayResults(place.asked())
    place.write(f"store/drawn/{REVIEWS.name}/rows.parquet")
    results.keep(GOOD)
    assert DayResults(place.asked()).told() is None


def test_what_another_run_changed_meanwhile_is_not_passed_over(place: Place) -> None:
    results = DayResults(place.asked())
    DayBook(place.store, "drawn").begin(Partition(SECOND, "plant"), "a run", "landing")
    results.keep(GOOD)
    assert DayResults(place.asked()).told() is None


def test_a_model_that_the_dataset_names_is_looked_at(place: Place) -> None:
    module = place.write("module/saved_model.pb")
    extractor = {"kind": "tf_hub", "module": str(module.parent), "image_size": 32, "width": 8}
    place.dataset = small_dataset(extractor=extractor)
    DayResults(place.asked()).keep(GOOD)
    assert DayResults(place.asked()).told() is not None
    os.utime(module, ns=(1, 1))
    assert DayResults(place.asked()).told() is None


@pytest.mark.parametrize("beside", ["preprocessor_config.json", "weights.bin"])
def test_what_lies_beside_a_model_is_looked_at(place: Place, beside: str) -> None:
    model, other = place.write("module/model.onnx"), place.write(f"module/{beside}")
    place.dataset = small_dataset(extractor={"kind": "onnx", "file": str(model)})
    DayResults(place.asked()).keep(GOOD)
    assert DayResults(place.asked()).told() is not None
    os.utime(other, ns=(1, 1))
    assert DayResults(place.asked()).told() is None


def test_where_listing_does_not_show_what_a_run_would_find_nothing_is_told(place: Place) -> None:
    place.dataset = small_dataset(source={"kind": "url_list"})
    assert not place.asked().can_be_known


def test_another_file_of_the_program_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted").mkdir()
    module = tmp_path / "planted" / "__init__.py"
    module.write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(program, "_PACKAGES", ("planted",))

    def digest() -> str:
        program.program_digest.cache_clear()
        return program.program_digest()

    before = digest()
    assert digest() == before
    module.write_text("changed = True")
    changed = digest()
    assert changed != before
    monkeypatch.setattr(program.site, "getsitepackages", lambda: [str(tmp_path)])
    installed = digest()
    (tmp_path / "other-1.0.dist-info").mkdir()
    assert digest() != installed
    program.program_digest.cache_clear()


def test_a_library_that_brings_others_along_makes_no_other_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.program_digest.cache_clear()
    before = program.program_digest()
    (tmp_path / "brought-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    program.program_digest.cache_clear()
    assert program.program_digest() == before


def test_the_second_run_says_so_and_loads_no_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    Path("drawn.yaml").write_text(yaml.safe_dump(small_dataset().model_dump(mode="json")), encoding="utf-8")
    place = Place(tmp_path, small_dataset())
    for number, category in enumerate(place.dataset.categories):
        place.write(f"landing/{FIRST}/{category}/1.png", picture(number, 1))
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store"]
    run = ["run", *places, "--day", str(FIRST), "--until", "raw_images", "--json"]

    assert main(run) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["unchanged_since"] is None
    blocked = "import sys; sys.modules['dagster'] = None; from image_assets.cli import main; sys.exit(main())"
    again = subprocess.run([sys.executable, "-c", blocked, *run], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "nothing has changed since the run of" in again.stderr
    second = json.loads(again.stdout)
    assert second.pop("unchanged_since") is not None
    kept = ("categories", "checks", "errors", "warnings")
    assert {name: second[name] for name in kept} == {name: first[name] for name in kept}

    assert main([*run, "--verify"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged_since"] is None
    (tmp_path / f"landing/{FIRST}/plant/2.png").write_bytes(picture(0, 2))
    assert main(run) == 0
    third = json.loads(capsys.readouterr().out)
    assert third["unchanged_since"] is None
    assert third["categories"]["plant"]["loaded"] == 2
