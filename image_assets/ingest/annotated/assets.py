"""The assets of annotated datasets: label_selection and selected_images over the dataset, image_labels by partition."""

from collections.abc import Iterator

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.joined_asset import joined_asset
from image_assets.ingest.annotated.joining import Join
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.selection_tables import label_selection, listed_files, selected_images
from image_assets.ingest.annotated.source import selection_of
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import keys_of, table_out
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import (
    ARRIVALS,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    LABEL_SELECTION,
    NEAR_DUPLICATES,
    SELECTED_IMAGES,
)
from image_assets.settings.annotated import AnnotatedSection

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
        outs={schema.name: table_out(dataset, schema, "duckdb") for schema in (LABEL_SELECTION, SELECTED_IMAGES)},
        # Of what has arrived; the others are what a complete day is told by.
        deps=keys_of(dataset, (ARRIVALS, IMAGE_FEATURES, NEAR_DUPLICATES)),
    )
    def selection(landing: LandingResource, store: StoreResource) -> Iterator[dg.Output]:
        from image_assets.ingest.annotated.plot import selection_plot

        opened = store.open()
        with retried():
            found = selection_of(landing.source(dataset))
            listed = listed_files(found, opened.table(dataset.name, ARRIVALS))
            images = selected_images(found, listed)
            rows = label_selection(found, images, listed)
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
    def join_of(selection: LabelSelection) -> Join:
        return Join(selection.labels(), _QUERY, "true", selection.digest, source.memory_mb)

    return joined_asset(dataset, IMAGE_LABELS, "labels", join_of)
