"""The sample is what the demo says it is: drawings over two days, copies and broken files among them."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from image_assets.dataset import load_dataset
from image_assets.engines.engine import LocalEngine
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition
from image_assets.sample import SampleError, choose_drawings, write_sample
from image_assets.schema import Partition
from image_assets.store.store import Store
from tests.ingest.folders import folder_source

DAYS = (dt.date(2026, 11, 19), dt.date(2026, 11, 20))
CATEGORIES = ("plant", "animal", "human")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("sample") / "landing"
    write_sample(landing, DAYS)
    return landing


def files(landing: Path) -> dict[str, str]:
    return {
        str(file.relative_to(landing)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in landing.rglob("*")
        if file.is_file()
    }


def test_there_are_enough_distinct_drawings_of_every_category(sample: Path) -> None:
    drawings = {category: _drawings(sample, category) for category in CATEGORIES}
    assert drawings["plant"] >= 60
    assert drawings["animal"] >= 120
    assert drawings["human"] >= 150


def _drawings(landing: Path, category: str) -> int:
    """Distinct drawings of a category; the broken files lie in folders of their own."""
    found = [file for file in landing.glob(f"*/{category}/**/*.png") if file.parent.name not in ("camera", "downloads")]
    return len({file.read_bytes() for file in found})


def test_the_door_catches_the_copies_and_the_broken_files_and_nothing_else(sample: Path, tmp_path: Path) -> None:
    dataset = load_dataset("sample")
    tables = IngestTables.of(Store(str(tmp_path)), dataset)
    loaded: dict[tuple[dt.date, str], IngestReport] = {}
    for day in DAYS:
        for category in CATEGORIES:
            one = ingest_partition(
                Partition(day, category), Ingest(dataset, folder_source(sample), tables, LocalEngine())
            )
            assert 0 < sum(one.quarantined.values()) / one.listed < dataset.limits.quarantine_rate
            assert one.listed == sum(f.is_file() for f in (sample / str(day) / category).rglob("*"))
            assert one.loaded >= 20
            loaded[day, category] = one
    for category in CATEGORIES:
        assert sum(loaded[day, category].loaded for day in DAYS) == _drawings(sample, category)
    first, second = (sum(loaded[day, c].duplicates for c in CATEGORIES) for day in DAYS)
    assert (first, second) == (6, 6)
    assert sum(sum(one.quarantined.values()) for one in loaded.values()) == 6
    reasons = {reason for one in loaded.values() for reason in one.quarantined}
    assert reasons == {"not_an_image", "truncated", "empty", "too_many_pixels"}


def test_a_second_time_mends_what_is_missing_or_damaged_and_touches_nothing_else(sample: Path, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    shutil.copytree(sample, landing)
    first, second = sorted(landing.rglob("*.png"))[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    damaged = {str(file.relative_to(landing)) for file in (first, second)}
    # A time that no file written now can have: what is written again shows.
    for file in landing.rglob("*"):
        os.utime(file, ns=(0, 0))

    steps: list[tuple[int, int]] = []
    write_sample(landing, DAYS, lambda done, total: steps.append((done, total)))
    assert files(landing) == files(sample)
    written = {str(f.relative_to(landing)) for f in landing.rglob("*") if f.is_file() and f.stat().st_mtime_ns}
    assert written == damaged
    assert steps[-1][0] == steps[-1][1] == len(steps) >= sum(_drawings(sample, category) for category in CATEGORIES)


def test_the_artists_are_named_where_no_source_lists_it(sample: Path) -> None:
    text = (sample / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    assert "OpenMoji" in text
    assert "CC BY-SA 4.0" in text
    listed = [f.source for d in DAYS for c in CATEGORIES for f in folder_source(sample).list_files(d, c).files]
    assert "ATTRIBUTION.txt" not in " ".join(listed)


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(SampleError, match=r'the sample needs resvg_py: pip install "image-assets\[sample\]"'):
        write_sample(tmp_path, DAYS)


def test_of_skin_tones_one_is_drawn_and_of_couples_and_things_none() -> None:
    tones = [f"1F468-{tone}-200D-1F33E" for tone in ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")]
    stems = [
        "1F33B",
        "1F408-200D-2B1B",
        "1F468-200D-1F33E",
        *tones,
        "1F468-200D-2764-FE0F-200D-1F468",
        "1F697",
        "1F3FB",
    ]
    chosen = choose_drawings(stems)
    assert [(d.category, d.subgroup) for d in chosen] == [
        ("plant", "plant-flower"),
        ("animal", "animal-mammal"),
        ("human", "person-role"),
    ]
    assert chosen[2].stem in stems[2:8]
    assert choose_drawings(stems[::-1]) == chosen


def test_one_day_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="name two"):
        write_sample(tmp_path, (DAYS[0], DAYS[0]))
