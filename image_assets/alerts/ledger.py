"""The delivery ledger: what is to be said to whom, what was said, and what still waits.

An SQLite file with one row per channel and thing that it takes note of: a check's evaluation in a run, or a failed
run. A row that is announced is a message; it waits until a channel has accepted it. Rows are written once, under a
unique key, so that a sensor may look at a run as often as it likes. Of SQLite's own there are only how it is opened
and `insert`, which SQLAlchemy's dialect of PostgreSQL has as well.

Which evaluations are announced follows from their order in time, per channel and check and partition: of every streak
of failures one, and one of the streak of passes that ends it. Runs need not be seen in the order in which they ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from image_assets.alerts.run_report import CheckOutcome, RunFailure
from image_assets.alerts.text import Text
from image_assets.alone import locked

State = Literal["failed", "recovered", "run failed"]

_BUSY_SECONDS = 20
_KEPT_SECONDS = 30 * 24 * 3600


def _required(kind: type[sa.types.TypeEngine], *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=False) for name in names]


_TABLES = sa.MetaData()
_KEY = ("channel", "dataset", "asset", "check_name", "partition", "run_id")
# As the index says it, so that the index is used.
_WAITING = sa.text("announced AND delivered_at IS NULL")
_ENTRIES = sa.Table(
    "entries",
    _TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    # Asset, check and partition are empty where there is none; a failed run has no check.
    *_required(sa.Text, *_KEY, "severity", "title", "body"),
    # Evaluated or failed, and written; POSIX seconds, as all times.
    *_required(sa.Double, "at", "recorded_at"),
    # Whether it is a message.
    *_required(sa.Boolean, "announced", "failed"),
    sa.Column("delivered_at", sa.Double),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tried_at", sa.Double),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint(*_KEY),
    sa.Index("waiting", "dataset", "channel", "at", sqlite_where=_WAITING),
)
# What a message says as its row does.
_SAME = (
    *("id", "channel", "dataset", "severity", "partition", "at", "recorded_at"),
    *("delivered_at", "tries", "tried_at", "error"),
)
_RETRIES = sa.Table(
    "expected_retries",
    _TABLES,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
)


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
    tried_at: float | None
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
        with self._database.begin() as database:
            for entry in entries:
                if _insert(database, entry) and isinstance(entry.what, CheckOutcome):
                    _announce(database, entry)

    def pending(self, dataset: str, channel: str) -> list[Message]:
        """The channel's messages that it has not accepted yet, in the order of what they tell."""
        return self._messages(_WAITING, _ENTRIES.c.dataset == dataset, _ENTRIES.c.channel == channel)

    def delivered_since(self, dataset: str, channel: str, since: float) -> list[Message]:
        """What the channel has accepted since a moment."""
        accepted = _ENTRIES.c.delivered_at > since
        return self._messages(accepted, _ENTRIES.c.dataset == dataset, _ENTRIES.c.channel == channel)

    def messages(self) -> list[Message]:
        """All messages, in the order of what they tell."""
        return self._messages()

    def mark_delivered(self, message: Message) -> None:
        """The channel has accepted the message."""
        now = time.time()
        self._tried(message, delivered_at=now, tried_at=now, error="")

    def mark_refused(self, message: Message, error: str) -> None:
        """The channel has not accepted the message, for a reason that holds no secret; it goes on waiting."""
        self._tried(message, tried_at=time.time(), error=error)

    def expect_retry(self, dataset: str, run_id: str) -> None:
        """Keep in mind that Dagster has promised to try a failed run again."""
        with self._database.begin() as database:
            database.execute(insert(_RETRIES).values(dataset=dataset, run_id=run_id).on_conflict_do_nothing())

    def expected_retries(self, dataset: str) -> set[str]:
        """The runs of which a retry is still expected."""
        with self._database.begin() as database:
            return set(database.scalars(sa.select(_RETRIES.c.run_id).where(_RETRIES.c.dataset == dataset)))

    def settle_retry(self, dataset: str, run_id: str) -> None:
        """The retry has come, or the run was told of."""
        with self._database.begin() as database:
            database.execute(sa.delete(_RETRIES).where(_RETRIES.c.dataset == dataset, _RETRIES.c.run_id == run_id))

    def forget_old(self) -> int:
        """Remove what is no message and was recorded over 30 days ago; how many rows.

        The order of evaluations does not depend on them any more, unless a run is seen that late.
        """
        old = ~_ENTRIES.c.announced & (_ENTRIES.c.recorded_at < time.time() - _KEPT_SECONDS)
        with self._database.begin() as database:
            return database.execute(sa.delete(_ENTRIES).where(old)).rowcount

    def redact(self, words: Iterable[str], instead: str) -> int:
        """Replace words in all titles and bodies, of what was delivered too; in how many rows."""
        text = {name: _ENTRIES.c[name] for name in ("title", "body", "error")}
        changed: dict[str, sa.ColumnElement] = {**text}
        for word in words:
            changed = {name: sa.func.replace(column, word, instead) for name, column in changed.items()}
        differs = sa.or_(*(changed[name] != text[name] for name in text))
        with self._database.begin() as database:
            database.exec_driver_sql("PRAGMA secure_delete = ON")  # what was there before is not left in the file
            return database.execute(sa.update(_ENTRIES).where(differs).values(**changed)).rowcount

    @contextmanager
    def delivering(self) -> Iterator[bool]:
        """Whether the caller is the one that delivers now; nobody else is, in any process, until the context ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.with_name(self.path.name + ".lock"), wait=False, mode=0o600) as ours:
            yield ours

    def _messages(self, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> list[Message]:
        wanted = sa.select(_ENTRIES).where(_ENTRIES.c.announced, *conditions)
        with self._database.begin() as database:
            rows = database.execute(wanted.order_by(_ENTRIES.c.at, _ENTRIES.c.id)).mappings()
            return [_message(row) for row in rows]

    def _tried(self, message: Message, **values: object) -> None:
        this = sa.update(_ENTRIES).where(_ENTRIES.c.id == message.id)
        with self._database.begin() as database:
            database.execute(this.values(tries=_ENTRIES.c.tries + 1, **values))

    @cached_property
    def _database(self) -> sa.Engine:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sa.create_engine(
            sa.URL.create("sqlite", database=str(self.path)),
            poolclass=sa.NullPool,
            # What writes has the file to itself from its first statement on; the others wait.
            connect_args={"timeout": _BUSY_SECONDS, "isolation_level": "IMMEDIATE"},
            hide_parameters=True,
        )
        with database.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # another process may be making the tables too
            _TABLES.create_all(connection)
        return database


def _message(row: sa.RowMapping) -> Message:
    check = row["check_name"]
    state: State = ("failed" if row["failed"] else "recovered") if check else "run failed"
    subject = f"{row['asset']}/{check}" if check else ""
    text = Text(row["title"], row["body"])
    return Message(state=state, text=text, subject=subject, **{name: row[name] for name in _SAME})


def _insert(database: sa.Connection, entry: Entry) -> bool:
    what = entry.what
    values = {"channel": entry.channel, "title": entry.text.title, "body": entry.text.body, "recorded_at": time.time()}
    values |= {"dataset": what.dataset, "partition": what.partition, "run_id": what.run_id, "at": what.at}
    if isinstance(what, CheckOutcome):
        values |= {"asset": what.asset, "check_name": what.check, "severity": what.severity}
        values |= {"failed": not what.passed, "announced": False}
    else:
        values |= {"asset": "", "check_name": "", "severity": "ERROR", "failed": True, "announced": True}
    new = insert(_ENTRIES).values(values).on_conflict_do_nothing().returning(_ENTRIES.c.id)
    return database.execute(new).first() is not None


def _announce(database: sa.Connection, entry: Entry) -> None:
    """See to it that each streak has one row that is announced; passes before any failure need none."""
    assert isinstance(entry.what, CheckOutcome)
    what, of = entry.what, _ENTRIES.c
    rows = database.execute(
        sa.select(of.id, of.failed, of.announced)
        .where(of.channel == entry.channel, of.dataset == what.dataset, of.partition == what.partition)
        .where(of.asset == what.asset, of.check_name == what.check)
        .order_by(of.at, of.run_id)
    ).all()
    streaks = [(failed, list(streak)) for failed, streak in groupby(rows, key=lambda row: row.failed)]
    for number, (failed, streak) in enumerate(streaks):
        if (failed or number) and not any(row.announced for row in streak):
            database.execute(sa.update(_ENTRIES).where(of.id == streak[0].id).values(announced=True))
