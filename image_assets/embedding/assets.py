"""The asset embedding: the map of all images."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from image_assets.categories.record import in_use
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.groups import duplicate_groups
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.pages.places import PLOTS
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import EMBEDDING, IMAGE_FEATURES, IMAGENET_PREDICTIONS, NEAR_DUPLICATES

_TOLD = 10


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
        from image_assets.embedding.feature_stream import Features
        from image_assets.embedding.kept_fit import KeptFits
        from image_assets.embedding.kept_regions import FOLDER
        from image_assets.embedding.map_table import MapTable
        from image_assets.embedding.plot import scatter_plot
        from image_assets.embedding.region_names import first_labels, named_regions
        from image_assets.embedding.rotating import rotating_map
        from image_assets.embedding.todays_map import MapSettings, todays_map
        from image_assets.embedding.told import told_of
        from image_assets.embedding.tsne import MIN_IMAGES

        opened, names = store.open(), {label: name for name, label in dataset.categories.items()}
        digest = extractors.extractor(dataset).digest
        with retried():
            features = Features(in_use(image_features, dataset), digest)
            before = opened.table(dataset.name, EMBEDDING).scan().collect()
        if len(features) < MIN_IMAGES:
            # Made, of no places: the checks then say so, and a map of images that have gone does not stay.
            too_few = f"a map takes at least {MIN_IMAGES} images; there are {len(features)}"
            context.log.warning(too_few)
            yield dg.MaterializeResult(value=EMBEDDING.no_rows(), metadata={"no map": too_few})
            return
        settings = MapSettings(
            spec=dataset.embedding,
            extractor=digest,
            names=names,
            groups=lambda: duplicate_groups(opened.table(dataset.name, NEAR_DUPLICATES).scan().collect()),
            track=lambda title, unit: progress.track(title, unit, context.log),
        )
        fits = KeptFits(opened.objects(dataset.name, FOLDER))
        made = todays_map(features, MapTable.of(before, dataset.embedding.dimensions), fits, settings)
        if made.because:
            context.log.info(f"the map is fitted anew: {made.because}")
        categories = [names[label] for label in features.labels.tolist()]
        ids = pl.Series([one.decode() for one in made.table.ids.tolist()], dtype=pl.String)
        labels = first_labels(opened.table(dataset.name, IMAGENET_PREDICTIONS).scan(), ids)
        places = made.table.places[:, :2]
        regions = named_regions(made.regions, places, pl.Series(categories, dtype=pl.String), labels)
        plot = scatter_plot(places, categories, dataset.name, regions)
        told = told_of(made)
        if regions:
            told["largest regions"] = ", ".join(f"{one.name} {one.images:,}" for one in regions[:_TOLD])
        if dataset.embedding.dimensions == 3:
            animation = rotating_map(made.table.places, categories)
            opened.objects(dataset.name, PLOTS).put("embedding.gif", animation)
            told["rotating"] = opened.location(dataset.name, PLOTS, "embedding.gif")
        yield dg.MaterializeResult(
            value=made.table.rows(features.labels),
            metadata={**told, "map": save_plot(opened, dataset.name, "embedding", plot)},
        )

    return embedding
