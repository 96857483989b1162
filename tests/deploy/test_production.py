"""`deploy/dagster.yaml` at work: PostgreSQL, a bucket, separate processes, and kills in the middle of a backfill.

`make production` does it with 30 days of three categories; the tests with a few.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
import yaml

from image_assets.orchestration.partitions import partition_key
from image_assets.shards.manifest import FEATURE_SHARDS
from tests.dagster_internals import dagster_instance_config_schema, process_config
from tests.deploy.deployed import CONFIG, Deployed, at_work, is_there, wait_until_failed
from tests.torture.size import record, rounds_of

DAYS = int(os.environ.get("PRODUCTION_DAYS", "2"))
KILLS = rounds_of("R9")


def problems(settings: dict[str, Any]) -> list[str]:
    """What Dagster says is wrong with an instance's settings."""
    return [str(one.message) for one in process_config(dagster_instance_config_schema(), settings).errors or []]


def test_the_settings_are_ones_that_dagster_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS_DATABASE", "RUN_LOGS_BUCKET", "RUN_LOGS_FOLDER"):
        monkeypatch.setenv(name, "postgresql+psycopg2://somebody:secret@127.0.0.1/runs")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert problems(settings) == []
    settings["run_monitoring"]["max_runtime"] = 10
    assert 'unexpected config entry "max_runtime"' in problems(settings)[0]


@pytest.mark.long
@pytest.mark.skipif(DAYS < 30, reason="only beside the other, of as many days: make production")
def test_a_backfill_comes_through_undisturbed(
    deploy: Callable[..., Deployed], capsys: pytest.CaptureFixture[str]
) -> None:
    deployed, begun = deploy(DAYS), time.monotonic()
    with deployed.production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        deployed.wait_until_all_ended(instance, deployed.launch())
        took = time.monotonic() - begun
        assert len(instance.get_runs()) == len(deployed.partitions)
        deployed.check_every_partition_is_there_once(instance)
    with capsys.disabled():
        sys.stdout.write(f"undisturbed: {len(deployed.partitions)} partitions in {took:.0f} s\n")


@pytest.mark.long
def test_a_backfill_comes_through_though_daemon_code_server_and_workers_are_killed(
    deploy: Callable[..., Deployed], capsys: pytest.CaptureFixture[str]
) -> None:
    deployed, begun = deploy(DAYS), time.monotonic()
    production = deployed.production
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        backfill = deployed.launch()
        # A run's process alone: the code server sees it end.
        alone = at_work(production, instance)
        os.kill(alone.pid, signal.SIGKILL)
        wait_until_failed(production, instance, alone)
        # The daemon, which hands out runs: it goes on where it was.
        at_work(production, instance, not_these=[alone.partition])
        production.daemon.kill()
        production.daemon.start()
        # A run's process together with the code server: nobody is left to see it.
        together = at_work(production, instance, not_these=[alone.partition])
        production.code_server.kill()
        os.kill(together.pid, signal.SIGKILL)
        production.restart_code_server()
        # A run that hangs, whose code server is gone: it has failed for everybody, and goes on after all.
        hanging = at_work(production, instance, not_these=[alone.partition, together.partition])
        os.kill(hanging.pid, signal.SIGSTOP)
        production.code_server.kill()
        production.restart_code_server()
        for worker in (together, hanging):
            wait_until_failed(production, instance, worker)
        deployed.wait_until_all_ended(instance, backfill)
        took = time.monotonic() - begun
        os.kill(hanging.pid, signal.SIGCONT)
        production.wait_for("end of the run that hung", lambda: None if is_there(hanging.pid) else True)
        again = Counter(run.tags["dagster/partition"] for run in instance.get_runs())
        # Runs that were being started when the code server was killed are begun again too.
        assert min(again[worker.partition] for worker in (alone, together, hanging)) >= 2
        deployed.check_every_partition_is_there_once(instance, given_up=hanging.run_id)
    with capsys.disabled():
        sys.stdout.write(f"with kills: {len(deployed.partitions)} partitions in {took:.0f} s\n")


