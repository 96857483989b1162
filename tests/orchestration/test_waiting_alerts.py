"""Alerts that no channel took, or that nobody sends, are told by the status; what is about to be sent is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from image_assets.alerts.ledger import Entry, Ledger
from image_assets.alerts.run_report import RunFailure
from image_assets.alerts.text import Text
from image_assets.cli import main
from image_assets.dataset import load_dataset
from image_assets.environment import ALERT_LEDGER
from image_assets.orchestration import waiting_alerts
from tests.cli.shapes import assert_told
from tests.console.served import served, settings_of
from tests.platform import Platform

CHANNELS = [{"name": "team", "url": "json://127.0.0.1:9/"}, {"name": "others", "url": "json://127.0.0.1:9/"}]


@pytest.fixture
def places(loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    platform = loaded_platform.copy_to(tmp_path)
    content = {**platform.dataset.model_dump(mode="json"), "alerts": {"channels": CHANNELS}}
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(content))
    return ["status", "--dataset", f"{tmp_path}/drawn.yaml", "--store", f"{tmp_path}/store"]


def recorded(path: Path, *channels: str) -> Ledger:
    ledger = Ledger(path)
    failure = RunFailure("drawn", "drawn_daily", "2026-11-03 plant", "run-1", 1.0)
    ledger.record([Entry(channel, failure, Text("a run failed", "")) for channel in channels])
    return ledger


def test_what_a_channel_did_not_take_is_told_and_ends_with_status_1(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALERT_LEDGER.name, str(tmp_path / "alerts.sqlite"))
    assert main(places) == 0
    ledger = recorded(tmp_path / "alerts.sqlite", "team", "others", "a channel that is no more")
    assert main(places) == 0, "they are about to be sent"
    (message,) = ledger.pending("drawn", "team")
    ledger.mark_refused(message, "channel team did not accept the message")
    capsys.readouterr()
    assert main([*places, "--json"]) == 1
    said = capsys.readouterr()
    (told,) = json.loads(said.out)["waiting_alerts"]
    assert_told("status", json.loads(said.out))
    assert (told["channel"], told["alerts"]) == ("team", 1)
    assert "alerts not delivered: 1 of channel team" in said.err
    assert "channel team did not accept the message (`image-assets alerts list --pending`)" in said.err
    ledger.mark_delivered(message)
    assert main(places) == 0


def test_what_nobody_has_sent_for_long_is_told_too(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path / "dagster" / "storage" / waiting_alerts.LEDGER, "others")
    assert main(places) == 0
    monkeypatch.setattr(waiting_alerts, "_IN_TIME_SECONDS", -60)
    assert main(places) == 1
    assert "of channel others" in (said := capsys.readouterr().err)
    assert "is the daemon up?" in said


def test_the_console_says_so_too_from_the_moment_on(
    places: list[str], loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALERT_LEDGER.name, str(tmp_path / "alerts.sqlite"))
    platform = Platform(load_dataset(tmp_path / "drawn.yaml"), tmp_path)
    with served(settings_of(platform), ready=False) as client:
        assert client.get("/v1/status").json()["waiting_alerts"] == []
        assert "alerts not delivered" not in client.get("/").text
        ledger = recorded(tmp_path / "alerts.sqlite", "team")
        (message,) = ledger.pending("drawn", "team")
        ledger.mark_refused(message, "it answered <b>404</b>")
        assert [one["channel"] for one in client.get("/v1/status").json()["waiting_alerts"]] == ["team"]
        page = client.get("/").text
        assert "alerts not delivered: 1 of channel team" in page
        assert "it answered &lt;b&gt;404&lt;/b&gt;" in page
        ledger.mark_delivered(message)
        assert "alerts not delivered" not in client.get("/").text


def test_of_a_ledger_that_cannot_be_read_nothing_is_claimed(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALERT_LEDGER.name, str(tmp_path / "alerts.sqlite"))
    (tmp_path / "alerts.sqlite").write_bytes(b"something else" * 100)
    assert main(places) == 1
    assert "the ledger of alerts cannot be read" in capsys.readouterr().err
