"""The one place where everything meets: datasets and resources become Dagster definitions."""

import logging
import warnings
from collections.abc import Mapping, Sequence

import dagster as dg

from image_assets.asset_checks import check_keys, checks_of
from image_assets.boxes.assets import box_assets
from image_assets.classifier.assets import classifier_assets
from image_assets.dataset import DatasetError, DatasetSpec, bundled_names, load_datasets
from image_assets.embedding.assets import embedding_assets
from image_assets.engines.processes import ProcessesError, forced_processes
from image_assets.environment import DATASETS, ENGINE, LANDING, STORE, refuse_unknown
from image_assets.exploration.assets import exploration_assets
from image_assets.features.assets import feature_assets
from image_assets.health.assets import health_assets
from image_assets.imagenet.assets import imagenet_assets
from image_assets.ingest.annotated.assets import annotation_assets
from image_assets.ingest.assets import ingest_assets
from image_assets.ingest.fingerprint import ReadsError, reads_at_once
from image_assets.io_managers.delta_io_manager import DeltaIOManager
from image_assets.lookalikes.assets import duplicate_assets
from image_assets.networks.assets import network_assets
from image_assets.networks.denoising.assets import denoising_assets
from image_assets.orchestration.alert_sensors import refuse_unknown_assets
from image_assets.orchestration.automation import automation_of
from image_assets.orchestration.partition_ranges import PartitionsPerRunError, backfill_policy
from image_assets.orchestration.partitions import partitioned
from image_assets.predictions.assets import prediction_assets
from image_assets.project import PROJECT_FILE, found_datasets, place_or_default
from image_assets.resources.engines import EngineResource
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.notifier import notifier_of_environment
from image_assets.resources.progress import LogProgress
from image_assets.resources.store import StoreResource
from image_assets.run_history.job import prune_definitions
from image_assets.settings.stages import EngineName
from image_assets.shards.assets import shard_assets
from image_assets.suspects.assets import label_suspects_asset

_log = logging.getLogger(__name__)


def build_definitions(datasets: Sequence[DatasetSpec], resources: Mapping[str, object]) -> dg.Definitions:
    """Everything that Dagster is to know.

    Args:
        datasets: The datasets, each with its own group of assets, checks, jobs and schedule.
        resources: As `build_resources` gives them; a test or another deployment may replace any of them.
    """
    parts = [_dataset_definitions(dataset) for dataset in datasets]
    return dg.Definitions.merge(*parts, dg.Definitions(resources=resources))


def _dataset_definitions(dataset: DatasetSpec) -> dg.Definitions:
    checks = checks_of(dataset)
    with warnings.catch_warnings():
        # Backfill policies are in beta in Dagster; that they do what is asked of them is tested here.
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [
            ingest_assets(dataset),
            *annotation_assets(dataset),
            *box_assets(dataset),
            feature_assets(dataset),
            *duplicate_assets(dataset),
            shard_assets(dataset),
            classifier_assets(dataset),
            *network_assets(dataset),
            *denoising_assets(dataset),
            prediction_assets(dataset),
            *imagenet_assets(dataset),
            embedding_assets(dataset),
            exploration_assets(dataset),
            label_suspects_asset(dataset),
        ]
        assets += health_assets(dataset, partitioned(assets), check_keys(checks))
    refuse_unknown_assets(dataset, {key.path[-1] for layer in assets for key in layer.keys})
    return dg.Definitions.merge(dg.Definitions(assets=assets, asset_checks=checks), automation_of(dataset, assets))


def build_resources(landing: LandingResource, store: StoreResource) -> dict[str, object]:
    """The resources of a deployment, by the names that the assets ask for.

    Raises:
        DatasetError: `IMAGE_ASSETS_ENGINE` names no engine, or `IMAGE_ASSETS_PROCESSES`,
            `IMAGE_ASSETS_READS_AT_ONCE` or `IMAGE_ASSETS_PARTITIONS_PER_RUN` is no number that can be.
    """
    try:
        forced_processes()
        reads_at_once(1)
        backfill_policy()
    except (ProcessesError, ReadsError, PartitionsPerRunError) as error:
        raise DatasetError(str(error)) from None
    return {
        "landing": landing,
        "store": store,
        "tables": DeltaIOManager(store=store),
        "extractors": ExtractorResource(),
        "engines": EngineResource(override=_engine_override()),
        "progress": LogProgress(),
        "notifier": notifier_of_environment(),
    }


def _engine_override() -> EngineName | None:
    match ENGINE.value:
        case "":
            return None
        case "local" | "ray" as name:
            return name
        case other:
            raise DatasetError(f"{ENGINE.name}={other}: there is no such engine; expected local or ray")


def _only_to_look_at(deployment: dg.Definitions) -> dg.Definitions:
    """The same without what runs by itself.

    Nobody has said which datasets this deployment runs: a daemon that lacks the variable is not to run others than its
    webserver shows.
    """
    said = "%s is not set and there is no %s: all bundled datasets are shown, and none of them runs by itself"
    _log.warning(said, DATASETS.name, PROJECT_FILE)
    return dg.Definitions(
        assets=deployment.assets,
        asset_checks=deployment.asset_checks,
        jobs=deployment.jobs,
        resources=deployment.resources,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The deployment that the environment describes, and where it says nothing the project file.

    Its variables are those of `image_assets.environment`. Credentials of a bucket are taken from the usual `AWS_…`
    variables by the object store itself and never pass through Dagster's configuration.

    Raises:
        UnknownVariable: one is misspelt.
        DatasetError, ProjectError: a dataset's or the project's file cannot be used.
    """
    refuse_unknown()
    named = [dataset.value for dataset in found_datasets()]
    datasets = load_datasets(named or bundled_names())
    resources = build_resources(
        LandingResource(url=place_or_default(LANDING)), StoreResource(url=place_or_default(STORE))
    )
    deployment = dg.Definitions.merge(build_definitions(datasets, resources), prune_definitions())
    return deployment if named else _only_to_look_at(deployment)
