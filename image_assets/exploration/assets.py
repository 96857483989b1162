"""The asset exploration: plots of a dataset in the UI, and its report as a page."""

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.orchestration.automation import once_a_day_is_over
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset
from image_assets.pages.places import PLOTS
from image_assets.resources.store import StoreResource
from image_assets.schema import (
    IMAGE_BOXES,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
    TableSchema,
)
from image_assets.settings.annotated import AnnotatedSection

EXPLORATION = "exploration"
# The last is not read: with the features, it is by it that the day is known to be complete.
_READ = (RAW_IMAGES, QUARANTINE, IMAGE_FEATURES, NEAR_DUPLICATES)


def _read(dataset: DatasetSpec) -> tuple[TableSchema, ...]:
    source = dataset.source
    if not isinstance(source, AnnotatedSection):
        return _READ
    return (*_READ, IMAGE_LABELS, *([IMAGE_BOXES] if source.with_boxes else []))


def exploration_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The exploration of a dataset."""

    @dataset_asset(
        dataset,
        EXPLORATION,
        "What the images and labels look like: balance, sizes, metrics, colours; plots and a page.",
        after=_read(dataset),
        automation_condition=once_a_day_is_over(dataset),
    )
    def exploration(store: StoreResource) -> dg.MaterializeResult:
        # matplotlib, scipy and DuckDB take seconds to load, which every run of every other asset would wait for.
        from image_assets.exploration.annotations import annotations_of
        from image_assets.exploration.report import make_report

        with retried():
            opened = store.open()
            report = make_report(dataset, opened, annotations_of(dataset, opened))
            opened.objects(dataset.name, PLOTS).put(f"{EXPLORATION}.html", report.html.encode())
            plots = {
                plot.title: save_plot(opened, dataset.name, f"{EXPLORATION}_{plot.key}", plot.png)
                for plot in report.plots
            }
        page = opened.location(dataset.name, PLOTS, f"{EXPLORATION}.html")
        return dg.MaterializeResult(metadata={**report.figures, "report": dg.MetadataValue.path(page), **plots})

    return exploration
