"""The asset classifier: trained on all features, evaluated on the images that were held out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from image_assets.automation import once_a_day_is_complete, retried
from image_assets.classifier.images import held_out_with_lookalikes, undisputed
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor
from image_assets.features.table import FeatureTable, feature_table
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, NEAR_DUPLICATES
from io_managers.model_store import ModelDescription, ModelManifest, ModelMissingError, ids_digest, read_manifest
from io_managers.model_store import save_model as save
from io_managers.plots import save_plot
from io_managers.store import Store
from resources.extractors import ExtractorResource
from resources.store import StoreResource

if TYPE_CHECKING:
    from image_assets.classifier.evaluate import Evaluation

CLASSIFIER = "classifier"


def classifier_prefix(dataset: DatasetSpec) -> str:
    """Where the model lies below the store."""
    return f"{dataset.name}/{CLASSIFIER}"


def current_manifest(dataset: DatasetSpec, store: Store) -> ModelManifest | None:
    """The manifest of the dataset's current model, None where none was trained."""
    try:
        return read_manifest(store.objects(), classifier_prefix(dataset))
    except ModelMissingError:
        return None


def classifier_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The classifier of a dataset."""

    @dg.asset(
        key=[dataset.name, CLASSIFIER],
        ins={
            schema.name: dg.AssetIn([dataset.name, schema.name])
            for schema in (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS)
        },
        deps=[dg.AssetKey([dataset.name, NEAR_DUPLICATES.name])],
        description="Tells the categories apart by the features; evaluated on images that it was not trained on.",
        group_name=dataset.name,
        owners=dataset.owners,
        kinds={"scikitlearn"},
        automation_condition=once_a_day_is_complete(dataset),
        # With too few images there is no model: then nothing is materialised, and the log says why.
        output_required=False,
    )
    def classifier(
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        duplicate_groups: pl.LazyFrame,
        label_conflicts: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
    ) -> Iterator[dg.MaterializeResult]:
        # scikit-learn and matplotlib take seconds to load, which every run of every other asset would wait for.
        from image_assets.classifier.evaluate import evaluate
        from image_assets.classifier.report import confusion_plot, summary_markdown
        from image_assets.classifier.train import NotTrainableError, check_trainable, train

        extractor = extractors.extractor(dataset)
        with retried():
            table = feature_table(undisputed(image_features, label_conflicts), extractor.digest)
            aside = held_out_with_lookalikes(table.image_ids, duplicate_groups, dataset.classifier.held_out)
        try:
            check_trainable(table.labels, aside, dataset.categories)
        except NotTrainableError as reason:
            context.log.warning(str(reason))
            return
        model = train(table.features[~aside], table.labels[~aside], dataset.classifier, dataset.categories)
        evaluation = evaluate(model, table.features[aside], table.labels[aside], dataset.categories)
        description = _description(dataset, extractor, table, table.image_ids.filter(~aside), evaluation)
        with retried():
            manifest = save(store.open().objects(), classifier_prefix(dataset), model, description)
            plot = save_plot(store.open(), dataset.name, "confusion", confusion_plot(evaluation))
        yield dg.MaterializeResult(
            metadata={
                **evaluation.headline(),
                "model": manifest.file,
                "sha256": manifest.sha256,
                "report": dg.MetadataValue.md(summary_markdown(evaluation)),
                "confusion": plot,
            }
        )

    return classifier


def _description(
    dataset: DatasetSpec, extractor: Extractor, table: FeatureTable, trained_on: pl.Series, evaluation: "Evaluation"
) -> ModelDescription:
    return ModelDescription(
        dataset=dataset.name,
        kind=dataset.classifier.kind,
        classes=dict(dataset.categories),
        extractor=extractor.name,
        extractor_digest=extractor.digest,
        feature_width=extractor.width,
        partitions=[(partition.date, partition.category) for partition in table.partitions],
        training_ids_sha256=ids_digest(trained_on),
        held_out=dataset.classifier.held_out,
        metrics=evaluation.model_dump(mode="json"),
    )
