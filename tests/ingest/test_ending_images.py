"""A picture that ends the process which decodes it, or makes its features, is found and refused; the rest is loaded."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image

from image_assets.environment import CACHE, PROCESSES
from image_assets.schema import ARRIVALS, IMAGE_FEATURES, QUARANTINE, RAW_IMAGES
from tests.ingest.planted import DECODER, EXTRACTOR, with_fault
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

FAULTY, ALSO = (61, 47), (59, 43)
GOOD = 40


def land(platform: Platform, name: str, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(size).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    (platform.landing / str(FIRST) / "plant" / name).write_bytes(buffer.getvalue())


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    made = Platform(small_dataset(extractor={"kind": "colour_statistics"}), tmp_path)
    land_pictures(made.landing, str(FIRST), "plant", 0, range(GOOD))
    land(made, "one of them.png", FAULTY)
    land(made, "a copy.png", FAULTY)
    return made


def run(
    platform: Platform, processes: int, fault: dict[str, str] = DECODER, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the day up to its features, with a fault that ends the process at pictures of two sizes."""
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    environment = {
        **os.environ,
        **with_fault(platform.root / "planted", fault, FAULTY, ALSO),
        "DAGSTER_HOME": str(platform.root / "dagster"),
        CACHE.name: str(platform.root / "cache"),
        PROCESSES.name: str(processes),
    }
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store", "--day", str(FIRST)]
    what = ["--category", "plant", "--until", "image_features", "--json", *options]
    return subprocess.run(
        [sys.executable, "-m", "image_assets.cli", "run", *places, *what],
        cwd=platform.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def outcomes(platform: Platform) -> dict[str, int]:
    tables = (ARRIVALS, RAW_IMAGES, IMAGE_FEATURES, QUARANTINE)
    return {schema.name: platform.rows(schema, platform.partition()).height for schema in tables}


def refused(platform: Platform) -> pl.DataFrame:
    return platform.rows(QUARANTINE, platform.partition()).select("source", "reason", "detail").sort("source")


def check_isolated(platform: Platform, *names: str) -> None:
    assert outcomes(platform) == {
        "arrivals": GOOD + len(names),
        "raw_images": GOOD,
        "image_features": GOOD,
        "quarantine": len(names),
    }
    rows = refused(platform)
    assert rows["source"].to_list() == sorted(f"{FIRST}/plant/{name}" for name in names)
    assert set(rows["reason"]) == {"ends_the_process"}
    assert rows["detail"].str.ends_with("SIGSEGV").all()


def test_what_ended_the_run_is_found_by_the_next_one_and_refused(platform: Platform) -> None:
    assert run(platform, 1).returncode == -signal.SIGSEGV
    assert outcomes(platform)["raw_images"] == 0
    # The control: nothing but the notes says what it was. Without them every run ends so.
    shutil.rmtree(platform.root / "cache" / "at-work")
    assert run(platform, 1).returncode == -signal.SIGSEGV
    second = run(platform, 1)
    assert second.returncode == 0, second.stderr
    check_isolated(platform, "one of them.png", "a copy.png")
    assert not list((platform.root / "cache").rglob("*.ids"))


def test_worker_processes_that_end_are_found_out_within_the_run(platform: Platform) -> None:
    land(platform, "another.png", ALSO)
    ended = run(platform, 2)
    assert ended.returncode == 0, ended.stderr
    check_isolated(platform, "one of them.png", "a copy.png", "another.png")
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["checks"]["warned"] == [f"raw_images/nothing_ends_the_process [{FIRST} plant]"]
    assert told["categories"]["plant"]["quarantined"] == {"ends_the_process": 3}


def test_what_ends_the_making_of_features_is_refused_by_loading_the_day_again(platform: Platform) -> None:
    land(platform, "another.png", ALSO)
    assert run(platform, 1, EXTRACTOR).returncode == -signal.SIGSEGV
    assert outcomes(platform)["raw_images"] == GOOD + 2
    second = run(platform, 1, EXTRACTOR)
    assert second.returncode == 0, second.stderr
    check_isolated(platform, "one of them.png", "a copy.png", "another.png")
    told = json.loads(second.stdout.splitlines()[-1])
    assert told["errors"] == []
    assert not list((platform.root / "cache").rglob("*.ids"))
