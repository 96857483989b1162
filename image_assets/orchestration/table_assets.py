"""How an asset of a dataset is declared: what all of them have in common is said here, and the rest in their stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.io_managers.delta_io_manager import CHECKPOINT_COMMITS, column_schema
from image_assets.orchestration.automation import due_every_day, once_a_day_is_complete
from image_assets.orchestration.partition_ranges import backfill_policy, each_partition
from image_assets.orchestration.partitions import partitions_of
from image_assets.schema import TableSchema

AssetDecorator = Callable[[Callable[..., Any]], dg.AssetsDefinition]


def key_of(dataset: DatasetSpec, asset: TableSchema | str) -> dg.AssetKey:
    """The key of a dataset's asset, by its table or its name."""
    return dg.AssetKey([dataset.name, asset if isinstance(asset, str) else asset.name])


def keys_of(dataset: DatasetSpec, assets: Iterable[TableSchema | str]) -> list[dg.AssetKey]:
    """The keys of a dataset's assets."""
    return [key_of(dataset, asset) for asset in assets]


def by_day_and_category(dataset: DatasetSpec) -> dict[str, Any]:
    """What Dagster is told of an asset of a day and category; its function is under `each_partition`."""
    return {"partitions_def": partitions_of(dataset), "backfill_policy": backfill_policy()}


def dataset_asset(
    dataset: DatasetSpec,
    name: str,
    description: str,
    *,
    partitioned: bool = False,
    reads: Sequence[TableSchema] = (),
    after: Sequence[TableSchema | str] = (),
    **more: Any,
) -> AssetDecorator:
    """Declare a function as the asset `[dataset, name]`.

    Of a day and category it is due every day; of the whole dataset it is made once a day is complete.

    Args:
        dataset: Whose.
        name: The asset.
        description: What the UI says of it.
        partitioned: Whether it is of a day and category.
        reads: Tables that the io manager hands to the function's parameters of their names.
        after: What it is made of or waits for besides.
        more: As of `dg.asset`, instead of or besides what all have.
    """
    given = {
        **_header(dataset, name, description, partitioned),
        **(by_day_and_category(dataset) if partitioned else {}),
        "ins": {schema.name: dg.AssetIn(key_of(dataset, schema)) for schema in reads},
        "deps": keys_of(dataset, after),
        **more,
    }

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(**given)(each_partition(compute) if partitioned else compute)

    return declare


def table_asset(
    dataset: DatasetSpec,
    schema: TableSchema,
    *,
    kinds: Collection[str] = (),
    kept_by: str | None = "tables",
    **more: Any,
) -> AssetDecorator:
    """Declare a function as the asset of a table.

    Args:
        dataset: Whose.
        schema: The table.
        kinds: What it is made with, besides Delta.
        kept_by: The io manager that commits what the function gives; None where the function commits by itself.
        more: As of `dataset_asset`.
    """
    return dataset_asset(
        dataset,
        schema.name,
        schema.meaning,
        partitioned=schema.partitioned,
        **_table(dataset, schema, kinds),
        io_manager_key=kept_by,
        **more,
    )


def table_out(dataset: DatasetSpec, schema: TableSchema, *kinds: str) -> dg.AssetOut:
    """One of several tables that are made together and handed to the io manager."""
    header = _header(dataset, schema.name, schema.meaning, schema.partitioned)
    return dg.AssetOut(**header, **_table(dataset, schema, kinds), io_manager_key="tables")


def table_spec(
    dataset: DatasetSpec, schema: TableSchema, *kinds: str, after: Sequence[TableSchema] = ()
) -> dg.AssetSpec:
    """One of several tables that are made together, by a function that commits them."""
    header = _header(dataset, schema.name, schema.meaning, schema.partitioned)
    spec = dg.AssetSpec(**header, **_table(dataset, schema, kinds), deps=keys_of(dataset, after))
    return spec.with_io_manager_key("tables")


def _header(dataset: DatasetSpec, name: str, description: str, partitioned: bool) -> dict[str, Any]:
    return {
        "key": key_of(dataset, name),
        "description": description,
        "group_name": dataset.name,
        "owners": dataset.owners,
        "freshness_policy": due_every_day(dataset) if partitioned else None,
        "automation_condition": None if partitioned else once_a_day_is_complete(dataset),
    }


def _table(dataset: DatasetSpec, schema: TableSchema, kinds: Collection[str]) -> dict[str, Any]:
    told = {"dagster/column_schema": column_schema(schema), CHECKPOINT_COMMITS: dataset.tables.checkpoint_commits}
    return {"kinds": {"deltalake", *kinds}, "metadata": told}
