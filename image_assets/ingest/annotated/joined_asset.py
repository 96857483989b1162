"""The declaration of an asset that gives a partition's images what the annotations say of them."""

from collections.abc import Callable

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.joining import Join, join_files
from image_assets.ingest.annotated.selection import Selection
from image_assets.ingest.annotated.source import selection_of
from image_assets.io_managers.delta_io_manager import PartitionFiles
from image_assets.io_managers.table_metadata import column_schema
from image_assets.orchestration.automation import due_every_day, retried
from image_assets.orchestration.partition_ranges import RANGE_IN_ONE_RUN, each_partition
from image_assets.orchestration.partitions import partition_of, partitions_of
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import RAW_IMAGES, TableSchema


def joined_asset(
    dataset: DatasetSpec, schema: TableSchema, noun: str, join_of: Callable[[Selection], Join]
) -> dg.AssetsDefinition:
    """An asset by day and category: rows of annotations, joined to the images that were loaded.

    Args:
        dataset: Whose.
        schema: The table.
        noun: What the progress bar calls the rows.
        join_of: What is joined, of the dataset's selection.
    """

    @dg.asset(
        key=[dataset.name, schema.name],
        ins={"raw_images": dg.AssetIn([dataset.name, RAW_IMAGES.name])},
        description=schema.meaning,
        partitions_def=partitions_of(dataset),
        backfill_policy=RANGE_IN_ONE_RUN,
        group_name=dataset.name,
        owners=dataset.owners,
        kinds={"deltalake", "duckdb"},
        metadata={"dagster/column_schema": column_schema(schema)},
        freshness_policy=due_every_day(dataset),
        io_manager_key="tables",
    )
    @each_partition
    def joined(
        context: dg.AssetExecutionContext,
        raw_images: PartitionFiles,
        landing: LandingResource,
        store: StoreResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        partition = partition_of(context.partition_key)
        table = store.open().table(dataset.name, schema)
        with retried(), progress.track(f"{noun} {partition}", "files", context.log) as report_progress:
            selection = selection_of(landing.source(dataset))
            files = join_files(
                raw_images.table,
                raw_images.files,
                table,
                partition,
                selection.matcher(),
                join_of(selection),
                report_progress,
            )
        return dg.MaterializeResult(value=files, metadata={"images": sum(file.rows for file in raw_images.files)})

    return joined
