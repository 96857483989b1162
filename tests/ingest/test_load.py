"""Loading a partition: everything accounted for, every image once, nothing done twice, nothing half done."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.engines.engine import LocalEngine
from image_assets.images.decode import decode
from image_assets.images.metrics import measure
from image_assets.ingest import kept_units, units
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition
from image_assets.ingest.source import SourceChanged, SourceFile
from image_assets.schema import METRIC_COLUMNS, Partition, TableSchema
from image_assets.settings.stages import Limits
from image_assets.store.store import Store
from image_assets.store.tables import key_index
from tests.ingest import images
from tests.ingest.folders import folder_source
from tests.pictures import picture
from tests.platform import small_dataset
from tests.store_files import files_at

DATASET = small_dataset()
DAYS = [dt.date(2026, 11, day) for day in (3, 4, 5)]
PICTURES = [picture(0, seed, side=8) for seed in range(6)]
PIXELS = images.picture()
BROKEN = b"<html>404</html>"


class Place:
    """A landing zone and a store."""

    def __init__(self, root: Path) -> None:
        self.landing = root / "landing"
        self.landing.mkdir(parents=True)
        self.store = Store(str(root / "store"))
        self.tables = IngestTables.of(self.store, DATASET)

    def put(self, day: dt.date, category: str, name: str, content: bytes) -> Path:
        file = self.landing / str(day) / category / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def load(self, day: dt.date, category: str = "plant", source: DayFolders | None = None) -> IngestReport:
        return ingest_partition(
            Partition(day, category), Ingest(DATASET, source or folder_source(self.landing), self.tables, LocalEngine())
        )

    def rows(self, table: str) -> pl.DataFrame:
        return getattr(self.tables, table).scan().collect()

    def state(self) -> dict[str, list]:
        """All rows of all tables, without regard to their order."""
        names = ("arrivals", "raw_images", "duplicates", "quarantine")
        return {name: sorted(map(repr, self.rows(name).iter_rows())) for name in names}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_every_file_ends_in_one_table_with_its_source(place: Place) -> None:
    day = DAYS[0]
    place.put(day, "plant", "a.png", PICTURES[0])
    place.put(day, "plant", "deep/er/b.png", PICTURES[1])
    place.put(day, "plant", "copy of a.png", PICTURES[0])
    place.put(day, "plant", "error.png", BROKEN)
    report = place.load(day)
    assert report == IngestReport(listed=4, ignored=0, loaded=2, duplicates=1, quarantined={"not_an_image": 1})
    prefix = f"{day}/plant/"
    assert set(place.rows("raw_images")["source"]) == {prefix + "a.png", prefix + "deep/er/b.png"}
    assert place.rows("duplicates").select("source", "original_source").rows() == [
        (prefix + "copy of a.png", prefix + "a.png")
    ]
    assert place.rows("quarantine").select("source", "reason").rows() == [(prefix + "error.png", "not_an_image")]
    assert place.rows("arrivals").height == 4


def test_a_row_tells_what_the_image_is(place: Place) -> None:
    place.put(DAYS[0], "animal", "a.png", PICTURES[0])
    place.load(DAYS[0], "animal")
    row = place.rows("raw_images").row(0, named=True)
    assert (row["format"], row["width"], row["height"], row["bytes"]) == ("png", 8, 8, len(PICTURES[0]))
    assert (row["label"], row["category"], row["date"]) == (1, "animal", DAYS[0])
    assert row["content"] == PICTURES[0]
    assert row["thumbnail"].startswith(b"\xff\xd8")
    measured = measure(decode(PICTURES[0], Limits()).pixels)
    assert [row[column.name] for column in METRIC_COLUMNS] == [pytest.approx(value) for value in measured]


def test_nothing_arrived_gives_empty_partitions_not_an_error(place: Place) -> None:
    assert place.load(DAYS[0]) == IngestReport(0, 0, 0, 0, {})
    assert place.rows("raw_images").is_empty()


def test_loading_again_changes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, content in enumerate([*PICTURES, PICTURES[0], BROKEN, BROKEN]):
        place.put(DAYS[0], "plant", f"{number}.png", content)
    first = place.load(DAYS[0])
    before, versions = place.state(), [path.name for path in sorted(files_at(place.store.url).rglob("*.json"))]
    monkeypatch.setattr(units, "decode", None)  # whatever was decoded is not decoded again
    assert place.load(DAYS[0]) == first
    assert place.state() == before
    assert [path.name for path in sorted(files_at(place.store.url).rglob("*.json"))] == versions


def test_a_new_file_is_added_and_a_removed_one_leaves(place: Place) -> None:
    old = place.put(DAYS[0], "plant", "old.png", PICTURES[0])
    place.load(DAYS[0])
    old.unlink()
    place.put(DAYS[0], "plant", "new.png", PICTURES[1])
    place.load(DAYS[0])
    assert place.rows("raw_images")["source"].to_list() == [f"{DAYS[0]}/plant/new.png"]


def test_an_earlier_day_that_is_loaded_late_counts_what_a_later_day_holds_as_duplicates(place: Place) -> None:
    place.put(DAYS[1], "plant", "later.png", PICTURES[0])
    place.put(DAYS[0], "plant", "earlier.png", PICTURES[0])
    place.put(DAYS[0], "plant", "only here.png", PICTURES[1])
    place.load(DAYS[1])
    assert place.load(DAYS[0]).duplicates == 1
    original = place.rows("duplicates").select("original_date", "original_source").row(0)
    assert original == (DAYS[1], f"{DAYS[1]}/plant/later.png")
    place.load(DAYS[1])  # still the owner
    assert place.rows("raw_images")["image_id"].n_unique() == place.rows("raw_images").height == 2


def test_images_of_the_past_are_not_read_to_tell_new_ones_from_repeats(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "_UNCOVERED_FILES", 0)
    place.put(DAYS[0], "plant", "a.png", PICTURES[0])
    place.put(DAYS[1], "plant", "b.png", PICTURES[1])
    place.put(DAYS[2], "plant", "c.png", PICTURES[2])
    place.put(DAYS[2], "plant", "again.png", PICTURES[1])
    place.load(DAYS[0])
    place.load(DAYS[1])
    place.load(DAYS[2], "animal")  # of which nothing arrived, but now both days are indexed
    (past,) = place.tables.raw_images.partition_files(Partition(DAYS[0], "plant"))
    (files_at(place.tables.raw_images.url) / past.path).unlink()
    assert place.load(DAYS[2]).duplicates == 1


@pytest.mark.parametrize("index", ["raw_images_index", "duplicates_index"])
def test_an_index_that_was_thrown_away_changes_nothing(
    place: Place, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "_UNCOVERED_FILES", 0)
    for day in DAYS:
        place.put(day, "plant", "a.png", PICTURES[0])
        place.put(day, "plant", "b.png", PICTURES[1])
        place.load(day)
        segments = list((files_at(place.store.url) / DATASET.name / index).glob("*.parquet"))
        assert segments or day != DAYS[2]
        for segment in segments:
            segment.unlink()
    assert (place.rows("raw_images").height, place.rows("duplicates").height) == (2, 4)


def test_copies_of_a_file_that_is_refused_are_refused_for_the_same_reason(place: Place) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        place.put(DAYS[0], "plant", name, BROKEN)
    report = place.load(DAYS[0])
    assert (report.duplicates, report.quarantined) == (0, {"not_an_image": 3})
    assert place.rows("quarantine")["detail"].n_unique() == 1


def test_categories_that_load_at_the_same_time_share_no_image(place: Place) -> None:
    """Both look before either commits; the one that comes second counts the images as duplicates."""
    for category in ("plant", "animal", "human"):
        for number, content in enumerate(PICTURES):
            place.put(DAYS[0], category, f"{number}.png", content)
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda category: place.load(DAYS[0], category), ("plant", "animal", "human")))
    assert place.rows("raw_images")["image_id"].n_unique() == place.rows("raw_images").height == len(PICTURES)
    assert sum(report.loaded for report in reports) == len(PICTURES)
    assert sum(report.duplicates for report in reports) == 2 * len(PICTURES)


def test_a_run_that_was_killed_finds_its_finished_units_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, content in enumerate(PICTURES):
        place.put(DAYS[0], "plant", f"{number}.png", content)
    monkeypatch.setattr(kept_units, "UNIT_FILES", 2)
    decoded: list[int] = []
    real = units.decode

    def dies_in_the_third_unit(content: bytes, limits):
        decoded.append(PICTURES.index(content))
        if len(decoded) > 4:
            raise KeyboardInterrupt
        return real(content, limits)

    monkeypatch.setattr(units, "decode", dies_in_the_third_unit)
    with pytest.raises(KeyboardInterrupt):
        place.load(DAYS[0])
    assert place.rows("raw_images").is_empty()  # nothing of it is visible
    finished = set(decoded[:4])
    decoded.clear()
    monkeypatch.setattr(
        units, "decode", lambda content, limits: decoded.append(PICTURES.index(content)) or real(content, limits)
    )
    assert place.load(DAYS[0]).loaded == len(PICTURES)
    assert finished.isdisjoint(decoded)


def test_units_give_the_rows_of_a_single_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for size in (2, 10_001):
        place = Place(tmp_path / str(size))
        for number, content in enumerate([*PICTURES, BROKEN, PICTURES[1]]):
            place.put(DAYS[0], "plant", f"{number}.png", content)
        monkeypatch.setattr(kept_units, "UNIT_FILES", size)
        place.load(DAYS[0])
        states.append(place.state())
    assert states[0] == states[1]


class Meddling(DayFolders):
    """A folder in which somebody changes a file between the first and the second look at it."""

    def __init__(self, landing: Path, meddle: Callable[[Path], object]) -> None:
        super().__init__(LocalTree(landing))
        self.landing = landing
        self.meddle = meddle
        self.reads: Counter[str] = Counter()

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        self.reads[file.source] += 1
        if self.reads[file.source] == 2:
            self.meddle(self.landing / file.locator)
        return super().read(file, max_bytes)


@pytest.mark.parametrize(
    "meddle", [lambda file: file.write_bytes(PICTURES[5]), lambda file: file.unlink()], ids=["changed", "vanished"]
)
def test_a_file_that_changes_while_it_is_loaded_fails_the_load_and_leaves_what_was_there(
    place: Place, meddle: Callable[[Path], object]
) -> None:
    place.put(DAYS[0], "plant", "a.png", PICTURES[0])
    place.load(DAYS[0])
    before = place.state()
    place.put(DAYS[0], "plant", "b.png", PICTURES[1])
    with pytest.raises(SourceChanged, match=r"plant/.\.png"):
        place.load(DAYS[0], source=Meddling(place.landing, meddle))
    assert place.state() == before


def test_formats_that_a_dataset_does_not_let_in_are_counted_and_come_in_once_it_does(place: Place) -> None:
    place.put(DAYS[0], "plant", "a.png", PICTURES[0])
    place.put(DAYS[0], "plant", "b.png", images.any_format(PIXELS, "avif"))
    for formats, loaded, refused in ((["png"], 1, {"format_not_let_in": 1}), (["png", "avif"], 2, {})):
        limits = Limits.model_validate({"formats": formats})
        dataset = DATASET.model_copy(update={"limits": limits})
        report = ingest_partition(
            Partition(DAYS[0], "plant"), Ingest(dataset, folder_source(place.landing), place.tables, LocalEngine())
        )
        assert (report.loaded, report.quarantined) == (loaded, refused)
    assert sorted(place.rows("raw_images")["format"]) == ["avif", "png"]


def test_unreadable_and_oversized_files_are_in_quarantine(place: Place) -> None:
    (place.landing / str(DAYS[0]) / "plant").mkdir(parents=True)
    (place.landing / str(DAYS[0]) / "plant" / "dangling.png").symlink_to("nowhere.png")
    place.put(DAYS[0], "plant", "big.png", bytes(DATASET.limits.max_bytes + 1))
    assert place.load(DAYS[0]).quarantined == {"too_many_bytes": 1, "unreadable": 1}
    assert place.rows("quarantine")["image_id"].to_list() == [None, None]


CONTENT = st.sampled_from([*PICTURES[:4], BROKEN])
LANDED = st.dictionaries(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(["plant", "animal"])),
    st.lists(CONTENT, min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


@settings(max_examples=12, deadline=None)
@given(landed=LANDED, order=st.randoms(use_true_random=False))
def test_in_whatever_order_days_are_loaded_and_run_again_every_image_is_there_once(landed: dict, order) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "x")
        for (day, category), contents in landed.items():
            for number, content in enumerate(contents):
                place.put(day, category, f"{number}.png", content)
        runs = [*landed, *landed]
        order.shuffle(runs)
        for day, category in runs:
            report = place.load(day, category)
            assert report.listed == report.loaded + report.duplicates + sum(report.quarantined.values())
        images = {content for contents in landed.values() for content in contents} - {BROKEN}
        assert sorted(place.rows("raw_images")["content"]) == sorted(images)
        copies = sum(content != BROKEN for contents in landed.values() for content in contents)
        assert place.rows("duplicates").height == copies - len(images)


def test_the_tables_hold_what_the_schema_says(place: Place) -> None:
    place.put(DAYS[0], "plant", "a.png", PICTURES[0])
    place.load(DAYS[0])
    for table in (place.tables.arrivals, place.tables.raw_images, place.tables.duplicates, place.tables.quarantine):
        schema: TableSchema = table.schema
        assert pl.read_delta(table.url).columns == schema.arrow.names
