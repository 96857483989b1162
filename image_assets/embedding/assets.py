"""The asset embedding: the map of all images."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from image_assets.categories.record import in_use
from image_assets.dataset import DatasetSpec
from image_assets.features.table import feature_table
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import EMBEDDING, IMAGE_FEATURES, NEAR_DUPLICATES


def embedding_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The map of a dataset."""

    @table_asset(dataset, EMBEDDING, reads=[IMAGE_FEATURES], after=[NEAR_DUPLICATES])
    def embedding(
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.MaterializeResult]:
        # openTSNE and matplotlib take seconds to load, which every run of every other asset would wait for.
        from image_assets.embedding.plot import scatter_plot
        from image_assets.embedding.tsne import MIN_IMAGES, embed, trustworthiness

        digest = extractors.extractor(dataset).digest
        with retried():
            table = feature_table(in_use(image_features, dataset), digest)
        if len(table.labels) < MIN_IMAGES:
            # Made, of no places: the checks then say so, and a map of images that have gone does not stay.
            too_few = f"a map takes at least {MIN_IMAGES} images; there are {len(table.labels)}"
            context.log.warning(too_few)
            places = pl.DataFrame(schema={"image_id": pl.String, "label": pl.Int16, "x": pl.Float64, "y": pl.Float64})
            yield dg.MaterializeResult(value=places, metadata={"no map": too_few})
            return
        with progress.track("t-SNE", "iterations", context.log) as report_progress:
            coordinates = embed(table.features, dataset.embedding, report_progress)
        names = {label: name for name, label in dataset.categories.items()}
        plot = scatter_plot(coordinates, [names[label] for label in table.labels.tolist()], dataset.name)
        yield dg.MaterializeResult(
            value=pl.DataFrame(
                {"image_id": table.image_ids, "label": table.labels, "x": coordinates[:, 0], "y": coordinates[:, 1]}
            ),
            metadata={
                "trustworthiness": trustworthiness(table.features, coordinates),
                "map": save_plot(store.open(), dataset.name, "embedding", plot),
            },
        )

    return embedding
