"""Words go out of Dagster's records and out of the ledger of alerts, and nothing else of them changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import create_engine, inspect, text

from image_assets.alerts.ledger import Ledger
from image_assets.orchestration.dagster_home import open_instance
from image_assets.run_history.redact import INSTEAD, RedactError, Shown, redact
from tests.alerts.test_ledger_file import EARLIER
from tests.postgres_server import PostgresServer
from tests.removal.seeking import holding
from tests.test_postgres_storage import CONFIG, VARIABLE

SECRET = "2026-11-03/plant/Grandma's <holiday>.png"
PICTURE = "![sheet](data:image/webp;base64,UklGRgAAAABXRUJQ)"
RAW, OTHER = dg.AssetKey(["drawn", "raw_images"]), dg.AssetKey(["other", "raw_images"])
SHOWN = Shown("drawn", ["plant|2026-11-03"])


def recorded(instance: dg.DagsterInstance) -> None:
    texts = {"files": dg.MetadataValue.md(f"`{SECRET}` {PICTURE} and more"), "json": dg.MetadataValue.json([SECRET])}
    for key, partition in ((RAW, "plant|2026-11-03"), (RAW, "plant|2026-11-04"), (OTHER, "plant|2026-11-03")):
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=texts, partition=partition))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=RAW, check_name="known", passed=False, metadata=texts)
    )


@pytest.mark.long
def test_words_go_out_of_postgresql_too(
    tmp_path: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, home = postgres_server.new_database(), tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(CONFIG)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv(VARIABLE, database)
    with open_instance(str(tmp_path / "store")) as instance:
        recorded(instance)
        assert told_in(database, SECRET)
        before = said_of(instance, RAW)
        assert redact(instance, [SECRET], SHOWN) >= 4
        after = said_of(instance, RAW)
        assert redact(instance, [SECRET], SHOWN) == 0
    assert told_in(database, SECRET) == []
    assert all(SECRET in said for said in before.values())
    assert all(INSTEAD in said and "and more" in said for said in after.values())


def told_in(url: str, word: str) -> list[str]:
    """The tables and columns of a database that hold a word, in whatever column, as text or in JSON."""
    engine = create_engine(url)
    found = set()
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                found |= {f"{table}.{name}" for name, value in row.items() if word in str(value)}
    engine.dispose()
    return sorted(found)


def said_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    made = [one.asset_materialization for one in instance.fetch_materializations(key, limit=10).records]
    return {str(one.partition): str(one.metadata) for one in made if one is not None}


def test_words_and_pictures_go_and_all_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "store").mkdir()
    with open_instance(str(tmp_path / "store")) as instance:
        recorded(instance)
        assert holding(tmp_path / "dagster", {"name": SECRET.encode()})
        before = said_of(instance, RAW)
        assert redact(instance, [SECRET], SHOWN) >= 4
        after, other = said_of(instance, RAW), said_of(instance, OTHER)
        check = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(RAW, "known"), limit=1)[0]
        assert redact(instance, [SECRET], SHOWN) == 0
    assert all(SECRET in said for said in before.values())
    assert all(SECRET not in said and INSTEAD in said and "and more" in said for said in after.values())
    assert {name for name, said in after.items() if "UklGR" in said} == {"plant|2026-11-04"}
    assert all("UklGR" in said for said in other.values())
    assert check.event is not None
    assert SECRET not in str(check.event)
    assert not holding(tmp_path / "dagster", {"name": SECRET.encode(), "quoted": SECRET.replace("<", "&lt;").encode()})


def test_records_that_cannot_be_changed_are_refused() -> None:
    class Elsewhere:
        event_log_storage = object()

    with pytest.raises(RedactError, match="recorded by object"):
        redact(Elsewhere(), [SECRET], SHOWN)  # pyright: ignore[reportArgumentType]


def test_the_ledger_of_alerts_forgets_words(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(EARLIER)
        database.execute("UPDATE entries SET body = ?", (f"10 files, such as {SECRET}",))
        database.commit()
    ledger = Ledger(file)
    assert SECRET in str(ledger.messages())
    assert ledger.redact([SECRET], INSTEAD) == 1
    assert ledger.redact([SECRET], INSTEAD) == 0
    assert f"such as {INSTEAD}" in str(ledger.messages())
    assert SECRET.encode() not in file.read_bytes()
