"""No run is green when something is wrong: its exit status is not 0, or it warns and `status` says so too.

Every case is a run of `image-assets run` on a store with one good day, as a person or a scheduler would start it.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from image_assets.cli import main
from image_assets.store.s3 import s3_client
from tests.pictures import picture
from tests.platform import FIRST, small_dataset
from tests.s3_server import LISTS_ONLY, S3Server
from tests.store_files import copy_place, files_at

DAYS = [FIRST + dt.timedelta(days=number) for number in range(6)]
SECOND, LAST = DAYS[1], DAYS[-1]
KINDS = {"plant": 0, "animal": 1}
ALL_WELL = "0 warned, 0 failed"
LEFT_OUT = "landed and not run: 4 days, 2026-11-04 to 2026-11-07, animal, plant"


@dataclass(frozen=True)
class Place:
    """A dataset file, a landing zone, a store and a Dagster home in one folder."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def describe(self, **changes: object) -> None:
        """Write the dataset file. Numbers of colours are the cheapest features, and two categories the fewest."""
        dataset = small_dataset(**{"categories": KINDS, "extractor": {"kind": "colour_statistics"}, **changes})
        content = dataset.model_dump(mode="json")
        (self.root / "drawn.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def land(self, day: dt.date, seeds: range, names: dict[str, int] = KINDS) -> None:
        for name, kind in names.items():
            folder = self.landing / str(day) / name
            folder.mkdir(parents=True, exist_ok=True)
            for seed in seeds:
                (folder / f"{seed}.png").write_bytes(picture(kind, seed, side=24))

    def garbage(self, day: dt.date, files: int) -> None:
        for name in KINDS:
            folder = self.landing / str(day) / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(files):
                (folder / f"error-{number}.jpg").write_text(f"<html>404 {name} {number}</html>")

    def command(self, name: str, *more: str) -> int:
        return main([name, "--dataset", f"{self.root}/drawn.yaml", "--store", f"{self.root}/store", *more])

    def run(self, day: dt.date = SECOND, landing: str = "") -> int:
        return self.command("run", "--landing", landing or str(self.landing), "--day", str(day))


@pytest.fixture(autouse=True)
def _no_other_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first day, run well."""
    place = Place(tmp_path_factory.mktemp("loaded"))
    place.describe()
    place.land(FIRST, range(12))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        assert place.run(FIRST) == 0
    return place.root


@pytest.fixture
def place(loaded: Path, tmp_path: Path) -> Place:
    copy_place(loaded, tmp_path)
    return Place(tmp_path)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return " ".join(f"{said.out} {said.err}".split())


def test_a_good_day_is_green(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.land(SECOND, range(20, 26))
    assert place.run() == 0
    said = printed(capsys)
    assert ALL_WELL in said
    assert "warning" not in said
    assert place.command("status", "--landing", str(place.landing)) == 0
    said = printed(capsys)
    assert ALL_WELL in said
    assert "to be run" not in said


Case = Callable[[Place], None]


def nothing_landed(place: Place) -> None:
    (place.landing / str(SECOND) / "plant").mkdir(parents=True)


def folder_misspelt(place: Place) -> None:
    place.land(SECOND, range(20, 26), {"plants": 0, "animal": 1})


def daemon_down_for_four_days(place: Place) -> None:
    for number, day in enumerate(DAYS[1:], start=1):
        place.land(day, range(20 * number, 20 * number + 6))


@pytest.mark.parametrize(
    ("case", "day", "told", "state"),
    [
        pytest.param(
            *(nothing_landed, SECOND, "day_is_not_empty [2026-11-04, animal, plant]", "day_is_not_empty"),
            marks=pytest.mark.long,
        ),
        (folder_misspelt, SECOND, "plants (did you mean plant?)", "plants (did you mean plant?)"),
        pytest.param(
            *(daemon_down_for_four_days, LAST, f"warning: {LEFT_OUT}", LEFT_OUT),
            marks=pytest.mark.long,
        ),
    ],
    ids=["empty day", "misspelt folder", "daemon down for four days"],
)
def test_what_is_not_there_is_warned_of_by_the_run_and_by_status(
    place: Place, capsys: pytest.CaptureFixture[str], case: Case, day: dt.date, told: str, state: str
) -> None:
    case(place)
    assert place.run(day) == 0
    said = printed(capsys)
    assert told in said
    assert ALL_WELL not in said or "warning:" in said
    assert place.command("status", "--landing", str(place.landing)) == 0
    said = printed(capsys)
    assert state in said
    assert "all categories are there" not in said


def two_fifths_garbage(place: Place) -> None:
    place.land(SECOND, range(20, 26))
    place.garbage(SECOND, 4)


def all_refused(place: Place) -> None:
    place.garbage(SECOND, 6)


@pytest.mark.parametrize("case", [two_fifths_garbage, all_refused], ids=["40 % garbage", "all refused"])
def test_much_in_quarantine_fails_the_run_and_status_says_so(
    place: Place, capsys: pytest.CaptureFixture[str], case: Case
) -> None:
    case(place)
    assert place.run() == 1
    assert "raw_images/quarantine_rate [2026-11-04, animal, plant]" in printed(capsys)
    assert place.command("status", "--landing", str(place.landing)) == 1
    said = printed(capsys)
    assert "2 failed" in said
    assert "raw_images/quarantine_rate" in said


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("image_assets.ingest.assets.ingest_partition", "run and failed"),
        ("image_assets.features.assets.extract_units", "unfinished: image_features/one_row_per_image"),
    ],
    ids=["while it loads", "after it has loaded"],
)
def test_a_run_that_fails_before_its_checks_is_told_by_status_until_it_has_been_run_again(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, step: str, state: str
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError("planted")

    place.land(SECOND, range(20, 26))
    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        assert place.run() == 1
    capsys.readouterr()
    assert place.command("status") == 1
    assert state in printed(capsys)
    assert place.run() == 0
    assert place.command("status") == 0


def pictures_without_days(place: Place) -> None:
    shutil.rmtree(place.landing)
    for name, kind in KINDS.items():
        (place.landing / name).mkdir(parents=True)
        (place.landing / name / "1.png").write_bytes(picture(kind, 1))


def away(place: Place) -> None:
    place.landing.rename(place.root / "elsewhere")


def renumbered(place: Place) -> None:
    place.land(SECOND, range(20, 26))
    place.describe(categories={"plant": 1, "animal": 0})


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (pictures_without_days, "expected"),
        (away, "landing: no such folder"),
        (renumbered, "drawn would mix two meanings: plant has the number 0"),
    ],
    ids=["wrong layout", "landing zone away", "renumbered categories"],
)
def test_what_cannot_be_run_is_refused(place: Place, capsys: pytest.CaptureFixture[str], case: Case, told: str) -> None:
    case(place)
    before = stored(place)
    assert place.run() == 2
    assert told in printed(capsys)
    assert stored(place) == before


def stored(place: Place, *tables: str) -> list[tuple[str, int]]:
    """The files of a store, or of some of its tables, and when they were written."""
    folders = [files_at(place.root / "store") / "drawn" / table for table in tables or ("",)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted((str(path), path.stat().st_mtime_ns) for path in files)


@pytest.mark.long
def test_a_bucket_that_lists_and_does_not_give_ends_the_run(place: Place, s3_server: S3Server) -> None:
    place.describe(source={"kind": "bucket", "days": "by_key"})
    bucket, client = s3_server.bucket(), s3_client(s3_server.storage_options)
    for name, kind in KINDS.items():
        client.put_object(Bucket=bucket, Key=f"in/{SECOND}/{name}/1.png", Body=picture(kind, 30, side=24))
    before = stored(place, "raw_images", "quarantine")
    done = run_elsewhere(place, f"s3://{bucket}/in", s3_server, *LISTS_ONLY)
    assert done.returncode == 1
    assert "the bucket lists it, but these credentials may not read it" in done.stdout
    assert stored(place, "raw_images", "quarantine") == before


def run_elsewhere(
    place: Place, landing: str, server: S3Server, access: str, secret: str
) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what a process once knows of a bucket it keeps."""
    keys = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": server.region}
    where = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_ALLOW_HTTP": "true"}
    places = ["--dataset", f"{place.root}/drawn.yaml", "--store", f"{place.root}/store", "--landing", landing]
    return subprocess.run(
        [sys.executable, "-m", "image_assets.cli", "run", *places, "--day", str(SECOND)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | keys | where,
    )