@pytest.mark.long
def test_a_run_that_hangs_after_it_has_made_its_last_asset_is_gone_on_with_and_makes_nothing_twice(
    deploy: Callable[..., Deployed],
) -> None:
    deployed = deploy(1)
    production = deployed.production
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        backfill = deployed.launch()
        last = dg.AssetKey([deployed.dataset.name, FEATURE_SHARDS])
        hanging = at_work(production, instance, having_made=last)
        os.kill(hanging.pid, signal.SIGSTOP)
        production.code_server.kill()
        production.restart_code_server()
        wait_until_failed(production, instance, hanging)
        deployed.wait_until_all_ended(instance, backfill)
        os.kill(hanging.pid, signal.SIGCONT)
        production.wait_for("end of the run that hung", lambda: None if is_there(hanging.pid) else True)
        assert hanging.run_id in {
            record.run_id for record in instance.fetch_materializations(last, limit=10).records
        }, "it hung before it had made its last asset"
        deployed.check_every_partition_is_there_once(instance, given_up=hanging.run_id)


@pytest.mark.long
def test_every_run_whose_worker_is_killed_is_begun_again_and_the_daemon_goes_on(
    deploy: Callable[..., Deployed],
) -> None:
    """R9 of the scorecard: a partition's run is killed at some moment, and the daemon after every tenth."""
    chance = random.Random(9)
    deployed = deploy(-(-KILLS // 3))
    production = deployed.production
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        backfill = deployed.launch()
        killed: list[str] = []
        daemons = 0
        while len(killed) < min(KILLS, len(deployed.partitions)):
            worker = at_work(production, instance, not_these=killed)
            time.sleep(chance.uniform(0, 1))
            os.kill(worker.pid, signal.SIGKILL)
            wait_until_failed(production, instance, worker)
            killed.append(worker.partition)
            if len(killed) % 10 == 1:
                daemons += 1
                production.daemon.kill()
                production.daemon.start()
        deployed.wait_until_all_ended(instance, backfill)
        again = Counter(run.tags["dagster/partition"] for run in instance.get_runs())
        expected = Counter(str(partition_key(one)) for one in deployed.partitions) + Counter(killed)
        assert expected - again == Counter()
        # A run that the daemon was just starting when it was killed is begun again too.
        assert (again - expected).total() <= daemons, again - expected
        deployed.check_every_partition_is_there_once(instance)
    record("R9", len(killed), runs=again.total())


@pytest.mark.long
def test_a_killed_run_that_dagster_cannot_begin_again_is_begun_once_the_code_server_is_back(
    deploy: Callable[..., Deployed],
) -> None:
    deployed = deploy(1)
    production = deployed.production
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        backfill = deployed.launch()
        worker = at_work(production, instance)
        production.daemon.kill()
        os.kill(worker.pid, signal.SIGKILL)
        wait_until_failed(production, instance, worker)
        production.code_server.kill()
        production.daemon.start()

        def given_up() -> bool | None:
            run = instance.get_run_by_id(worker.run_id)
            return (run is not None and run.tags.get("dagster/will_retry") == "false") or None

        production.wait_for("run that Dagster gives up", given_up)
        production.restart_code_server()
        deployed.wait_until_all_ended(instance, backfill)
        runs = [run for run in instance.get_runs() if run.tags["dagster/partition"] == worker.partition]
        (begun,) = (run for run in runs if run.run_id != worker.run_id)
        assert begun.tags["dagster/sensor_name"] == "drawn_begin_again"
        deployed.check_every_partition_is_there_once(instance)


@pytest.mark.long
def test_where_nothing_begins_a_killed_run_again_its_partition_is_missing(deploy: Callable[..., Deployed]) -> None:
    deployed = deploy(1, begin_again=False)
    production = deployed.production
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        deployed.launch()
        worker = at_work(production, instance)
        os.kill(worker.pid, signal.SIGKILL)
        wait_until_failed(production, instance, worker)
        others = len(deployed.partitions) - 1
        production.wait_for("end of the other runs", lambda: (deployed.ended_well(instance).total() == others) or None)
        with pytest.raises(AssertionError):
            deployed.check_every_partition_is_there_once(instance)
