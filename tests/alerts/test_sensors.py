"""The sensors' ticks, one by one: what they record, send, say and survive, on the platform's own definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from image_assets.alerts.ledger import Ledger
from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.definitions import build_definitions, build_resources
from image_assets.orchestration.alert_sensors import AlertsNotDelivered, AlertsNotRecorded, alert_sensors
from image_assets.resources.landing import LandingResource
from image_assets.resources.notifier import NotifierResource
from image_assets.resources.store import StoreResource
from tests.alerts.receivers import MailServer, Webhook
from tests.alerts.test_events import Runs
from tests.daemon import SILENT
from tests.dagster_internals import SensorExecutionData
from tests.platform import FIRST, Platform, land_small_sample, small_dataset


class Sensors:
    """The sensors of a dataset, ticked by hand as the daemon would."""

    def __init__(self, dataset: DatasetSpec, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.notifier = NotifierResource(timeout_seconds=3, ui_url="http://ui.example.org")
        self.ledger = self.notifier.ledger(instance)
        self._sensors = {sensor.name.removeprefix(f"{dataset.name}_"): sensor for sensor in alert_sensors(dataset)}
        self._cursors: dict[str, str | None] = {}
        for name in self._sensors:
            self.tick(name)

    def tick(self, name: str) -> SensorExecutionData:
        with dg.build_sensor_context(
            instance=self.instance, cursor=self._cursors.get(name), resources={"notifier": self.notifier}
        ) as context:
            data = self._sensors[name].evaluate_tick(context)
        self._cursors[name] = data.cursor
        return data

    def look(self) -> None:
        self.tick("alerts_of_failed_runs")
        self.tick("alerts_of_successful_runs")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Webhook:
    hook = Webhook()
    monkeypatch.setenv("TEAM_URL", hook.url)
    return hook


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test({"run_retries": {"enabled": True, "max_retries": 0}}) as instance:
        yield instance


ONE_CHANNEL = small_dataset(alerts={"channels": [{"url_env": "TEAM_URL"}]})


def test_a_day_of_the_platform_is_told_of_by_mail_and_webhook(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = MailServer()
    monkeypatch.setenv("MAIL_URL", mails.url)
    monkeypatch.delenv("NEVER_SET", raising=False)
    channels = [
        {"url_env": "NEVER_SET"},
        {"url_env": "TEAM_URL"},
        {"url_env": "MAIL_URL", "assets": ["raw_images"], "severity": "ERROR"},
    ]
    dataset = small_dataset(limits={"quarantine_rate": 0.0}, alerts={"channels": channels})
    platform = Platform(dataset, tmp_path)
    land_small_sample(platform.landing)
    sensors = Sensors(dataset, instance)
    daily = platform.definitions().resolve_job_def("drawn_daily")
    result = daily.execute_in_process(
        instance=instance, partition_key=f"plant|{FIRST}", run_config=SILENT, raise_on_error=False
    )
    assert not result.success
    with hook.up(), mails.up():
        sensors.look()
        with pytest.raises(AlertsNotDelivered, match="environment variable NEVER_SET is not set"):
            sensors.tick("deliver_alerts")
    (told,), (mail,) = hook.received, mails.received
    assert told.title == mail["Subject"] == "[drawn] ERROR: raw_images/quarantine_rate failed, 2026-11-03 plant"
    assert "- limit: 0.0\n- listed: 20\n- quarantined: 3\n- rate: 0.15" in told.body
    assert mails.password.encode() not in sensors.ledger.path.read_bytes()
    assert [(m.channel, m.delivered_at is None) for m in sensors.ledger.messages()] == [
        ("NEVER_SET", True),
        ("TEAM_URL", False),
        ("MAIL_URL", False),
    ]


def test_without_channels_there_are_no_sensors_of_alerts(tmp_path: Path) -> None:
    names = {sensor.name for sensor in Platform(small_dataset(), tmp_path).definitions().sensors or ()}
    assert names == {"drawn_when_complete", "drawn_publish_again", "drawn_begin_again"}
    more = {sensor.name for sensor in Platform(ONE_CHANNEL, tmp_path).definitions().sensors or ()} - names
    assert more == {"drawn_alerts_of_failed_runs", "drawn_alerts_of_successful_runs", "drawn_deliver_alerts"}


def test_a_channel_for_an_asset_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    dataset = small_dataset(alerts={"channels": [{"url_env": "TEAM_URL", "assets": ["raw_image"]}]})
    resources = build_resources(LandingResource(url=str(tmp_path)), StoreResource(url=str(tmp_path)))
    with pytest.raises(
        DatasetError, match=r"TEAM_URL names assets that do not exist: raw_image; there are .*raw_images"
    ):
        build_definitions([dataset], resources)


def test_runs_that_ended_before_the_first_tick_are_not_told_of(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Webhook
) -> None:
    Runs(tmp_path, instance).run("quarantine_rate")
    sensors = Sensors(ONE_CHANNEL, instance)
    with hook.up():
        sensors.look()
    assert hook.received == []


def test_a_ledger_that_cannot_be_written_fails_the_tick_and_loses_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run status sensor moves on after any other error: without `AlertsNotRecorded` the alert would be lost."""
    sensors = Sensors(ONE_CHANNEL, instance)
    Runs(tmp_path, instance).run("quarantine_rate")

    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patch, hook.up():
        patch.setattr(Ledger, "record", full)
        with pytest.raises(AlertsNotRecorded, match="database or disk is full"):
            sensors.tick("alerts_of_successful_runs")
    with hook.up():
        sensors.look()
        sensors.look()
    assert [message.title for message in hook.received] == [
        "[drawn] ERROR: raw_images/quarantine_rate failed, 2026-11-03 plant"
    ]


