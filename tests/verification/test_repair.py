"""What is damaged is made again, the same as before; what cannot be stays as it is and is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.cli import main
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from tests.platform import FIRST, Platform
from tests.store.test_damage import change_footer, empty, halve
from tests.test_docs import ROOT, blocks
from tests.verification.test_verify import PLANTS, file_of, flip

PLANT = f"date={FIRST}/category=plant"


def repaired(platform: Platform, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    """What the command says as JSON, and its exit status."""
    file = platform.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    words = ["--dataset", str(file), "--landing", str(platform.landing), "--store", str(platform.root / "store")]
    capsys.readouterr()
    status = main(["repair", *words, *more, "--json"])
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    ("pattern", "damage", "first"),
    [
        pytest.param(f"image_features/{PLANT}/*.parquet", change_footer, "image_features", marks=pytest.mark.long),
        pytest.param(f"image_features/{PLANT}/*.parquet", flip, "image_features", marks=pytest.mark.long),
        pytest.param(f"raw_images/{PLANT}/*.parquet", flip, "", marks=pytest.mark.long),
        (f"feature_shards/{PLANT}/*.parquet", flip, "feature_shards"),
        (f"feature_shards_manifests/{PLANT}/shards.json", halve, "feature_shards"),
        pytest.param(
            f"feature_shards_manifests/{PLANT}/shards.json", Path.unlink, "feature_shards", marks=pytest.mark.long
        ),
    ],
)
def test_a_damaged_file_is_made_again_byte_for_byte(
    damaged: Platform, capsys: pytest.CaptureFixture[str], pattern: str, damage: Callable[[Path], None], first: str
) -> None:
    file = file_of(damaged, pattern)
    before = file.read_bytes()
    damage(file)
    wrong = file.read_bytes() if file.exists() else None
    status, plan = repaired(damaged, capsys, "--dry-run")
    assert status == 1
    assert plan["plan"]["made_again"] == [{**PLANTS.as_json(), "from": [first]}]
    assert (file.read_bytes() if file.exists() else None) == wrong  # as it was

    status, done = repaired(damaged, capsys)
    assert (status, done["sound"], done["errors"]) == (0, True, [])
    assert file.read_bytes() == before
    if first != "feature_shards":
        (moved,) = done["moved"]
        assert (damaged.files / "drawn" / moved).read_bytes() == wrong


@pytest.mark.parametrize("damage", [empty, pytest.param(halve, marks=pytest.mark.long)])
def test_a_torn_last_commit_is_made_again(
    damaged: Platform, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    rows = damaged.store.table("drawn", IMAGE_FEATURES).scan().collect().sort("image_id")
    commit = sorted((damaged.files / "drawn/image_features/_delta_log").glob("*.json"))[-1]
    damage(commit)
    status, done = repaired(damaged, capsys)
    assert (status, done["sound"]) == (0, True)
    assert damaged.store.table("drawn", IMAGE_FEATURES).scan().collect().sort("image_id").equals(rows)


def test_loaded_images_that_are_in_no_landing_zone_any_more_stay_as_they_are(
    damaged: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(damaged.landing / str(FIRST))
    file = file_of(damaged, f"raw_images/{PLANT}/*.parquet")
    flip(file)
    wrong = file.read_bytes()
    status, done = repaired(damaged, capsys)
    assert (status, done["sound"]) == (1, False)
    assert [one["path"] for one in done["plan"]["left"]] == [f"{RAW_IMAGES.name}/{PLANT}/{file.name}"]
    assert file.read_bytes() == wrong


def test_of_a_sound_store_nothing_is_run(loaded_platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    status, done = repaired(loaded_platform, capsys)
    assert (status, done["sound"], done["plan"]["moved_aside"]) == (0, True, [])


@pytest.mark.long
def test_a_damaged_shard_is_named_and_made_again_as_the_page_says(damaged: Platform) -> None:
    flip(file_of(damaged, f"feature_shards/{PLANT}/*.parquet"))
    (content,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "verify"]
    file = damaged.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(damaged.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    places = {DATASETS.name: str(file), LANDING.name: str(damaged.landing), STORE.name: damaged.store.url}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = {**os.environ, "PATH": path, **places}
    done = subprocess.run(
        ["bash", "-uc", content], env=surroundings, capture_output=True, text=True, check=False, cwd=damaged.root
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "file_checksum" not in done.stdout
    assert done.stdout.count(f"feature_shards/{PLANT}") == 1  # verify names it
    assert f"to be made again: {PLANTS}, from feature_shards on" in done.stdout
    assert done.stdout.splitlines()[-1] == "drawn: every file is as it was written"
