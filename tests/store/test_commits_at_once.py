"""Writers at the same moment, on a disk and in a bucket: one of two wins, those that differ all come through.

R4 and R5 of the scorecard; their controls are in `test_delta_tables.py` and `test_conditions.py`: the race without
what keeps two apart.
"""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from image_assets.schema import ARRIVALS, Partition
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import CommitConflict, PartitionedTable
from tests.s3_server import S3Server
from tests.store.test_delta_tables import ANIMAL, PLANT, frame, put, sources
from tests.torture.size import record, rounds_of

CATEGORIES = ("plant", "animal", "human", "fungus", "rock")


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return Store(str(tmp_path))
    server: S3Server = request.getfixturevalue("s3_server")
    return Store(f"s3://{server.bucket()}/store", server.storage_options)


def load(table: PartitionedTable, name: str, barrier: threading.Barrier) -> str:
    """Load a partition that nobody has loaded; both have seen the table before either commits."""
    written, seen = table.write_frame(PLANT, frame(name)), list[Snapshot]()

    def choose(there: Snapshot) -> list:
        seen.append(there)
        if len(seen) == 1:
            barrier.wait()
        return [written]

    try:
        table.replace_exclusively(PLANT, choose)
    except CommitConflict:
        return "conflict"
    return name


def test_of_two_first_loads_of_a_partition_one_wins_and_the_other_says_so(store: Store) -> None:
    for number in range(rounds_of("R4")):
        table, barrier = store.table(f"sample{number}", ARRIVALS), threading.Barrier(2)
        table.replace(ANIMAL, [])
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda name: load(table, name, barrier), ["a", "b"]))  # noqa: B023  # done within
        assert outcomes.count("conflict") == 1
        assert sources(table) == [next(name for name in outcomes if name != "conflict")]
        record("R4", winners=1, doubled=0)


def test_writers_of_different_partitions_all_come_through(store: Store) -> None:
    table = store.table("sample", ARRIVALS)
    days = rounds_of("R5") // len(CATEGORIES)
    commits = [
        Partition(dt.date(2026, 11, 1) + dt.timedelta(days=day), category)
        for category in CATEGORIES
        for day in range(days)
    ]
    with ThreadPoolExecutor(len(CATEGORIES)) as pool:
        changed = list(pool.map(lambda partition: put(table, partition, str(partition)), commits))
    assert all(changed)
    there = sources(table)
    record("R5", rounds=len(commits), lost=len(commits) - len(there))
    assert there == sorted(map(str, commits))
