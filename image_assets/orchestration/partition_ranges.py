"""Several partitions in one run, as `dagster asset materialize --partition-range` and a backfill ask for them.

What belongs here: how an asset that is written for one partition is made for each of many. An asset that is under this
decorator goes through them one after the other, days first, and so does the step of its checks: what one check stops in
one partition is made of none of them in that run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import dagster as dg
import polars as pl

from image_assets.environment import PARTITIONS_PER_RUN
from image_assets.io_managers.delta_io_manager import EachPartition
from image_assets.schema import Partition, partition_of
from image_assets.store.tables.partition_files import PartitionFiles


class PartitionsPerRunError(ValueError):
    """The number of partitions of a run that the environment asks for is none."""


def backfill_policy() -> dg.BackfillPolicy:
    """How a backfill becomes runs: one, which is also what Dagster's command line wants to see before it takes a range.

    Raises:
        PartitionsPerRunError: the environment says something that is no number, or below 1.
    """
    said = PARTITIONS_PER_RUN.value
    if not said:
        return dg.BackfillPolicy.single_run()
    if not said.isdecimal() or not int(said):
        raise PartitionsPerRunError(f"{PARTITIONS_PER_RUN.name}={said}: expected a number of partitions, 1 or more")
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=int(said))


def keys_of_run(context: dg.OpExecutionContext) -> list[str]:
    """The partition keys of a run of several, the earliest days first, and the categories as the dataset file has them.

    Raises:
        Failure: there are none, since a range begins after its end. Dagster would call that a success.
    """
    keys = sorted(context.partition_keys, key=lambda key: partition_of(key).date)
    if not keys:
        ends = context.partition_key_range
        raise dg.Failure(
            f"no partition is in the range {ends.start}...{ends.end}: its day, or its category in the order of the "
            "dataset file, comes after that of its end; turn them around",
            allow_retries=False,
        )
    return keys


def each_partition(compute: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Make a function of a partitioned asset one that takes several partitions too.

    It is called once for each, with a `context` and `PartitionFiles` of that one. What it gives for an asset becomes
    metadata of each partition, and values that the io manager keeps by partition.
    """

    @wraps(compute)
    def of_all(context: dg.AssetExecutionContext, **inputs: object) -> Iterator[Any]:
        if context.has_partition_key:
            yield from _results(compute(context, **inputs))
            return
        values: dict[dg.AssetKey, dict[Partition, Any]] = {}
        for key in keys_of_run(context.op_execution_context):
            for one in _of_one(compute, context, key, inputs):
                context.add_asset_metadata(one.metadata, one.asset_key, key)
                values.setdefault(one.asset_key, {})[partition_of(key)] = one.value
        for asset_key, by_partition in values.items():
            kept = {partition: value for partition, value in by_partition.items() if value is not _NOTHING}
            yield dg.MaterializeResult(asset_key, value=EachPartition(kept) if kept else _NOTHING)

    return of_all


_NOTHING = dg.MaterializeResult().value


@dataclass(frozen=True)
class _Made:
    """What an asset was given for one partition."""

    asset_key: dg.AssetKey
    value: Any  # what the asset gives; its io manager knows
    metadata: Mapping[str, Any]


def _of_one(
    compute: Callable[..., Any], context: dg.AssetExecutionContext, key: str, inputs: Mapping[str, object]
) -> Iterator[_Made]:
    partition = partition_of(key)
    own = {name: given.of(partition) if isinstance(given, PartitionFiles) else given for name, given in inputs.items()}
    try:
        for result in _results(compute(_OnePartition(context, key), **own)):
            metadata = dict(result.metadata or {}) | _rows_of(result.value)
            if isinstance(result, dg.Output):
                yield _Made(context.asset_key_for_output(result.output_name), result.value, metadata)
            else:
                yield _Made(result.asset_key or context.asset_key, result.value, metadata)
    except Exception as error:
        context.log.error(f"{partition}: {error}; of the partitions after it nothing was made in this step")
        raise


def _rows_of(value: object) -> dict[str, int]:
    match value:
        case pl.DataFrame():
            return {"dagster/row_count": value.height}
        case list():
            return {"dagster/row_count": sum(file.rows for file in value)}
    return {}


def _results(made: object) -> Iterator[Any]:
    if inspect.isgenerator(made):
        yield from made
    else:
        yield made


class _OnePartition:
    """The context of a run of several partitions as that of one of them."""

    def __init__(self, context: dg.AssetExecutionContext, key: str) -> None:
        self._context = context
        self.partition_key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
