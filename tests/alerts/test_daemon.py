"""A real daemon, real runs and a real webhook: restarts, outages and retries, and each alert comes once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml

from image_assets.alerts.ledger import Ledger, Message
from tests.alerts.little_location import FOLDER_VARIABLE, Faults
from tests.alerts.receivers import Webhook
from tests.daemon import ROOT, Daemon
from tests.dagster_internals import InstigatorTick, InstigatorType, TickStatus
from tests.platform import small_dataset
from tests.store_files import files_at

SECRET = "path-that-is-a-5ecret"
RETRIES = "run_retries: {enabled: true, max_retries: 0}\n"


class Deployment:
    """The little location with a daemon that can be ended and started again, and a webhook that can be down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hook = Webhook()
        self.faults = Faults(folder)
        self._requests = folder / "requests"
        self._requests.mkdir()
        dataset = small_dataset(alerts={"channels": [{"url_env": "TEAM_URL"}]})
        (folder / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
        module = "tests.alerts.little_location"
        workspace = {"load_from": [{"python_module": {"module_name": module, "working_directory": str(ROOT)}}]}
        (folder / "workspace.yaml").write_text(yaml.safe_dump(workspace))

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        variables = {
            FOLDER_VARIABLE: str(self.folder),
            "TEAM_URL": f"{self.hook.url}/{SECRET}",
        }
        with Daemon(self.folder / "home", variables, self.folder / "workspace.yaml", RETRIES) as daemon:
            yield daemon

    def request(self, key: str, category: str, fault: str | None = None, **tags: str) -> None:
        """Have the daemon run the day of a category, with a fault that strikes once."""
        if fault:
            self.faults.plant(fault, category)
        (self._requests / f"{category}.{key}.json").write_text(json.dumps(tags))

    def pending(self, daemon: Daemon) -> list[Message]:
        ledger = Ledger(Path(daemon.instance.storage_directory()) / "alerts.sqlite")
        return ledger.pending("drawn", "TEAM_URL")

    def received(self, number: int) -> Callable[[], list[str] | None]:
        """The titles of all messages, once there are `number`."""
        return lambda: [message.title for message in self.hook.received] if len(self.hook.received) >= number else None


def ticks(daemon: Daemon, sensor: str) -> list[InstigatorTick]:
    """The ticks of a sensor that have ended."""
    return [
        tick
        for state in daemon.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if state.instigator_name == f"drawn_{sensor}"
        for tick in daemon.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        if tick.status is not TickStatus.STARTED
    ]


def after_ticks(daemon: Daemon, sensor: str, more: int) -> None:
    """Wait until a sensor has ticked some times more."""
    until = len(ticks(daemon, sensor)) + more
    daemon.wait_for(f"{more} ticks of {sensor}", lambda: True if len(ticks(daemon, sensor)) >= until else None)


def reasons(daemon: Daemon, sensor: str) -> str:
    """What a sensor's failed ticks say in the UI."""
    return "\n".join(
        tick.error.to_string() for tick in ticks(daemon, sensor) if tick.status is TickStatus.FAILURE and tick.error
    )


def latencies(deployment: Deployment, daemon: Daemon) -> dict[str, float]:
    """Seconds from the end of the run that a message tells of to its arrival."""
    ended = {run.run_id: daemon.instance.get_run_stats(run.run_id).end_time for run in daemon.runs()}
    return {
        message.title: round(message.at - end, 1)
        for message in deployment.hook.received
        for run_id, end in ended.items()
        if run_id in message.body and end is not None
    }


@pytest.mark.long
def test_each_alert_comes_once_whatever_happens_to_daemon_and_channel(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    deployment = Deployment(tmp_path)
    with deployment.daemon() as daemon:
        # The first tick of a run status sensor only looks where it is.
        for sensor in ("alerts_of_successful_runs", "alerts_of_failed_runs"):
            after_ticks(daemon, sensor, 1)
        with deployment.hook.up():
            deployment.request("first", "plant", "quarantine_rate")
            deployment.request("first", "animal", "image_features")
            # A run that is tried again is silent, and what is tried again goes well.
            deployment.request("first", "human", "ids_loaded_once", **{"dagster/max_retries": "1"})
            daemon.wait_for("four runs", lambda: daemon.finished_runs(4))
            assert sorted(daemon.wait_for("two alerts", deployment.received(2))) == [
                "[drawn] ERROR: raw_images/quarantine_rate failed, 2026-11-03 plant",
                "[drawn] run failed: drawn__image_features, 2026-11-03 animal",
            ]
        shown = latencies(deployment, daemon)
        # The channel is down, and the daemon is killed as soon as a check has failed and another has recovered.
        deployment.request("second", "plant")
        deployment.request("second", "animal", "nothing_odd")
        runs = daemon.wait_for("six runs", lambda: daemon.finished_runs(6))
        daemon.kill()
    with deployment.daemon() as daemon:
        daemon.wait_for("two records", lambda: len(deployment.pending(daemon)) == 2 or None)
        after_ticks(daemon, "deliver_alerts", 2)
        assert deployment.pending(daemon)[0].tries >= 2
        assert "channel TEAM_URL did not accept the message" in reasons(daemon, "deliver_alerts")
        began = time.time()
        with deployment.hook.up():
            assert sorted(daemon.wait_for("what waited", deployment.received(4))[2:]) == [
                "[drawn] WARN: raw_images/nothing_odd failed, 2026-11-03 animal",
                "[drawn] recovered: raw_images/quarantine_rate passes again, 2026-11-03 plant",
            ]
            shown["after the channel came back"] = round(deployment.hook.received[3].at - began, 1)
            for sensor in ("deliver_alerts", "alerts_of_successful_runs", "alerts_of_failed_runs"):
                after_ticks(daemon, sensor, 1)
    assert len(deployment.hook.received) == 4
    assert [run.status for run in runs].count(dg.DagsterRunStatus.FAILURE) == 2
    assert any(run.tags.get("dagster/will_retry") == "true" for run in runs)
    files = [*tmp_path.rglob("*"), *files_at(tmp_path / "store").rglob("*")]
    leaks = [file.name for file in files if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert leaks == []
    record_property("seconds from the end of a run to its alert", shown)
    print(shown)  # noqa: T201  # with pytest -s
