"""A day that grows costs what came: what was loaded of it stays as it is, and is not even read."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_assets.engines.engine import LocalEngine
from image_assets.ingest import folder, kept_units, units
from image_assets.ingest.known_files import KNOWN_FILES
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition
from image_assets.ingest.source import SourceChanged, SourceFile
from image_assets.schema import DUPLICATES, QUARANTINE, RAW_IMAGES, Partition
from image_assets.store.store import Store
from tests.ingest.folders import folder_source
from tests.pictures import picture
from tests.platform import FIRST, small_dataset
from tests.store_files import files_at, remove_files

DATASET = small_dataset()
PLANT = Partition(FIRST, "plant")
PICTURES = [picture(0, seed, side=8) for seed in range(24)]


class Counted:
    """A landing zone that counts how often a file is read."""

    def __init__(self, landing: Path) -> None:
        self._source = folder_source(landing)
        self.reads: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        self.reads[Path(file.source).name] += 1
        return self._source.read(file, max_bytes)


def emptied(place: Path) -> None:
    """Have nothing lie where a store is to be made."""
    if files_at(place).exists():
        remove_files(place)


class Day:
    """A category's day, loaded with eight pictures, a copy and a file that is no picture."""

    def __init__(self, root: Path) -> None:
        self.landing, self.store = root / "landing", Store(str(root / "store"))
        self.folder = self.landing / str(FIRST) / "plant"
        self.folder.mkdir(parents=True)
        for number in range(8):
            self.put(f"{number}.png", PICTURES[number])
        self.put("9 copy.png", PICTURES[3])
        self.put("page.jpg", b"<html>404</html>")
        self.load()

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def load(self, *, verify: bool = False, **changes: object) -> Counter[str]:
        """Load it and give how often each file was read."""
        self.report, reads = _load(self.store, self.landing, verify, changes)
        return reads

    def files(self) -> set[str]:
        return {file.path for file in self.store.table(DATASET.name, RAW_IMAGES).partition_files(PLANT)}

    def rows(self) -> list[pl.DataFrame]:
        return _rows(self.store)

    def loaded_anew(self, root: Path, **changes: object) -> list[pl.DataFrame]:
        """The rows of another store, which has never seen the day."""
        emptied(root)
        _load(Store(str(root)), self.landing, False, changes)
        return _rows(Store(str(root)))


def _load(store: Store, landing: Path, verify: bool, changes: dict) -> tuple[IngestReport, Counter[str]]:
    source, tables = Counted(landing), IngestTables.of(store, DATASET)
    ingest = Ingest(small_dataset(**changes), source, tables, LocalEngine())  # pyright: ignore[reportArgumentType]
    return ingest_partition(PLANT, ingest, allow_loss=True, verify=verify), source.reads


def _rows(store: Store) -> list[pl.DataFrame]:
    tables = (store.table(DATASET.name, schema) for schema in (RAW_IMAGES, DUPLICATES, QUARANTINE))
    return [table.scan().collect().sort("source") for table in tables]


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Day:
    monkeypatch.setattr(folder, "_SETTLED_SECONDS", -3600)
    return Day(tmp_path)


def test_what_came_is_all_that_is_read_and_decoded(day: Day, tmp_path: Path) -> None:
    before = day.files()
    for number in (8, 9):
        day.put(f"{number}.png", PICTURES[number])
    # Once for its hash, once to be decoded.
    assert day.load() == {"8.png": 2, "9.png": 2}
    assert before < day.files()
    assert (day.report.listed, day.report.loaded, day.report.duplicates) == (12, 10, 1)
    for known, anew in zip(day.rows(), day.loaded_anew(tmp_path / "anew"), strict=True):
        assert known.equals(anew)


def test_nothing_new_is_nothing_read_unless_it_is_verified(day: Day) -> None:
    before = day.files()
    assert day.load() == {}
    assert set(day.load(verify=True).values()) == {1}
    assert day.files() == before