def test_a_retry_that_dagster_has_promised_and_given_up_is_told_of_after_all(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Webhook
) -> None:
    sensors, runs = Sensors(ONE_CHANNEL, instance), Runs(tmp_path, instance)
    retried = runs.run("raw_images", tags={"dagster/max_retries": "1"})
    given_up = runs.run("ids_loaded_once", tags={"dagster/max_retries": "1"})
    with hook.up():
        sensors.look()
        assert sensors.tick("deliver_alerts").skip_message == "no alerts wait"
        assert sensors.ledger.expected_retries("drawn") == {retried.run_id, given_up.run_id}
        # What Dagster's daemon does where it starts the retry, and where it cannot.
        instance.add_run_tags(retried.run_id, {"dagster/auto_retry_run_id": "another"})
        instance.add_run_tags(given_up.run_id, {"dagster/will_retry": "false"})
        assert sensors.tick("deliver_alerts").skip_message == "1 alerts delivered"
    assert [message.title for message in hook.received] == [
        "[drawn] ERROR: raw_images/ids_loaded_once failed, 2026-11-03 plant"
    ]
    assert sensors.ledger.expected_retries("drawn") == set()
    instance.delete_run(given_up.run_id)
    sensors.ledger.expect_retry("drawn", given_up.run_id)
    sensors.tick("deliver_alerts")
    assert sensors.ledger.expected_retries("drawn") == set()


def test_a_channel_that_is_down_does_not_hold_up_the_runs_that_follow(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Webhook
) -> None:
    sensors, runs = Sensors(ONE_CHANNEL, instance), Runs(tmp_path, instance)
    hook.status = 503
    with hook.up():
        for fault in ("quarantine_rate", "nothing_odd"):
            runs.run(fault)
        sensors.look()
        assert hook.asked == 1
        assert [message.tries for message in sensors.ledger.pending("drawn", "TEAM_URL")] == [1, 0, 0]
        hook.status = 200
        sensors.tick("deliver_alerts")
    assert [message.title.split("]")[1] for message in hook.received] == [
        " ERROR: raw_images/quarantine_rate failed, 2026-11-03 plant",
        " recovered: raw_images/quarantine_rate passes again, 2026-11-03 plant",
        " WARN: raw_images/nothing_odd failed, 2026-11-03 plant",
    ]
