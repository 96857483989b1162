"""The asset predictions: what the champion takes the images of a day and category for."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec
from image_assets.networks.errors import NetworksMissingError
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.predictions.asked import digest_of_given, pictures_of
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, RAW_IMAGES, partition_of
from image_assets.store.models.model_store import ModelMissingError, ModelRefusedError
from image_assets.store.tables.partition_files import PartitionFiles


def prediction_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The predictions of a dataset."""
    asset = dataset.predictions.model
    form = pictures_of(dataset, asset)

    @table_asset(
        dataset,
        PREDICTIONS,
        reads=[IMAGE_FEATURES],
        # A model of that moment is read from the store, whoever made it one: a run of the classifier or a person.
        after=[asset, *([RAW_IMAGES] if form else [])],
        kinds=["keras" if form else "scikitlearn"],
        # Before near_duplicates: once these are checked the classifier may be trained, and with the day's own images.
        op_tags={"dagster/priority": "1"},
        # What a model that is damaged or gone should score is left as it is; the log says why.
        output_required=False,
    )
    def predictions(
        context: dg.AssetExecutionContext,
        image_features: PartitionFiles,
        store: StoreResource,
        extractors: ExtractorResource,
    ) -> Iterator[dg.MaterializeResult]:
        # scikit-learn takes seconds to load, which every run of every other asset would wait for.
        from image_assets.predictions.pictures import score_pictures
        from image_assets.predictions.score import Scorer, check_usable, figures_of, score_files, trained_on
        from image_assets.predictions.unseen import SeenError, scoring_model

        partition = partition_of(context.partition_key)
        extractor = extractors.extractor(dataset)
        scored_by: list[str] = []
        try:
            with retried():
                opened = store.open()
                rows = opened.table(dataset.name, PREDICTIONS).scan([partition])
                scored_by = rows.select(pl.col("model").unique()).collect()["model"].to_list()
                model, manifest = scoring_model(
                    opened.objects(),
                    models_prefix(dataset, asset),
                    digest_of_given(dataset, asset, extractor),
                    partition,
                    scored_by,
                    [models_prefix(dataset, other) for other in dataset.model_assets if other != asset],
                )
            check_usable(manifest, dataset.categories)
        except (ModelMissingError, SeenError) as reason:
            context.log.info(f"{partition} is not scored: {reason}")
            if not scored_by:
                # Made, of no rows: a day before the first model, or one that it has learnt from without ever having
                # scored it, is nothing that somebody has to look after.
                nothing = PREDICTIONS.no_rows()
                yield dg.MaterializeResult(value=nothing, metadata={**figures_of(nothing), "not scored": str(reason)})
            return
        except (ModelRefusedError, NetworksMissingError) as reason:
            # The day's other assets do without; model_is_sound or network_is_sound, checks of the model's asset, fail
            # of it.
            context.log.warning(f"{partition} is not scored: {reason}")
            return
        scorer = Scorer.of(model, manifest, dataset.classifier)
        with retried():
            if form is None:
                rows = score_files(scorer, image_features)
            else:
                raw_images = opened.table(dataset.name, RAW_IMAGES)
                rows = score_pictures(scorer, form, partition, image_features, raw_images)
        yield dg.MaterializeResult(
            value=rows,
            metadata={
                **figures_of(rows),
                "asked": asset,
                "model": manifest.file,
                "sha256": manifest.sha256,
                "model was trained on this partition": trained_on(manifest, partition),
            },
        )

    return predictions
