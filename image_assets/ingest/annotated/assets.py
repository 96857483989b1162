"""The assets of annotated datasets: label_selection and selected_images over the dataset, image_labels by partition."""

from collections.abc import Iterator

import dagster as dg

from image_assets.automation import due_every_day, once_a_day_is_complete, retried
from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.joining import Join, join_files
from image_assets.ingest.annotated.report import label_selection, selected_images
from image_assets.ingest.annotated.source import selection_of
from image_assets.partitions import partition_of, partitions_of
from image_assets.schema import (
    ARRIVALS,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    LABEL_SELECTION,
    NEAR_DUPLICATES,
    RAW_IMAGES,
    SELECTED_IMAGES,
)
from image_assets.settings.annotated import AnnotatedSection
from io_managers.delta_io_manager import PartitionFiles
from io_managers.plots import save_plot
from io_managers.table_metadata import column_schema
from resources.landing import LandingResource
from resources.progress import ProgressReporter
from resources.store import StoreResource

_QUERY = (
    "image_id, key as image_key, part as annotation_file, r.source as label_source, label as label_code, "
    "name as label_name, confidence, positive"
)


def annotation_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The assets of a dataset's annotations; none where its source has none."""
    if not isinstance(dataset.source, AnnotatedSection):
        return []
    return [_label_selection(dataset), _image_labels(dataset, dataset.source)]


def _label_selection(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{dataset.name}__label_selection",
        outs={
            schema.name: dg.AssetOut(
                key=[dataset.name, schema.name],
                description=schema.meaning,
                group_name=dataset.name,
                owners=dataset.owners,
                kinds={"deltalake", "duckdb"},
                metadata={"dagster/column_schema": column_schema(schema)},
                automation_condition=once_a_day_is_complete(dataset),
                io_manager_key="tables",
            )
            for schema in (LABEL_SELECTION, SELECTED_IMAGES)
        },
        # Of what has arrived; the others are what a complete day is told by.
        deps=[[dataset.name, schema.name] for schema in (ARRIVALS, IMAGE_FEATURES, NEAR_DUPLICATES)],
    )
    def selection(landing: LandingResource, store: StoreResource) -> Iterator[dg.Output]:
        from image_assets.ingest.annotated.plot import selection_plot

        opened = store.open()
        with retried():
            found = selection_of(landing.source(dataset))
            images = selected_images(found, opened.table(dataset.name, ARRIVALS))
            rows = label_selection(found, images)
            plot = save_plot(opened, dataset.name, LABEL_SELECTION.name, selection_plot(rows, dataset.name))
        yield dg.Output(
            rows,
            output_name=LABEL_SELECTION.name,
            metadata={
                **{f"{step}{f', {part}' if part else ''}": count for step, part, count in rows.iter_rows()},
                "steps": plot,
            },
        )
        yield dg.Output(images, output_name=SELECTED_IMAGES.name)

    return selection


def _image_labels(dataset: DatasetSpec, source: AnnotatedSection) -> dg.AssetsDefinition:
    @dg.asset(
        key=[dataset.name, IMAGE_LABELS.name],
        ins={"raw_images": dg.AssetIn([dataset.name, RAW_IMAGES.name])},
        description=IMAGE_LABELS.meaning,
        partitions_def=partitions_of(dataset),
        group_name=dataset.name,
        owners=dataset.owners,
        kinds={"deltalake", "duckdb"},
        metadata={"dagster/column_schema": column_schema(IMAGE_LABELS)},
        freshness_policy=due_every_day(dataset),
        io_manager_key="tables",
    )
    def image_labels(
        context: dg.AssetExecutionContext,
        raw_images: PartitionFiles,
        landing: LandingResource,
        store: StoreResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        partition = partition_of(context.partition_key)
        table = store.open().table(dataset.name, IMAGE_LABELS)
        with retried(), progress.track(f"labels {partition}", "files", context.log) as report_progress:
            found = selection_of(landing.source(dataset))
            join = Join(found.labels(), _QUERY, "true", found.digest, source.memory_mb)
            files = join_files(
                raw_images.table, raw_images.files, table, partition, found.matcher(), join, report_progress
            )
        return dg.MaterializeResult(value=files, metadata={"images": sum(file.rows for file in raw_images.files)})

    return image_labels
