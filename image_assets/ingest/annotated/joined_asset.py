"""The declaration of an asset that gives a partition's images what the annotations say of them."""

from collections.abc import Callable

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.joining import Join, join_files
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.source import selection_of
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import RAW_IMAGES, TableSchema, partition_of
from image_assets.store.tables.partition_files import PartitionFiles


def joined_asset(
    dataset: DatasetSpec, schema: TableSchema, noun: str, join_of: Callable[[LabelSelection], Join]
) -> dg.AssetsDefinition:
    """An asset by day and category: rows of annotations, joined to the images that were loaded.

    Args:
        dataset: Whose.
        schema: The table.
        noun: What the progress bar calls the rows.
        join_of: What is joined, of the dataset's selection.
    """

    @table_asset(dataset, schema, reads=[RAW_IMAGES], kinds=["duckdb"])
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
            matcher, join = selection.matcher(), join_of(selection)
            files = join_files(raw_images, table, partition, matcher, join, report_progress)
        return dg.MaterializeResult(value=files, metadata={"images": sum(file.rows for file in raw_images.files)})

    return joined
