"""Disks without room, real ones of a few megabytes: one line and no more, and once there is room all goes on."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ingest.archives import zipped
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, SECOND, small_dataset
from tests.torture.size import record, rounds_of

pytestmark = pytest.mark.local_store(reason="disks that are full")

ROOT = Path(__file__).resolve().parents[1]
# What a process needs to have disks of its own: root's rights, or the kernel's leave to be root among its own.
_OWN_DISKS = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
# Commands one after the other; a text among them is for the shell.
_COMMANDS = """
import contextlib, io, json, subprocess, sys
from image_assets.cli import main
said = []
for command in json.load(sys.stdin):
    if isinstance(command, str):
        subprocess.run(command, shell=True, check=True)
        continue
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(command)
    said.append([status, out.getvalue(), err.getvalue()])
json.dump(said, sys.__stdout__)
"""
_FILL = "cat /dev/zero > disk/ballast 2> /dev/null || true"


def _with_a_disk(
    folder: Path, kilobytes: int, *commands: str | list[str], **variables: str
) -> list[tuple[int, str, str]]:
    """Commands where `disk` is a file system of its own; each one's status and what it printed."""
    (folder / "disk").mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {folder}/disk"
    own = next((one for one in _OWN_DISKS if shutil.which(one[0]) and _works([*one, "sh", "-c", mount])), None)
    if own is None:
        pytest.skip("no disk can be mounted here, not even for a process of its own")
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    done = subprocess.run(
        [*own, "sh", "-ec", f'{mount}; exec "$@"', "sh", sys.executable, "-c", _COMMANDS],
        input=json.dumps(commands),
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [(status, out, err) for status, out, err in json.loads(done.stdout)]


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a dataset file and a landing zone."""
    dataset = small_dataset(categories={"plant": 0}, extractor={"kind": "colour_statistics"})
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    land_pictures(tmp_path / "landing", str(FIRST), "plant", 0, range(40), lambda kind, seed: picture(kind, seed, 160))
    return tmp_path


def _run(store: str, day: dt.date = FIRST, until: str = "raw_images") -> list[str]:
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", store]
    return ["run", *places, "--day", str(day), "--until", until, "--quiet"]


def test_a_full_disk_is_one_line_that_names_the_place_before_anything_is_done(place: Path) -> None:
    where = ["--dataset", "drawn.yaml", "--store", "store"]
    land = ["land", "--landing", "disk/landing", "--day", str(FIRST), "--category", "plant", "--quiet", "landing"]
    first, store, home, landed, report, accounts, demo = _with_a_disk(
        place,
        2_000,
        _run("store"),
        "mkdir disk/dagster",
        _FILL,
        _run("disk/new/store"),
        # Its home is beside it, on the full disk, and the store itself on another.
        "mkdir beside; ln -s ../disk/dagster beside/dagster",
        _run("beside/store"),
        land,
        ["report", *where, "--quiet", "--out", "disk/r.html"],
        ["accounting", *where, "--quiet", "--csv", "disk/a.csv"],
        ["demo", "--root", "disk/demo"],
    )
    assert first[0] == 0
    assert [status for status, _, _ in (store, home, landed, report, accounts, demo)] == [2] * 6
    said = [err.strip() for _, _, err in (store, home, landed, report, accounts, demo)]
    assert all(len(line.splitlines()) == 1 for line in said)
    assert said[0] == "error: store 'disk/new/store': No space left on device"
    assert said[1] == f"error: {place}/beside/dagster/dagster.yaml: no space left on device"
    assert "cannot be copied to " in said[2]
    assert said[2].endswith(": No space left on device")
    assert said[3:5] == [f"error: disk/{name}: no space left on device" for name in ("r.html", "a.csv")]
    assert said[5].endswith("disk/demo/dataset.yaml: no space left on device")


def test_a_disk_that_fills_up_during_a_run_is_one_line_and_with_more_room_the_run_goes_on(place: Path) -> None:
    full, status, after = _with_a_disk(
        place,
        1_100,
        _run("disk/store"),
        ["status", "--dataset", "drawn.yaml", "--store", "disk/store"],
        "mount -o remount,size=50m disk",
        _run("disk/store"),
        DAGSTER_HOME=str(place / "home"),
    )
    assert full[0] == 1
    (said,) = " ".join(full[1].split()).split("failed: ")[1:]
    assert said.startswith("raw_images of 2026-11-03 plant: the store: no space left on device (while working on ")
    assert "Debug" not in full[1] + full[2]
    assert status[0] == 1
    assert "nothing is loaded" in status[1]
    assert after[0] == 0
    assert "40     40" in after[1]


@pytest.mark.long
def test_a_temporary_folder_that_fills_up_under_several_processes_ends_the_run_and_with_room_it_goes_on(
    place: Path,
) -> None:
    several = {"IMAGE_ASSETS_PROCESSES": "2", "TMPDIR": str(place / "disk"), "DAGSTER_HOME": str(place / "home")}
    full, after, left = _with_a_disk(
        place,
        1_100,
        _run("store"),
        "mount -o remount,size=50m disk",
        _run("store"),
        ["status", "--dataset", "drawn.yaml", "--store", "store"],
        **several,
    )
    assert full[0] == 1
    (said,) = " ".join(full[1].split()).split("failed: ")[1:]
    assert "no space left on device" in said.lower()
    assert "(while working on loading " in said
    assert "Traceback" not in full[1] + full[2]
    assert after[0] == left[0] == 0
    assert "40     40" in after[1]


def test_a_full_home_of_before_is_one_line(place: Path) -> None:
    away = {"DAGSTER_HOME": str(place / "disk/home")}
    first, full, after = _with_a_disk(
        place, 50_000, _run("store"), _FILL, [*_run("store"), "--verify"], "rm disk/ballast", _run("store"), **away
    )
    assert (first[0], full[0], after[0]) == (0, 2, 0)
    (line,) = full[2].strip().splitlines()
    assert line.startswith(f"error: Dagster's home {place}/disk/home cannot be used: ")
    assert "Traceback" not in full[1] + full[2]


@pytest.mark.long
def test_full_staging_is_one_line_and_a_full_temporary_folder_stops_nobody(place: Path) -> None:
    (place / "landing" / str(FIRST) / "plant" / "more.zip").write_bytes(
        zipped([(f"{seed}.png", picture(1, seed)) for seed in range(3)])
    )
    staged = str(place / "disk" / "staging")
    (full,) = _with_a_disk(place, 100, _FILL, _run("store"), IMAGE_ASSETS_STAGING=staged, TMPDIR=str(place / "disk"))
    assert full[0] == 1
    said = "".join(full[1].split())  # lines are broken anywhere in a long path
    assert f"SourceError:staging{staged}/" in said
    assert "Nospaceleftondevice;makeroomornameanotherfolderwith`source.staging`" in said
    assert "Traceback" not in full[1] + full[2]
    (temporary,) = _with_a_disk(place, 100, _FILL, _run("store"), TMPDIR=str(place / "disk"))
    assert temporary[0] == 0


@pytest.mark.long
@pytest.mark.parametrize("number", range(rounds_of("R8")))
def test_wherever_in_a_run_the_disk_is_full_what_was_there_stays_and_the_next_run_goes_on(
    place: Path, number: int
) -> None:
    """R8 of the scorecard: the second day's files and tables take some two megabytes, and there is room for a part."""
    left = 40 + 2_000 * number // rounds_of("R8")
    land_pictures(
        place / "landing", str(SECOND), "plant", 0, range(50, 90), lambda kind, seed: picture(kind, seed, 160)
    )
    status = ["status", "--dataset", "drawn.yaml", "--store", "disk/store", "--json"]
    first, before, full, meanwhile, after, then = _with_a_disk(
        place,
        50_000,
        _run("disk/store", until="image_features"),
        status,
        f"mount -o remount,size=$(( $(du -sk disk | cut -f1) + {left} ))k disk",
        _run("disk/store", SECOND, "image_features"),
        status,
        "mount -o remount,size=50m disk",
        _run("disk/store", SECOND, "image_features"),
        status,
        DAGSTER_HOME=str(place / "home"),
    )
    assert (first[0], before[0], after[0], then[0]) == (0,) * 4
    # A run that began and failed is told until one came through; one that was refused at the door has begun nothing.
    assert meanwhile[0] == (full[0] == 1)
    if full[0]:
        assert "no space left on device" in " ".join((full[1] + full[2]).split()).lower()
        assert "Traceback" not in full[1] + full[2]
    (of_first,) = json.loads(before[1])["partitions"]
    assert of_first in json.loads(meanwhile[1])["partitions"]
    counts = [(one["loaded"], one["features"]) for one in json.loads(then[1])["partitions"]]
    assert counts == [(40, 40), (40, 40)]
    record("R8", refused=bool(full[0]))
