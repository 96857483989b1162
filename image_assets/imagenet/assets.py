"""The assets imagenet_predictions and confident_labels, of datasets that ask for them."""

import dagster as dg
import obstore
import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.orchestration.automation import once_a_day_is_complete
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import key_of, table_asset
from image_assets.resources.engines import EngineResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import CONFIDENT_LABELS, IMAGE_CHIPS, IMAGENET_PREDICTIONS, RAW_IMAGES, partition_of
from image_assets.settings.annotated import AnnotatedSection
from image_assets.store.tables.partition_files import PartitionFiles


def imagenet_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The labels of ImageNet and their summary; none where the dataset file does not ask for them."""
    return [_imagenet_predictions(dataset), _confident_labels(dataset)] if dataset.imagenet.wanted else []


def _imagenet_predictions(dataset: DatasetSpec) -> dg.AssetsDefinition:
    chips = isinstance(dataset.source, AnnotatedSection) and dataset.source.with_boxes
    looked_at = IMAGE_CHIPS if chips else RAW_IMAGES

    @table_asset(
        dataset,
        IMAGENET_PREDICTIONS,
        ins={"pictures": dg.AssetIn(key_of(dataset, looked_at))},
        kinds=["onnx" if dataset.imagenet.classifier == "embedded" else "tensorflow"],
        # Nothing but a summary waits for it: what the day's other assets need comes first.
        op_tags={"dagster/priority": "-1"},
    )
    def imagenet_predictions(
        context: dg.AssetExecutionContext,
        pictures: PartitionFiles,
        store: StoreResource,
        engines: EngineResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        from image_assets.imagenet.classifiers import shared_classifier
        from image_assets.imagenet.units import Pictures, classify_units

        partition = partition_of(context.partition_key)
        table = store.open().table(dataset.name, IMAGENET_PREDICTIONS)
        classifier = shared_classifier(dataset.imagenet)
        with retried(), progress.track(f"ImageNet labels {partition}", "pictures", context.log) as report_progress:
            files = classify_units(
                Pictures(pictures.table, pictures.files, chips),
                table,
                partition,
                dataset.imagenet,
                engines.engine(dataset),
                report_progress,
            )
        return dg.MaterializeResult(
            value=files,
            metadata={
                "looked at": looked_at.name,
                "classifier": classifier.name,
                "classifier digest": classifier.digest,
                "sha256 of the weights": classifier.weights,
            },
        )

    return imagenet_predictions


def _confident_labels(dataset: DatasetSpec) -> dg.AssetsDefinition:
    deciding = dg.AssetSelection.assets(key_of(dataset, IMAGENET_PREDICTIONS))

    @table_asset(
        dataset,
        CONFIDENT_LABELS,
        reads=[IMAGENET_PREDICTIONS],
        automation_condition=once_a_day_is_complete(dataset, deciding),
    )
    def confident_labels(imagenet_predictions: pl.LazyFrame, store: StoreResource) -> dg.MaterializeResult:
        from image_assets.imagenet.summary import count_confident_labels, summary_markdown, summary_plot

        spec = dataset.imagenet
        with retried():
            rows, figures = count_confident_labels(imagenet_predictions, spec)
            opened = store.open()
            plot = save_plot(opened, dataset.name, CONFIDENT_LABELS.name, summary_plot(rows, spec))
            key = f"{dataset.name}/plots/{CONFIDENT_LABELS.name}.csv"
            obstore.put(opened.objects(), key, rows.write_csv().encode())
        return dg.MaterializeResult(
            value=rows,
            metadata={
                **figures,
                "confident above": spec.confident,
                "more images than": spec.min_images,
                "labels": dg.MetadataValue.md(summary_markdown(rows, spec)),
                "plot": plot,
                "csv": dg.MetadataValue.path(opened.location(key)),
            },
        )

    return confident_labels
