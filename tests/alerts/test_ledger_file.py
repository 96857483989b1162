"""The file of a ledger: one of an earlier version, its index, and a file that is none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.event import listen
from sqlalchemy.exc import DatabaseError

from image_assets.alerts.delivery import deliver
from image_assets.alerts.ledger import Ledger
from tests.alerts.alerted import DATASET, Channels, outcome, told

# A ledger as it was written before SQLAlchemy made its tables, with an alert that waits and a run to be tried again.
EARLIER = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    dataset TEXT NOT NULL,
    asset TEXT NOT NULL,
    check_name TEXT NOT NULL,
    partition TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at REAL NOT NULL,
    failed INTEGER NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    announced INTEGER NOT NULL,
    delivered_at REAL,
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at REAL,
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (channel, dataset, asset, check_name, partition, run_id)
);
CREATE INDEX waiting ON entries (dataset, channel, at) WHERE announced AND delivered_at IS NULL;
CREATE TABLE expected_retries (dataset TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (dataset, run_id));
INSERT INTO entries VALUES (1, 'TEAM', 'drawn', 'raw_images', 'a', '2026-11-03 plant', 'run-1', 1.0, 1, 'ERROR',
    '[drawn] ERROR: raw_images/a failed, 2026-11-03 plant', 'figures', 1.5, 1, NULL, 2, 1.75, 'is down');
INSERT INTO expected_retries VALUES ('drawn', 'run-7');
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "deep" / "alerts.sqlite")


def test_a_ledger_of_an_earlier_version_goes_on(ledger: Ledger) -> None:
    channels = Channels()
    ledger.path.parent.mkdir()
    with closing(sqlite3.connect(ledger.path)) as earlier:
        earlier.executescript(EARLIER)
    (waiting,) = ledger.pending("drawn", "TEAM")
    assert (waiting.state, waiting.subject, waiting.partition) == ("failed", "raw_images/a", "2026-11-03 plant")
    assert (waiting.tries, waiting.error, waiting.delivered_at) == (2, "is down", None)
    assert ledger.expected_retries("drawn") == {"run-7"}
    told(ledger, outcome(2, passed=False), outcome(3, passed=True))
    deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == ["failed", "recovered"]
    assert next((message.id, message.tries) for message in ledger.messages() if message.channel == "TEAM") == (1, 3)


@pytest.mark.parametrize("earlier", [False, True])
def test_what_waits_is_found_by_its_index(ledger: Ledger, earlier: bool) -> None:
    ledger.path.parent.mkdir()
    with closing(sqlite3.connect(ledger.path)) as database:
        if earlier:
            database.executescript(EARLIER)
        asked: list[str] = []
        listen(ledger._database, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
        ledger.pending("drawn", "TEAM")
        plan = str(database.execute(f"EXPLAIN QUERY PLAN {asked[0]}", ("drawn", "TEAM")).fetchall())
    assert "USING INDEX waiting (dataset=? AND channel=?)" in plan


def test_a_ledger_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    file.write_text("not a database" * 100)
    with pytest.raises(DatabaseError, match="file is not a database"):
        told(Ledger(file), outcome(1, passed=False))
    assert file.read_text().startswith("not a database")
