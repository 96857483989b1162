"""Words are taken out of Dagster's records: what events, materialisations and checks say of images that were removed.

An event stays, and so does what is looked up by it; only the words go, and the pictures of partitions that showed them.
"""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from sqlalchemy import Connection, Table, literal, select

from image_assets.orchestration.dagster_internals import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)
from image_assets.run_history.prune import give_back

INSTEAD = "(removed)"
_BATCH = 500


class RedactError(RuntimeError):
    """The records of this instance cannot be changed from here: the message says why."""


@dataclass(frozen=True)
class Shown:
    """Materialisations that show pictures among which removed ones may be.

    Attributes:
        dataset: Whose assets: those of all of it, and of the partitions that are named.
        partitions: Keys of partitions.
    """

    dataset: str
    partitions: Collection[str]

    def has(self, asset_key: str | None, partition: str | None) -> bool:
        """Whether the materialisations of an asset, by its key as Dagster writes it, and a partition are of these."""
        of_dataset = asset_key is not None and asset_key.startswith(json.dumps([self.dataset])[:-1])
        return of_dataset and (partition is None or partition in self.partitions)


def redact(instance: dg.DagsterInstance, words: Collection[str], shown: Shown) -> int:
    """Replace words in all events, and leave the pictures out of some.

    Args:
        instance: Whose records.
        words: Ids and names.
        shown: The events that show pictures.

    Returns:
        How many rows were changed.

    Raises:
        RedactError: the records are not in a database that Dagster's own classes of SQL storage open.
    """
    log = instance.event_log_storage
    if not isinstance(log, SqlEventLogStorage):
        raise RedactError(f"events are recorded by {type(log).__name__}, which cannot be changed from here")
    written = sorted({one for word in words for one in _as_written(word)}, key=len, reverse=True)
    with log.index_connection() as connection:
        events = _replace(connection, _EVENTS, written, shown)
        checks = _replace(connection, _CHECKS, written)
        latest = _replace(connection, _LATEST, written, shown)
    with log.index_connection() as connection:
        give_back(connection)  # what was there before is in pages that are free now
    return events + checks + latest


@dataclass(frozen=True)
class _Column:
    """A column of text, with what tells its rows apart, and whose they are."""

    table: Table
    text: str
    partitioned: bool = True


_EVENTS = _Column(SqlEventLogStorageTable, "event")
_CHECKS = _Column(AssetCheckExecutionsTable, "evaluation_event")
_LATEST = _Column(AssetKeyTable, "last_materialization", partitioned=False)


def _as_written(word: str) -> Iterator[str]:
    """A word as it may stand in JSON, in Markdown and in both."""
    for one in {word, html.escape(word)}:
        yield one
        quoted = json.dumps(one)[1:-1]
        yield quoted
        yield json.dumps(quoted)[1:-1]


def _replace(connection: Connection, column: _Column, words: Sequence[str], shown: Shown | None = None) -> int:
    table, text = column.table, column.text
    partition = table.c.partition if column.partitioned else literal(None)
    columns = (table.c.id, table.c[text], table.c.asset_key, partition)
    last, changed = -1, 0
    while rows := connection.execute(
        select(*columns).where(table.c.id > last).order_by(table.c.id).limit(_BATCH)
    ).fetchall():
        last = rows[-1][0]
        for row in rows:
            said = row[1] or ""
            now = said
            for word in words:
                now = now.replace(word, INSTEAD)
            if shown is not None and shown.has(row[2], row[3]):
                now = _without_pictures(now)
            if now != said:
                connection.execute(table.update().where(table.c.id == row[0]).values({text: now}))
                changed += 1
    return changed


def _without_pictures(event: str) -> str:
    """An event without the pictures that are written into it."""
    parts = event.split("data:image/")
    return parts[0] + "".join(f"data:,{part[_end(part) :]}" for part in parts[1:])


def _end(part: str) -> int:
    ends = [at for sign in (")", '"', "\\") if (at := part.find(sign)) >= 0]
    return min(ends, default=len(part))
