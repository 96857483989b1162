"""`kill -9` at any moment of a run: nothing half done is ever seen, and the next run ends as if nothing had happened.

R1 of the scorecard: `make torture ROWS=R1` plays many more rounds than the tests do.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from image_assets.schema import ARRIVALS, DUPLICATES, IMAGE_FEATURES, QUARANTINE, RAW_IMAGES, TableSchema
from image_assets.shards.manifest import read_manifest, shards_prefix
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, land_small_sample, small_dataset
from tests.store_files import python_path
from tests.torture.size import record, rounds_of

ROOT = Path(__file__).resolve().parents[1]
FILES_OF_A_RUN = 49
TABLES = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, IMAGE_FEATURES)


# The command line with small units, so that a few pictures make many.
SMALL_UNITS = """
import sys
from image_assets.cli import main
from image_assets.ingest import kept_units
kept_units.UNIT_FILES = 40
sys.exit(main())
"""


def start(platform: Platform, *program: str) -> subprocess.Popen[bytes]:
    """Run the first day's plants from the command line."""
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store"]
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT), "DAGSTER_HOME": str(platform.root / "dagster")}
    return subprocess.Popen(
        [
            sys.executable,
            *(program or ("-m", "image_assets.cli")),
            "run",
            *places,
            "--day",
            str(FIRST),
            "--category",
            "plant",
        ],
        cwd=platform.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def files(platform: Platform) -> set[Path]:
    return {path for path in platform.files.rglob("*") if path.is_file()}


def rows(platform: Platform, schema: TableSchema) -> pl.DataFrame:
    found = platform.rows(schema, platform.partition())
    return found.sort(found.columns[0], "source" if "source" in found.columns else found.columns[1])


def check_whole_or_absent(platform: Platform, clean: Platform) -> None:
    for schema in TABLES:
        found = rows(platform, schema)
        assert found.is_empty() or found.equals(rows(clean, schema)), schema.name
    manifest = read_manifest(platform.store.objects(), shards_prefix(platform.dataset, platform.partition()))
    assert manifest is None or manifest == expected_manifest(clean)


def expected_manifest(clean: Platform):
    return read_manifest(clean.store.objects(), shards_prefix(clean.dataset, clean.partition()))


@pytest.mark.parametrize("seed", range(rounds_of("R1")))
def test_a_killed_run_leaves_nothing_half_done_and_the_next_one_finishes(
    loaded_platform: Platform, tmp_path: Path, seed: int
) -> None:
    platform = Platform(loaded_platform.dataset, tmp_path)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    land_small_sample(platform.landing)
    # Moments are told by the files that the run has made by then, not by the clock: that spreads them over all of it,
    # however busy the machine is. The last is after the end of most runs.
    chance = random.Random(seed)
    made = chance.randint(1, FILES_OF_A_RUN)
    run = start(platform)
    seen: set[Path] = set()
    while run.poll() is None and len(seen) < made:
        seen |= files(platform)
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.3))
    was_running = run.poll() is None
    if was_running:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    check_whole_or_absent(platform, loaded_platform)
    assert start(platform).wait(timeout=120) == 0
    for schema in TABLES:
        assert rows(platform, schema).equals(rows(loaded_platform, schema)), schema.name
    manifest = read_manifest(platform.store.objects(), shards_prefix(platform.dataset, platform.partition()))
    assert manifest == expected_manifest(loaded_platform)
    record("R1", killed=was_running)


def unit_files(platform: Platform, schema: TableSchema) -> dict[str, tuple[int, int]]:
    """The finished files of a table, whether a commit lists them or not, with what changes when one is written anew."""
    folder = platform.files / platform.dataset.name / schema.name
    stats = {path.name: path.stat() for path in folder.rglob("date=*/**/*.parquet")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def of_many_units(root: Path) -> Platform:
    """Pictures for five units of the program with small ones."""
    platform = Platform(small_dataset(), root)
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(200))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    return platform


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    platform = of_many_units(tmp_path_factory.mktemp("never-killed"))
    assert start(platform, "-c", SMALL_UNITS).wait(timeout=120) == 0
    assert len(unit_files(platform, IMAGE_FEATURES)) == 5
    return platform


@pytest.mark.long
@pytest.mark.parametrize("schema", [RAW_IMAGES, IMAGE_FEATURES])
def test_of_a_killed_run_only_the_unit_in_work_is_lost(
    never_killed: Platform, tmp_path: Path, schema: TableSchema
) -> None:
    platform = of_many_units(tmp_path)
    run = start(platform, "-c", SMALL_UNITS)
    while run.poll() is None and len(unit_files(platform, schema)) < 2:
        time.sleep(0.002)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    finished = unit_files(platform, schema)
    if schema is RAW_IMAGES:  # such a unit has two files: with one of them it is still in work
        refused = unit_files(platform, QUARANTINE)
        finished = {name: stat for name, stat in finished.items() if name in refused}
    assert 1 <= len(finished) < 5
    assert rows(platform, schema).is_empty()

    assert start(platform, "-c", SMALL_UNITS).wait(timeout=120) == 0
    assert finished.items() <= unit_files(platform, schema).items()
    assert unit_files(platform, schema).keys() == unit_files(never_killed, schema).keys()
    for table in TABLES:
        assert rows(platform, table).equals(rows(never_killed, table)), table.name


def test_the_comparison_sees_a_lost_row(damaged: Platform, loaded_platform: Platform) -> None:
    """The control: a partition that is half there is noticed."""
    half = damaged.rows(RAW_IMAGES, damaged.partition()).slice(1)
    damaged.replace_rows(RAW_IMAGES, damaged.partition(), half)
    with pytest.raises(AssertionError, match="raw_images"):
        check_whole_or_absent(damaged, loaded_platform)
