"""Commits of a table as its log grows: by the platform's own code, in a log of files that are only listed."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.history import add_files
from benchmarks.scale.measuring.spent import Spent, now, positive
from image_assets.schema import QUARANTINE, Partition
from image_assets.settings.tables import CHECKPOINT_COMMITS
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile

LOGS = 500, 8_000
_FIRST = dt.date(2020, 1, 1)
_PERIOD = CHECKPOINT_COMMITS
_MEMORY = """
import sys; from pathlib import Path; from benchmarks.scale.measuring.logs import table_at; import psutil
table_at(Path(sys.argv[1])).snapshot(); print(psutil.Process().memory_info().rss)
"""


def table_at(folder: Path) -> PartitionedTable:
    """The table that is measured."""
    return Store(str(folder)).table("measured", QUARANTINE)


def log_costs(work: Path, logs: Sequence[int] = LOGS) -> dict[str, Spent | float]:
    """Seconds of commits, of checkpoints and of opening, and memory, of a short and of a long log."""
    small, large = (_measure(work / f"log-{files}", files) for files in logs)
    between = logs[1] - logs[0]

    def grows(name: str) -> Spent:
        return positive(large[name] - small[name]) / between

    return {
        "commit_base": positive(small["commit"] - logs[0] * grows("commit")),
        "commit_file": grows("commit"),
        "checkpoint_file": grows("checkpoint"),
        "commit_added": large["added"] / between,
        "open_file": grows("open"),
        "log_commit": positive(small["open late"] - small["open"]) / (_PERIOD - 1),
        "log_memory": float(grows("memory")[0]),
    }


def _measure(folder: Path, files: int) -> dict[str, Spent]:
    shutil.rmtree(folder, ignore_errors=True)
    table = table_at(folder)
    row = pl.DataFrame({"source": ["a"], "bytes": [1], "image_id": [None], "reason": ["empty"], "detail": [""]})
    row = row.with_columns(pl.col("image_id").cast(pl.String))
    first = Partition(_FIRST, "a")
    table.replace(first, [table.write_frame(first, row)])
    listed = [(_partition(number), _listed(number)) for number in range(1, files)]
    began = now()
    add_files(table, listed)
    added = now() - began
    commits, checkpoints = [], []
    opened: dict[int, Spent] = {}
    for number in range(_PERIOD + 1):
        partition = _partition(files + number)
        file = table.write_frame(partition, row)
        began = now()
        version = table.replace(partition, [file]).version
        took = now() - began
        since = (version + 1) % _PERIOD  # the first version is 0: the commit of 24 is the first to write a checkpoint
        (commits if since else checkpoints).append(took)
        if since in (0, _PERIOD - 1):
            opened[since] = _opened(table)
    memory = subprocess.run([sys.executable, "-c", _MEMORY, str(folder)], check=True, capture_output=True, text=True)
    return {
        "commit": np.median(commits, axis=0),
        "checkpoint": positive(np.median(checkpoints, axis=0) - np.median(commits, axis=0)),
        "added": added,
        "open": opened[0],
        "open late": opened[_PERIOD - 1],
        "memory": np.full(2, float(memory.stdout)),
    }


def _partition(number: int) -> Partition:
    return Partition(_FIRST + dt.timedelta(days=number // 3), "abc"[number % 3])


def _listed(number: int) -> WrittenFile:
    partition = _partition(number)
    return WrittenFile(f"date={partition.date}/category={partition.category}/{number:032}.parquet", 1, 1)


def _opened(table: PartitionedTable) -> Spent:
    """What it takes to open the table anew."""
    delta_log._idle.clear()
    began = now()
    table.snapshot()
    return now() - began