def test_a_file_of_the_same_size_and_time_of_writing_shows_by_its_last_change(day: Day) -> None:
    file = day.folder / "5.png"
    size, before = len(PICTURES[5]), file.stat()
    other = next(one for one in PICTURES[8:] if len(one) <= size).ljust(size, b"\0")
    file.write_bytes(other)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert day.load() == {f"{number}.png": 2 if number == 5 else 1 for number in range(8)} | {"page.jpg": 1}
    assert other in day.rows()[0]["content"].to_list()


def test_what_was_changed_a_moment_ago_may_change_again_unseen_and_is_read(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_SETTLED_SECONDS", 3600)
    assert set(day.load().values()) == {1}


@pytest.mark.parametrize("changes", [{"limits": {"min_side": 9, "quarantine_rate": 1}}], ids=["limits"])
def test_other_rules_have_everything_decoded_again(day: Day, tmp_path: Path, changes: dict) -> None:
    reads = day.load(**changes)
    assert set(reads) == {*(f"{number}.png" for number in range(8)), "page.jpg"}
    for known, anew in zip(day.rows(), day.loaded_anew(tmp_path / "anew", **changes), strict=True):
        assert known.equals(anew)


def test_a_raised_door_has_everything_decoded_again(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    before = day.files()
    monkeypatch.setattr(units, "_DOOR_VERSION", 1_000)
    day.load()
    assert not before & day.files()


def kept_of(day: Day) -> Path:
    (file,) = (files_at(day.store.url) / DATASET.name / KNOWN_FILES).rglob("*.parquet")
    return file


def test_damaged_knowledge_is_none(day: Day) -> None:
    file = kept_of(day)
    content = bytearray(file.read_bytes())
    content[40:60] = bytes(20)
    file.write_bytes(content)
    assert set(day.load().values()) == {1}
    assert day.load() == {}


def test_wrong_knowledge_is_found_out_and_forgotten(day: Day) -> None:
    """Whoever writes into it makes no picture another one: it is read when it is loaded."""
    file = kept_of(day)
    wrong = pl.read_parquet(file.read_bytes()).with_columns(
        pl.when(pl.col("source").str.ends_with("/2.png")).then(pl.lit("0" * 64)).otherwise("image_id").alias("image_id")
    )
    wrong.write_parquet(content := BytesIO())
    file.write_bytes(content.getvalue())
    right = day.rows()
    with pytest.raises(SourceChanged, match=r"2\.png"):
        day.load()
    day.load()
    for before, now in zip(right, day.rows(), strict=True):
        assert before.equals(now)


def test_a_partition_that_grows_again_and_again_stays_of_few_files(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[str] = Counter()
    for number in range(8, 24):
        day.put(f"{number}.png", PICTURES[number])
        decoded += day.load()
        assert len(day.files()) <= 5
    assert day.report.loaded == 24
    # In a unit of all it would be 16 times, each time with another hash.
    assert max(decoded.values()) <= 8
    monkeypatch.setattr(kept_units, "_HALF_FULL", 1)
    day.put("last.png", picture(0, 99, side=8))
    before = day.files()
    day.load()
    assert before < day.files() or len(before) == 1


_CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=6
)


@pytest.mark.long
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(_CHANGES, min_size=1, max_size=3))
def test_whatever_comes_and_goes_the_tables_are_those_of_a_day_loaded_anew(
    rounds: list[list[tuple[str, int, int]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_SETTLED_SECONDS", -3600)
    shutil.rmtree(tmp_path, ignore_errors=True)
    emptied(tmp_path / "store")
    day = Day(tmp_path)
    for changes in rounds:
        for what, name, content in changes:
            if what == "put":
                day.put(f"{name}.png", PICTURES[content])
            else:
                (day.folder / f"{name}.png").unlink(missing_ok=True)
        day.load()
        for known, anew in zip(day.rows(), day.loaded_anew(tmp_path / "anew"), strict=True):
            assert known.equals(anew)
