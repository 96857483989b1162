"""The command line: what it prints, what it leaves, and its exit status."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from image_assets.cli import main
from image_assets.health.check_book import CHECK_RESULTS
from image_assets.health.unchanged import DAY_RESULTS
from image_assets.ingest import units
from image_assets.ingest.day_book import DAYS_RUN
from image_assets.ingest.known_files import KNOWN_FILES
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from tests.asset_names import REFRESHED, REPORTS
from tests.cli.shapes import assert_told
from tests.pictures import picture
from tests.platform import FIRST, SECOND, Platform, land_small_sample, small_dataset
from tests.store_files import files_at, remove_files


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset file and a landing zone."""
    root = tmp_path_factory.mktemp("places")
    (root / "drawn.yaml").write_text(yaml.safe_dump(small_dataset().model_dump(mode="json")))
    land_small_sample(root / "landing")
    return root


@pytest.fixture(autouse=True)
def _no_other_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def run(places: Path, day: dt.date, *more: str) -> int:
    arguments = ["--dataset", f"{places}/drawn.yaml", "--landing", f"{places}/landing", "--store", f"{places}/store"]
    return main(["run", *arguments, "--day", str(day), "--json", *more])


def snapshot(store: Path) -> dict[str, str]:
    """Every file of a store and its digest, but for what every run renews: what was run, checked, known of files."""
    return {
        file.relative_to(store).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(store.rglob("*"))
        if file.is_file() and not {DAYS_RUN, DAY_RESULTS, CHECK_RESULTS, KNOWN_FILES} & set(file.parts)
    }


