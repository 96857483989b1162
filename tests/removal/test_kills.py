"""A removal is killed with `kill -9` at random moments and given again: nothing of the image is left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from image_assets.removal.removal import Removal
from image_assets.schema import ARRIVALS, DUPLICATES, IMAGE_FEATURES, QUARANTINE, RAW_IMAGES
from tests.platform import Platform
from tests.removal.images import PLANTS, id_of, telling
from tests.removal.seeking import holding
from tests.removal.test_removal import NOW, removal_of
from tests.store_files import python_path

ROOT = Path(__file__).resolve().parents[2]
_TABLES = (RAW_IMAGES, IMAGE_FEATURES, QUARANTINE, ARRIVALS, DUPLICATES)
_PROGRAM = """
import sys
from pathlib import Path
from tests.platform import Platform, small_dataset
from tests.removal.test_removal import removal_of

platform = Platform(small_dataset(), Path(sys.argv[1]))
removal = removal_of(platform, sys.argv[2])
print("begins", flush=True)
removal.begin()
removal.take_out()
assert removal.end() == []
"""


def removed_by_a_process(platform: Platform, image_id: str, kill_after: float | None = None) -> float:
    """Remove an image in a process of its own, which is killed after so many seconds; how long it took."""
    call = [sys.executable, "-c", _PROGRAM, str(platform.root), image_id]
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT)}
    with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        began = time.monotonic()
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
        else:
            assert process.returncode == 0
    return time.monotonic() - began


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.long)])
def test_killed_at_random_moments_it_goes_on_where_it_was(
    loaded_platform: Platform, tmp_path: Path, rounds: int
) -> None:
    whole = loaded_platform.copy_to(tmp_path / "whole")
    image_id = id_of(whole)
    words = telling(whole, image_id)
    seconds = removed_by_a_process(whole, image_id)
    left = {f"drawn/removed_images/{image_id}.json": {"id"}}
    assert holding(whole.files, words) == left
    moments, unfinished = random.Random(20), 0
    for number in range(rounds):
        platform = loaded_platform.copy_to(tmp_path / str(number))
        removed_by_a_process(platform, image_id, moments.uniform(0, seconds))
        unfinished += holding(platform.files, words) != left
        again = removal_of(platform, image_id)
        again.begin()
        again.take_out()
        assert again.end() == []
        assert holding(platform.files, words) == left, number
        for schema in _TABLES:
            assert platform.rows(schema, PLANTS).equals(whole.rows(schema, PLANTS)), (number, schema.name)
    assert unfinished or rounds < 10  # the control: what was killed had something left to do


def test_a_removal_that_was_killed_is_not_over(damaged: Platform) -> None:
    image_id = id_of(damaged)
    removal_of(damaged, image_id).begin()
    words = telling(damaged, image_id)
    assert len(holding(damaged.files, words)) > 1
    again = Removal.of(damaged.dataset, damaged.store, [image_id], "another reason", NOW)
    assert [one.reason for one in again.tombstones] == ["request 17"]
    assert again.files
