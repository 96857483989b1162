"""The delivery ledger: what is to be said to whom, what was said, and what still waits.

An SQLite file with one row per channel and thing that it takes note of: a check's evaluation in a run, or a failed
run. A row that is announced is a message; it waits until a channel has accepted it. Rows are written once, under a
unique key, so that a sensor may look at a run as often as it likes.

Which evaluations are announced follows from their order in time, per channel and check and partition: of every streak
of failures one, and one of the streak of passes that ends it. Runs need not be seen in the order in which they ended.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from image_assets.alerts.report import CheckOutcome, RunFailure
from image_assets.alerts.text import Text
from image_assets.alone import locked

State = Literal["failed", "recovered", "run failed"]

_BUSY_SECONDS = 20
_KEPT_SECONDS = 30 * 24 * 3600
_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    dataset TEXT NOT NULL,
    asset TEXT NOT NULL,          -- with `check_name` and `partition`, empty where there is none
    check_name TEXT NOT NULL,     -- empty for a failed run
    partition TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at REAL NOT NULL,             -- evaluated or failed, POSIX seconds; so are the times below
    failed INTEGER NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    announced INTEGER NOT NULL,   -- whether it is a message
    delivered_at REAL,
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at REAL,
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (channel, dataset, asset, check_name, partition, run_id)
);
CREATE INDEX IF NOT EXISTS waiting ON entries (dataset, channel, at) WHERE announced AND delivered_at IS NULL;
CREATE TABLE IF NOT EXISTS expected_retries (
    dataset TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (dataset, run_id)
);
"""


@dataclass(frozen=True)
class Entry:
    """What a channel takes note of, and what is said where that has to be told."""

    channel: str
    what: CheckOutcome | RunFailure
    text: Text


@dataclass(frozen=True)
class Message:
    """A message to a channel and what became of it; times are POSIX seconds.

    `subject` is the asset and check, empty for a failed run; `partition` is empty where there is none.
    """

    id: int
    channel: str
    dataset: str
    state: State
    severity: str
    text: Text
    at: float
    recorded_at: float
    delivered_at: float | None
    tries: int
    error: str
    subject: str
    partition: str

    @property
    def cause(self) -> str:
        """What is told, without where: the title but for the partition."""
        return self.text.title.removesuffix(f", {self.partition}") if self.partition else self.text.title


