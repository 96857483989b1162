"""A code location that is quick to run: one asset, three checks that fail when they are told to, and the alert sensors.

It is what the daemon's tests load; everything around the asset is the platform's or Dagster's own. What fails is said
by files in the folder `faults`: `faults/NAME CATEGORY` holds how often NAME is to fail from now on. A file in the
folder `requests` has the daemon run the day once: `CATEGORY.KEY.json`, with the run's tags.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from image_assets.asset_checks.check import Check, Outcome, Subject, asset_checks_of, check
from image_assets.dataset import DatasetSpec, load_dataset
from image_assets.orchestration.alert_sensors import alert_sensors
from image_assets.orchestration.partitions import partition_key, partitions_of
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.notifier import NotifierResource
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition, partition_of
from tests.platform import FIRST

PARTITION = Partition(FIRST, "plant")
FOLDER_VARIABLE = "LITTLE_FOLDER"
# The daemon looks every five seconds, and not more often, whether a sensor is due.
SECONDS = int(os.environ.get("LITTLE_SECONDS", "1"))
WARN = dg.AssetCheckSeverity.WARN


class Faults:
    """What is to fail, and how often still."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "faults"
        self._folder.mkdir(parents=True, exist_ok=True)

    def plant(self, name: str, category: str, times: int = 1) -> None:
        (self._folder / f"{name} {category}").write_text(str(times))

    def strikes(self, name: str, category: str) -> bool:
        file = self._folder / f"{name} {category}"
        left = int(file.read_text()) if file.exists() else 0
        if left:
            file.write_text(str(left - 1))
        return left > 0


def checks(faults: Faults) -> list[Check]:
    @check("The rate is within its limit.", not_blocking_because="It shows how such a one is told.")
    def quarantine_rate(subject: Subject) -> Outcome:
        passed = not faults.strikes("quarantine_rate", subject.checked_partition.category)
        rate = 0.01 if passed else 0.4
        return Outcome(passed, {"rate": rate, "limit": 0.05, "listed": 1_200}, advice="Look at the <reasons>.")

    @check("Nothing is odd.", severity=WARN)
    def nothing_odd(subject: Subject) -> Outcome:
        return Outcome(not faults.strikes("nothing_odd", subject.checked_partition.category))

    @check("Every image is there once.")
    def ids_loaded_once(subject: Subject) -> Outcome:
        return Outcome(not faults.strikes("ids_loaded_once", subject.checked_partition.category), {"twice": 3})

    return [quarantine_rate, nothing_odd, ids_loaded_once]


def definitions(dataset: DatasetSpec, folder: Path) -> dg.Definitions:
    faults = Faults(folder)

    @dg.asset(key=[dataset.name, "raw_images"], partitions_def=partitions_of(dataset))
    def raw_images(context: dg.AssetExecutionContext) -> None:
        if faults.strikes("raw_images", partition_of(context.partition_key).category):
            raise OSError("the disk of <the landing zone> is away")

    @dg.asset(key=[dataset.name, "image_features"], partitions_def=partitions_of(dataset), deps=[raw_images])
    def image_features(context: dg.AssetExecutionContext) -> None:
        if faults.strikes("image_features", partition_of(context.partition_key).category):
            raise ValueError("no such model")

    @dg.sensor(job_name="drawn_daily", minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
    def requests(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        for file in sorted((folder / "requests").glob("*.json")):
            partition = partition_key(Partition(FIRST, file.name.split(".")[0]))
            yield dg.RunRequest(run_key=file.stem, partition_key=partition, tags=json.loads(file.read_text()))

    return dg.Definitions(
        assets=[raw_images, image_features],
        asset_checks=[asset_checks_of(dataset, "raw_images", checks(faults), partitioned=True)],
        jobs=[dg.define_asset_job("drawn_daily", selection="*")],
        sensors=[*alert_sensors(dataset, seconds=SECONDS), requests],
        executor=dg.in_process_executor,
        resources={
            "store": StoreResource(url=str(folder / "store")),
            "extractors": ExtractorResource(),
            "notifier": NotifierResource(ui_url="http://ui.example.org", timeout_seconds=5),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    folder = Path(os.environ[FOLDER_VARIABLE])
    return definitions(load_dataset(folder / "drawn.yaml"), folder)
