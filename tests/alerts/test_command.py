"""`image-assets alerts`: trying the channels, and looking at the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
import yaml

from image_assets.alerts.delivery import ChannelError, deliver, record
from image_assets.alerts.ledger import Ledger, State
from image_assets.alerts.run_report import CheckOutcome, RunReport
from image_assets.alerts.text import Links, Text
from image_assets.cli import main
from image_assets.settings.alerts import AlertChannel
from tests.alerts.receivers import MailServer, Webhook
from tests.cli.shapes import assert_told
from tests.platform import small_dataset

DATASET = small_dataset(alerts={"channels": [{"url_env": "TEAM_URL"}, {"url_env": "MAIL_URL"}]})


@pytest.fixture
def dataset_file(tmp_path: Path) -> str:
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump(DATASET.model_dump(mode="json")))
    return str(file)


def test_every_channel_gets_a_test_message_and_its_answer_is_told(
    dataset_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook, mails = Webhook(), MailServer()
    monkeypatch.setenv("TEAM_URL", hook.url)
    monkeypatch.setenv("MAIL_URL", mails.url)
    with mails.up():
        assert main(["alerts", "test", "--dataset", dataset_file]) == 1
        failed, accepted = capsys.readouterr().out.splitlines()
        with hook.up():
            assert main(["alerts", "test", "--dataset", dataset_file, "--json"]) == 0
    assert failed.startswith("failed    channel TEAM_URL did not accept the message")
    assert accepted == "accepted  channel MAIL_URL"
    printed = capsys.readouterr().out
    assert_told("alerts test", json.loads(printed))
    assert mails.password not in failed + accepted + printed
    assert [message.title for message in hook.received] == ["[drawn] test message"]
    assert len(mails.received) == 2


def test_a_dataset_without_channels_says_where_they_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "test", "--dataset", "kingdoms"]) == 2
    assert "add some to its file, under alerts.channels" in capsys.readouterr().err


class OnlyMail:
    def send(self, channel: AlertChannel, text: Text, state: State) -> None:
        if channel.label != "MAIL_URL":
            raise ChannelError(f"channel {channel.label} is down")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Dagster home whose ledger holds one alert, told by mail and waiting for the other channel."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        ledger = Ledger(Path(instance.storage_directory()) / "alerts.sqlite")
    outcome = CheckOutcome("drawn", "raw_images", "label", "2026-11-03 plant", "run", 1.8e9, False, "ERROR")
    record(RunReport((outcome,)), DATASET.alerts, ledger, Links(None))
    deliver(DATASET, ledger, OnlyMail())
    return tmp_path / "home"


def test_the_ledger_is_listed_with_what_waits_and_why(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert_told("alerts list", told)
    waiting, delivered = told["alerts"]
    assert (waiting["channel"], waiting["delivered"], waiting["tries"]) == ("TEAM_URL", None, 1)
    assert waiting["error"] == "channel TEAM_URL is down"
    assert waiting["at"] == "2027-01-15 08:00:00"
    assert waiting["title"] == "[drawn] ERROR: raw_images/label failed, 2026-11-03 plant"
    assert delivered["delivered"]
    assert main(["alerts", "list", "--pending", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["alerts"] == [waiting]
    assert main(["alerts", "list"]) == 0
    assert "channel TEAM_URL is down" in " ".join(capsys.readouterr().out.split())


def test_a_ledger_elsewhere_that_is_not_there_yet_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_ALERT_LEDGER", str(tmp_path / "none.sqlite"))
    assert main(["alerts", "list"]) == 0
    assert "no alerts yet in" in capsys.readouterr().out
    assert not (tmp_path / "none.sqlite").exists()


def test_what_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["alerts", "list"]) == 2
    assert "set DAGSTER_HOME" in capsys.readouterr().err
    (tmp_path / "broken.sqlite").write_text("no database" * 100)
    monkeypatch.setenv("IMAGE_ASSETS_ALERT_LEDGER", str(tmp_path / "broken.sqlite"))
    assert main(["alerts", "list"]) == 2
    assert "the ledger cannot be read" in capsys.readouterr().err