@pytest.mark.long
def test_a_day_is_run_again_without_change_and_a_new_day_adds_only_its_own(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(places, FIRST) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert_told("run", first)
    plant = first["categories"]["plant"]
    assert {name: plant[name] for name in ("listed", "loaded", "duplicates", "quarantined", "features")} == {
        "listed": 20,
        "loaded": 16,
        "duplicates": 1,
        "quarantined": {"empty": 1, "not_an_image": 2},
        "features": 16,
    }
    assert [(shard["rows"], shard["columns"]) for shard in plant["shards"]] == [(7, 1282), (7, 1282), (2, 1282)]
    assert first["checks"]["failed"] == []
    assert [first["classifier"][name] for name in ("data_day", "trained", "held_back")] == [str(FIRST), True, None]
    # What the documentation says to set for the UI: it has the day's runs.
    with dg.DagsterInstance.from_config(str(places / "dagster")) as instance:
        jobs = [one.job_name for one in instance.get_runs()]
    assert sorted(jobs) == ["drawn_daily"] * 3 + ["drawn_refresh"]

    before = snapshot(files_at(places / "store"))
    for more in ("--json", "--verify"):
        assert run(places, FIRST, more) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["categories"] == first["categories"]
        assert snapshot(files_at(places / "store")) == before

    assert run(places, SECOND) == 0
    second = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert second["categories"]["plant"]["duplicates"] == 1
    unpartitioned = tuple(f"drawn/{name}/" for name in (*REFRESHED, *REPORTS, "plots", "reports"))
    after = snapshot(files_at(places / "store"))
    changed = [name for name, digest in before.items() if after.get(name) != digest]
    assert [name for name in changed if not name.startswith(unpartitioned)] == []

    assert main(["status", "--dataset", f"{places}/drawn.yaml", "--store", f"{places}/store", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert [(one["day"], one["category"], one["loaded"]) for one in status["partitions"]][:3] == [
        (str(FIRST), "animal", 16),
        (str(FIRST), "human", 16),
        (str(FIRST), "plant", 16),
    ]
    assert main(["status", "--dataset", f"{places}/drawn.yaml", "--store", f"{places}/store"]) == 0
    shown = capsys.readouterr().out
    assert "2026-11-04" in shown
    assert "quarantined" in shown
    assert f"checks: {status['checks']['passed']} passed, 0 warned, 0 failed" in shown
    # The partitioned checks of both days, and those of the whole dataset.
    assert status["checks"]["passed"] > 2 * 3 * 14
    assert status["categories"]["plant"]["last_run"] == str(SECOND)
    assert status["categories"]["plant"]["quarantine_rate"] == 0.12
    assert status["storage"]["raw_images"]["bytes"] >= status["storage"]["raw_images"]["bytes_in_use"] > 0


def test_the_accounts_are_printed_and_written_and_what_does_not_balance_ends_with_status_1(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    arguments = ["accounting", "--dataset", f"{tmp_path}/drawn.yaml", "--store", f"{tmp_path}/store"]
    assert main([*arguments, "--csv", f"{tmp_path}/accounts.csv"]) == 0
    assert "not_an_image" in capsys.readouterr().out
    written = pl.read_csv(tmp_path / "accounts.csv", try_parse_dates=True)
    others = ("category", "companions", "unplaced", "near_duplicates")
    plants = written.filter(pl.col("category") == "plant").select(pl.exclude(others)).rows()
    assert plants == [(FIRST, 20, 16, 1, 3, 1, 2), (SECOND, 5, 4, 1, 0, 0, 0)]
    assert written.columns[-2:] == ["empty", "not_an_image"]

    rows = platform.rows(RAW_IMAGES, platform.partition("animal"))
    platform.replace_rows(RAW_IMAGES, platform.partition("animal"), rows.slice(1))
    assert main(arguments) == 1
    assert "does not balance: 2026-11-03 animal: 16 listed, 15 loaded" in capsys.readouterr().out

    arguments[-1] = f"{tmp_path}/empty"
    assert main(arguments) == 2
    assert (
        f"there is nothing of dataset drawn in {files_at(tmp_path / 'empty')} yet: run a day first"
        in capsys.readouterr().err
    )


def test_a_store_of_other_datasets_and_an_empty_one_are_told_from_one_that_is_well(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.yaml").write_text(
        yaml.safe_dump({**loaded_platform.dataset.model_dump(mode="json"), "name": "drawm"})
    )
    asked = ["accounting"], ["status"], ["suspects"], ["conflicts", "list"], ["models", "list"], ["verify"]
    asked += ["share", "--list"], ["similar", "0" * 64], ["categories", "list"]
    for command in asked:
        places = ["--dataset", f"{tmp_path}/other.yaml", "--store"]
        assert main([*command, *places, loaded_platform.store.url]) == 2
        said = (
            f"there is nothing of dataset drawm in {loaded_platform.store.url}, which holds drawn: did you mean drawn?"
        )
        assert said in " ".join(capsys.readouterr().err.split()), command
        assert main([*command, *places, f"{tmp_path}/empty"]) == (1 if command[0] in ("status", "verify") else 2)
        printed = " ".join("".join(capsys.readouterr()).split())
        assert "nothing is loaded of drawm" in printed or "there is nothing of dataset drawm" in printed, command
    assert not files_at(tmp_path / "empty").exists()


@pytest.mark.long
def test_one_category_alone_has_no_classifier_and_says_so(tmp_path: Path, places: Path, capsys) -> None:
    shutil.copytree(places / "landing", tmp_path / "landing")
    shutil.copy(places / "drawn.yaml", tmp_path)
    assert run(tmp_path, FIRST, "--category", "animal") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out.splitlines()[-1])
    assert list(report["categories"]) == ["animal"]
    assert report["classifier"] is None
    assert "fewer than two classes have training images" in " ".join(printed.err.split())


@pytest.mark.long
def test_a_run_can_stop_after_an_asset_and_the_next_goes_on_from_there(
    tmp_path: Path, places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(places / "landing", tmp_path / "landing")
    shutil.copy(places / "drawn.yaml", tmp_path)
    assert run(tmp_path, FIRST, "--category", "plant", "--until", "image_features") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out.splitlines()[-1])
    assert report["categories"]["plant"]["features"] == 16
    assert set(report["seconds"]) == {"raw_images", "image_features", "checks", "orchestration"}
    assert "the run was to stop before them" in " ".join(printed.err.split())
    made = {path.name for path in files_at(tmp_path / "store/drawn").iterdir()}
    assert {"raw_images", "image_features"} <= made
    assert not made & {"near_duplicates", "feature_shards", "classifier", "accounting"}
    features = {
        path: path.stat().st_mtime_ns for path in files_at(tmp_path / "store/drawn/image_features").rglob("*.parquet")
    }
    assert main(["verify", "--dataset", f"{tmp_path}/drawn.yaml", "--store", f"{tmp_path}/store"]) == 0
    assert f"never published, so that there are no shards to be read: {FIRST} plant" in capsys.readouterr().out

    assert run(tmp_path, FIRST, "--category", "plant") == 0
    assert files_at(tmp_path / "store/drawn/feature_shards").exists()
    assert (
        features.items()
        <= {
            path: path.stat().st_mtime_ns
            for path in files_at(tmp_path / "store/drawn/image_features").rglob("*.parquet")
        }.items()
    )


def test_a_blocking_check_that_fails_ends_with_status_1_and_names_the_check(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = loaded_platform.copy_to(tmp_path)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(broken.dataset.model_dump(mode="json")))
    # A run was killed before its commit, and the finished file that the next run finds was damaged on disk.
    features = broken.store.table("drawn", IMAGE_FEATURES)
    (unit,) = features.partition_files(broken.partition())
    rows = pl.read_parquet((files_at(features.url) / unit.path).read_bytes())
    lost = rows.with_columns(features=pl.lit([float("nan")] * 1280, pl.List(pl.Float32)))
    remove_files(features.url)
    features.write_file(
        broken.partition(), Path(unit.path).stem, lost.to_arrow().cast(IMAGE_FEATURES.file_schema).to_batches()
    )
    model = files_at(tmp_path / "store/drawn/classifier/champion.json").read_bytes()
    assert run(tmp_path, FIRST) == 1
    printed = capsys.readouterr()
    report = json.loads(printed.out.splitlines()[-1])
    assert report["checks"]["failed"] == ["image_features/vectors_are_sound [2026-11-03 plant]"]
    assert report["classifier"] is None
    assert "blocking" in printed.err
    # What is made of all days is left as it was.
    assert files_at(tmp_path / "store/drawn/classifier/champion.json").read_bytes() == model


def test_ctrl_c_ends_the_command_and_not_only_the_step(
    tmp_path: Path, places: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(places / "landing", tmp_path / "landing")
    shutil.copy(places / "drawn.yaml", tmp_path)
    decoded = []

    def interrupted(*_: object) -> None:
        decoded.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(units, "decode", interrupted)
        assert run(tmp_path, FIRST) == 130
    assert "run the same command again" in capsys.readouterr().err
    assert not files_at(tmp_path / "store/drawn/image_features").exists()
    # Threads had at most their own files in hand: no other category was begun.
    assert len(decoded) <= 16


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--day", "yesterday"], "'yesterday' is no day; expected one such as 2026-11-20"),
        (["--day", "2026-10-01"], "2026-10-01 lies before start_day 2026-11-03 of dataset drawn"),
        (["--day", "2999-01-01"], "2999-01-01 is not over in UTC; the last complete day is"),
        (["--category", "rock"], "dataset drawn: there is no category 'rock'; there are animal, human, plant"),
        (
            ["--until", "classifier"],
            "dataset drawn makes no 'classifier' of a day; it makes arrivals, raw_images,",
        ),
        (["--dataset", "nowhere.yaml"], "nowhere.yaml: no such file or directory"),
        (["--landing", "/nowhere/at/all"], "/nowhere/at/all: no such folder"),
        (["--landing", "s3://bucket/landing"], "for a bucket set `source: {kind: bucket}`"),
        (["--store", "ftp://host/store"], "expected a folder, file:///… or s3://bucket/prefix"),
        (["--store", "s3://bucket/store"], "set DAGSTER_HOME"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_run(
    places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str
) -> None:
    (tmp_path / "landing").mkdir()
    store = files_at(tmp_path / "store")
    arguments = {
        "--dataset": f"{places}/drawn.yaml",
        "--landing": str(tmp_path / "landing"),
        "--store": str(store),
        "--day": str(FIRST),
    }
    arguments.update(zip(change[::2], change[1::2], strict=True))
    assert main(["run", *(word for pair in arguments.items() for word in pair)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (store / "drawn").exists()


def test_landing_brings_folders_in_and_a_second_time_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "deep" / "a.png").write_bytes(picture(0, 0))
    arguments = [
        "land",
        "--landing",
        f"{tmp_path}/landing",
        "--day",
        "2026-11-20",
        "--category",
        "plant",
        f"{tmp_path}/mine",
    ]
    assert main(arguments) == 0
    assert (tmp_path / "landing/2026-11-20/plant/mine/deep/a.png").read_bytes() == picture(0, 0)
    assert "1 files landed" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "0 files landed (0.0 MB), 1 were there already" in capsys.readouterr().out


def test_the_installed_command_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "image_assets.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "Materialise a day" in done.stdout
