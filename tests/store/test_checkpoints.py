"""How often checkpoints of a table's log are written is said by the dataset file, and holds for every commit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deltalake import DeltaTable

from image_assets.categories.changes import renumber_categories
from image_assets.cli import main
from image_assets.dataset import DatasetError
from image_assets.marks.record import take_back
from image_assets.schema import ARRIVALS, QUARANTINE, REVIEWS, TABLES, Partition
from image_assets.settings.tables import CHECKPOINT_COMMITS, Tables
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.log_damage import DamagedLog
from image_assets.store.tables.versions import CHECKPOINTS
from tests.platform import FIRST, SECOND, Platform, land_small_sample, small_dataset
from tests.removal.images import id_of, marked_image
from tests.removal.test_removal import removal_of
from tests.store.test_damage import empty, halve
from tests.store.test_delta_tables import put, sources
from tests.verification.test_repair import repaired

pytestmark = pytest.mark.local_store(reason="the files of logs, counted and damaged in a folder")
COMMITS = 13


def table_of(root: Path, commits: int | None) -> PartitionedTable:
    store = Store(str(root))
    if commits is None:
        return store.table("drawn", ARRIVALS)
    return store.table_to_write(small_dataset(tables={"checkpoint_commits": commits}), ARRIVALS)


def commit(table: PartitionedTable, numbers: range) -> None:
    for number in numbers:
        assert put(table, Partition(FIRST, f"c{number}"), f"{number}.png")


def checkpoints(table: PartitionedTable) -> int:
    return len([*Path(table.url, "_delta_log").glob("*.checkpoint.parquet")])


def interval(table: PartitionedTable) -> str | None:
    return DeltaTable(table.url).metadata().configuration.get(CHECKPOINTS)


# The first version, 0, is the table without files.
@pytest.mark.parametrize(("commits", "files"), [(1, COMMITS), (2, 7), (5, 2), (25, 0), (None, 0)])
def test_so_many_commits_lie_between_two_checkpoints(tmp_path: Path, commits: int | None, files: int) -> None:
    table = table_of(tmp_path, commits)
    commit(table, range(COMMITS))
    assert checkpoints(table) == files
    assert interval(table) == str(commits or CHECKPOINT_COMMITS)
    delta_log._idle.clear()
    assert len(sources(table)) == COMMITS


def test_where_nothing_is_said_there_are_as_many_as_before(tmp_path: Path) -> None:
    assert small_dataset().tables.checkpoint_commits == CHECKPOINT_COMMITS == 25
    table = Store(str(tmp_path)).table_to_write(small_dataset(), ARRIVALS)
    commit(table, range(26))
    (one,) = Path(table.url, "_delta_log").glob("*.checkpoint.parquet")
    assert one.name == f"{24:020}.checkpoint.parquet"


def test_a_table_that_is_there_goes_by_the_file_as_it_is_now(tmp_path: Path) -> None:
    commit(table_of(tmp_path, 25), range(6))
    table = table_of(tmp_path, 2)
    assert checkpoints(table) == 0
    commit(table, range(6, 12))
    assert checkpoints(table) >= 3
    # Who does not know the file leaves it as it is.
    there = checkpoints(table)
    commit(table_of(tmp_path, None), range(12, 18))
    assert (interval(table), checkpoints(table)) == ("2", there + 3)
    assert len(sources(table)) == 18


def test_what_has_nothing_to_change_says_so_also_where_the_file_is_another(tmp_path: Path) -> None:
    commit(table_of(tmp_path, 25), range(1))
    version = DeltaTable(table_of(tmp_path, 25).url).version()
    assert not put(table_of(tmp_path, 25), Partition(FIRST, "c0"), "0.png")
    assert DeltaTable(table_of(tmp_path, 25).url).version() == version
    assert not put(table_of(tmp_path, 2), Partition(FIRST, "c0"), "0.png")
    assert interval(table_of(tmp_path, 2)) == "2"


def test_writers_whose_files_differ_lose_nothing(tmp_path: Path) -> None:
    def write(number: int) -> bool:
        return put(table_of(tmp_path, 2 + number % 2), Partition(FIRST, f"c{number}"), f"{number:02}.png")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(24)))
    assert sources(table_of(tmp_path, 2)) == [f"{number:02}.png" for number in range(24)]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (0, "found 0; Input should be greater than or equal to 1"),
        (-25, "found -25; Input should be greater than or equal to 1"),
        (2.5, "found 2.5; .*valid integer"),
        (10**20, ".*less than or equal to 100000"),
        (True, "expected a number, found yes or no"),
        (None, "found None; .*valid integer"),
    ],
)
def test_what_is_no_number_of_commits_is_refused_at_the_door(said: object, answer: str) -> None:
    with pytest.raises(DatasetError, match=f"(?s)tables.*checkpoint_commits: {answer}"):
        small_dataset(tables={"checkpoint_commits": said})


@pytest.mark.parametrize("damage", [empty, halve, Path.unlink])
def test_a_damaged_checkpoint_is_told_and_repaired(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    platform = Platform(small_dataset(tables={"checkpoint_commits": 4}), tmp_path)
    platform.landing.mkdir()
    table = platform.store.table_to_write(platform.dataset, ARRIVALS)
    for day in range(6):
        put(table, Partition(FIRST + dt.timedelta(days=day), "plant"), f"{day}.png")
    rows = sources(table)
    damage(sorted(Path(table.url, "_delta_log").glob("*.checkpoint.parquet"))[-1])
    delta_log._idle.clear()
    named = "_last_checkpoint names the checkpoint" if damage == Path.unlink else "checkpoint.parquet is damaged"
    with pytest.raises(DamagedLog, match=f"{named}.*image-assets repair"):
        sources(table)
    status, done = repaired(platform, capsys)
    assert (status, done["sound"]) == (0, True)
    delta_log._idle.clear()
    assert sources(table) == rows


def changed(platform: Platform, commits: int) -> Platform:
    tables = Tables(checkpoint_commits=commits)
    return Platform(platform.dataset.model_copy(update={"tables": tables}), platform.root)


def tables_there(platform: Platform) -> dict[str, tuple[int, str | None]]:
    """Of every table that is there, its version and what it goes by."""
    found = {}
    for schema in TABLES:
        url = platform.store.location("drawn", schema.name)
        if DeltaTable.is_deltatable(url):
            table = DeltaTable(url)
            found[schema.name] = (table.version(), table.metadata().configuration.get(CHECKPOINTS))
    return found


@pytest.mark.long
def test_every_command_that_commits_goes_by_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform = Platform(small_dataset(tables={"checkpoint_commits": 7}, retention={"quarantine_days": 1}), tmp_path)
    land_small_sample(platform.landing)
    assert platform.run(FIRST).ok
    there = tables_there(platform)
    assert len(there) > 10
    assert {commits for _, commits in there.values()} == {"7"}

    def goes_by(commits: int, does: Callable[[Platform], object]) -> set[str]:
        """The tables that something changed; each of them goes by the number that was said then, and no other does."""
        before = tables_there(platform)
        does(changed(platform, commits))
        after = tables_there(platform)
        touched = {name for name in after if after[name][0] != before.get(name, (-1,))[0]}
        assert {name for name in after if after[name][1] == str(commits)} == touched
        return touched

    assert len(goes_by(8, lambda now: now.run(SECOND))) > 10
    assert goes_by(9, marked_image) == {REVIEWS.name}
    (batch,) = set(platform.rows(REVIEWS).sort("decided_at").head(1)["batch"])
    later = dt.datetime(2026, 11, 6, tzinfo=dt.UTC)
    assert goes_by(10, lambda now: take_back(now.dataset, now.store, batch, "somebody", later)) == {REVIEWS.name}

    def remove(now: Platform) -> None:
        removal = removal_of(now, id_of(now))
        removal.begin()
        removal.take_out()

    assert len(goes_by(11, remove)) > 3

    def let_go(now: Platform) -> None:
        file = tmp_path / "drawn.yaml"
        file.write_text(json.dumps(now.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
        assert main(["gc", "--dataset", str(file), "--store", now.store.url]) == 0

    assert goes_by(12, let_go) == {QUARANTINE.name, "quarantine_let_go"}

    def renumber(now: Platform) -> None:
        other = now.dataset.model_copy(update={"categories": {"plant": 5, "animal": 6, "human": 7}})
        renumber_categories(other, now.store, lambda _: None)

    assert len(goes_by(13, renumber)) > 1
    capsys.readouterr()
