"""Which assets the jobs, the sensor and the conditions of a dataset take, found by how the assets are declared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.dataset import BUNDLED, DatasetSpec, load_dataset
from image_assets.orchestration.automation import (
    automation_of,
    daily_job_name,
    once_a_day_is_complete,
    publish_job_name,
    refresh_job_name,
)
from image_assets.orchestration.table_assets import dataset_asset, keys_of, table_asset
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from tests.asset_names import DECIDING, REPORTS, partitioned_assets, refreshed_assets
from tests.platform import Platform, small_dataset


@pytest.fixture(params=sorted(file.stem for file in BUNDLED.glob("*.yaml")))
def dataset(request: pytest.FixtureRequest) -> DatasetSpec:
    return load_dataset(request.param)


def waited_for(condition: dg.AutomationCondition, graph: dg.AssetGraph) -> Iterator[set[dg.AssetKey]]:
    selection = getattr(condition, "allow_selection", None)
    if selection is not None:
        yield set(selection.resolve(graph))
    for child in condition.children:
        yield from waited_for(child, graph)


def test_jobs_sensor_and_conditions_of_a_bundled_dataset_take_the_assets_that_they_should(
    dataset: DatasetSpec, tmp_path: Path
) -> None:
    definitions = Platform(dataset, tmp_path).definitions()
    graph = definitions.resolve_asset_graph()
    of_a_day = set(keys_of(dataset, partitioned_assets(dataset)))
    whole = set(keys_of(dataset, (*refreshed_assets(dataset), *REPORTS)))
    assert graph.get_all_asset_keys() == of_a_day | whole
    selected = {
        job: definitions.resolve_job_def(job(dataset)).asset_layer.selected_asset_keys
        for job in (daily_job_name, refresh_job_name, publish_job_name)
    }
    assert selected == {
        daily_job_name: of_a_day,
        refresh_job_name: whole,
        publish_job_name: set(keys_of(dataset, ["feature_shards"])),
    }
    (sensor,) = (one for one in definitions.sensors or () if isinstance(one, dg.AutomationConditionSensorDefinition))
    assert sensor.asset_selection.resolve(graph) == of_a_day | whole
    for key in of_a_day | whole:
        condition = graph.get(key).automation_condition
        assert (condition is None) == (key in of_a_day)
        deciding = ["imagenet_predictions"] if key.path[-1] == "confident_labels" else DECIDING
        for waited in waited_for(condition, graph) if condition else ():
            assert waited == set(keys_of(dataset, deciding))


def test_an_asset_that_is_declared_is_in_the_jobs_without_being_named_there() -> None:
    dataset = small_dataset()

    @table_asset(dataset, RAW_IMAGES)
    def images() -> None: ...

    @table_asset(dataset, IMAGE_FEATURES, reads=[RAW_IMAGES], tags={"image_assets/decides": ""})
    def features(raw_images: object) -> None: ...

    @dataset_asset(dataset, "palette", "Colours of a day.", partitioned=True, after=[RAW_IMAGES])
    def palette() -> None: ...

    @dataset_asset(dataset, "colours", "Colours of all days.", after=["palette", IMAGE_FEATURES])
    def colours() -> None: ...

    assets = [images, features, palette, colours]
    jobs: dict[str, Any] = {job.name: job for job in automation_of(dataset, assets).jobs or ()}
    graph = dg.Definitions(assets=assets, resources={"tables": dg.mem_io_manager}).resolve_asset_graph()

    def taken(job: str) -> set[str]:
        return {key.path[-1] for key in jobs[job].selection.resolve(graph)}

    assert taken(daily_job_name(dataset)) == {"raw_images", "image_features", "palette"}
    assert taken(refresh_job_name(dataset)) == {"colours"}
    assert set(keys_of(dataset, [IMAGE_FEATURES])) in waited_for(once_a_day_is_complete(dataset), graph)