class Ledger:
    """The ledger in a file, which is made when it is first written to.

    Every call is a transaction of its own and may come from any process or thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, entries: Sequence[Entry]) -> None:
        """Take note, and announce what begins or ends a streak of failures, and every failed run.

        Of what was recorded before, nothing changes.
        """
        with self._transaction() as database:
            for entry in entries:
                if _insert(database, entry) and isinstance(entry.what, CheckOutcome):
                    _announce(database, entry)

    def pending(self, dataset: str, channel: str) -> list[Message]:
        """The channel's messages that it has not accepted yet, in the order of what they tell."""
        return self._messages("delivered_at IS NULL AND dataset = ? AND channel = ?", (dataset, channel))

    def delivered_since(self, dataset: str, channel: str, since: float) -> list[Message]:
        """What the channel has accepted since a moment."""
        return self._messages("delivered_at > ? AND dataset = ? AND channel = ?", (since, dataset, channel))

    def messages(self) -> list[Message]:
        """All messages, in the order of what they tell."""
        return self._messages("1", ())

    def mark_delivered(self, message: Message) -> None:
        """The channel has accepted the message."""
        now = time.time()
        with self._transaction() as database:
            database.execute(
                "UPDATE entries SET delivered_at = ?, tried_at = ?, tries = tries + 1, error = '' WHERE id = ?",
                (now, now, message.id),
            )

    def mark_refused(self, message: Message, error: str) -> None:
        """The channel has not accepted the message, for a reason that holds no secret; it goes on waiting."""
        with self._transaction() as database:
            database.execute(
                "UPDATE entries SET tried_at = ?, tries = tries + 1, error = ? WHERE id = ?",
                (time.time(), error, message.id),
            )

    def expect_retry(self, dataset: str, run_id: str) -> None:
        """Keep in mind that Dagster has promised to try a failed run again."""
        with self._transaction() as database:
            database.execute("INSERT OR IGNORE INTO expected_retries VALUES (?, ?)", (dataset, run_id))

    def expected_retries(self, dataset: str) -> list[str]:
        """The runs of which a retry is still expected."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT run_id FROM expected_retries WHERE dataset = ? ORDER BY rowid", (dataset,)
            ).fetchall()
        return [run_id for (run_id,) in rows]

    def settle_retry(self, dataset: str, run_id: str) -> None:
        """The retry has come, or the run was told of."""
        with self._transaction() as database:
            database.execute("DELETE FROM expected_retries WHERE dataset = ? AND run_id = ?", (dataset, run_id))

    def forget_old(self) -> int:
        """Remove what is no message and was recorded over 30 days ago; how many rows.

        The order of evaluations does not depend on them any more, unless a run is seen that late.
        """
        with self._transaction() as database:
            done = database.execute(
                "DELETE FROM entries WHERE NOT announced AND recorded_at < ?", (time.time() - _KEPT_SECONDS,)
            )
        return done.rowcount

    @contextmanager
    def delivering(self) -> Iterator[bool]:
        """Whether the caller is the one that delivers now; nobody else is, in any process, until the context ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.with_name(self.path.name + ".lock"), wait=False, mode=0o600) as ours:
            yield ours

    def _messages(self, condition: str, values: tuple[str | float, ...]) -> list[Message]:
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id, channel, dataset, check_name, failed, severity, title, body, at, recorded_at, delivered_at,"
                " tries, error, iif(check_name = '', '', asset || '/' || check_name), partition"
                f" FROM entries WHERE announced AND {condition} ORDER BY at, id",
                values,
            ).fetchall()
        return [
            Message(number, channel, dataset, _state(check, failed), severity, Text(title, body), *rest)
            for number, channel, dataset, check, failed, severity, title, body, *rest in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
            database.executescript(_TABLES)
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _state(check: str, failed: int) -> State:
    if not check:
        return "run failed"
    return "failed" if failed else "recovered"


def _insert(database: sqlite3.Connection, entry: Entry) -> bool:
    what = entry.what
    if isinstance(what, CheckOutcome):
        names, failed, severity, announced = (what.asset, what.check), not what.passed, what.severity, False
    else:
        names, failed, severity, announced = ("", ""), True, "ERROR", True
    values = (entry.channel, what.dataset, *names, what.partition, what.run_id, what.at, failed, severity)
    done = database.execute(
        "INSERT OR IGNORE INTO entries (channel, dataset, asset, check_name, partition, run_id, at, failed, severity,"
        " title, body, recorded_at, announced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, entry.text.title, entry.text.body, time.time(), announced),
    )
    return done.rowcount == 1


def _announce(database: sqlite3.Connection, entry: Entry) -> None:
    """See to it that each streak has one row that is announced; passes before any failure need none."""
    assert isinstance(entry.what, CheckOutcome)
    what = entry.what
    rows = database.execute(
        "SELECT id, failed, announced FROM entries WHERE channel = ? AND dataset = ? AND asset = ? AND check_name = ?"
        " AND partition = ? ORDER BY at, run_id",
        (entry.channel, what.dataset, what.asset, what.check, what.partition),
    ).fetchall()
    streaks = [(failed, list(streak)) for failed, streak in groupby(rows, key=lambda row: row[1])]
    for number, (failed, streak) in enumerate(streaks):
        if (failed or number) and not any(announced for _, _, announced in streak):
            first, *_ = streak
            database.execute("UPDATE entries SET announced = 1 WHERE id = ?", (first[0],))
