"""The asset classifier: trained on all features, evaluated on the images that were held out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
import obstore
import polars as pl

from image_assets.automation import once_a_day_is_complete, retried
from image_assets.classifier.images import lookalike_names, said_of_split, set_aside, undisputed
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor
from image_assets.features.table import FeatureTable, feature_table
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, NEAR_DUPLICATES
from io_managers.model_store import ModelDescription, ModelManifest, ModelMissingError, ids_digest, read_manifest
from io_managers.model_store import save_model as save
from io_managers.plots import save_plot
from io_managers.store import Store
from resources.extractors import ExtractorResource
from resources.progress import ProgressReporter
from resources.store import StoreResource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from image_assets.classifier.evaluate import Evaluation
    from image_assets.classifier.families import Candidate
    from image_assets.classifier.selection import Score

CLASSIFIER = "classifier"


def classifier_prefix(dataset: DatasetSpec) -> str:
    """Where the model lies below the store."""
    return f"{dataset.name}/{CLASSIFIER}"


def scores_prefix(dataset: DatasetSpec) -> str:
    """Where the scores of candidates lie below the store."""
    return f"{dataset.name}/classifier-scores"


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
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.MaterializeResult]:
        # scikit-learn and matplotlib take seconds to load, which every run of every other asset would wait for.
        from image_assets.classifier.choice import choose
        from image_assets.classifier.evaluate import evaluate
        from image_assets.classifier.report import confusion_plot, summary_markdown
        from image_assets.classifier.selection import TrainingRows
        from image_assets.classifier.train import NotTrainableError, check_trainable, train

        extractor = extractors.extractor(dataset)
        with retried():
            usable = undisputed(image_features, label_conflicts)
            table = feature_table(usable, extractor.digest)
            aside = set_aside(table.image_ids, usable, duplicate_groups, dataset.classifier)
        try:
            check_trainable(table.labels, aside, dataset.categories)
        except NotTrainableError as reason:
            context.log.warning(str(reason))
            return
        names = lookalike_names(table.image_ids, duplicate_groups).filter(pl.Series(~aside))
        rows = TrainingRows(table.features[~aside], table.labels[~aside], names)
        objects = store.open().objects()
        try:
            with progress.track("select the classifier", "candidates", context.log) as report_progress:
                chosen = choose(dataset.classifier, rows, objects, scores_prefix(dataset), report_progress)
        except NotTrainableError as reason:
            context.log.warning(str(reason))
            return
        model = train(
            rows.features, rows.labels, chosen.candidate, dataset.categories, dataset.classifier.selection.seed
        )
        evaluation = evaluate(model, table.features[aside], table.labels[aside], dataset.categories)
        trained_on = table.image_ids.filter(~aside)
        description = _description(dataset, extractor, table, chosen.candidate, trained_on, evaluation)
        with retried():
            manifest = save(store.open().objects(), classifier_prefix(dataset), model, description)
            plot = save_plot(store.open(), dataset.name, "confusion", confusion_plot(evaluation))
        yield dg.MaterializeResult(
            metadata={
                **evaluation.headline(),
                "model": manifest.file,
                "sha256": manifest.sha256,
                **_compared(dataset, store.open(), chosen.scores),
                "candidate": str(chosen.candidate),
                "report": dg.MetadataValue.md(summary_markdown(evaluation)),
                "confusion": plot,
            }
        )

    return classifier


def _description(
    dataset: DatasetSpec,
    extractor: Extractor,
    table: FeatureTable,
    candidate: "Candidate",
    trained_on: pl.Series,
    evaluation: "Evaluation",
) -> ModelDescription:
    return ModelDescription(
        dataset=dataset.name,
        kind=candidate.family,
        candidate=str(candidate),
        classes=dict(dataset.categories),
        extractor=extractor.name,
        extractor_digest=extractor.digest,
        feature_width=extractor.width,
        partitions=[(partition.date, partition.category) for partition in table.partitions],
        training_ids_sha256=ids_digest(trained_on),
        held_out=dataset.classifier.held_out,
        split=said_of_split(dataset.classifier),
        metrics=evaluation.model_dump(mode="json"),
    )


def _compared(dataset: DatasetSpec, store: Store, scores: "Sequence[Score]") -> dict[str, dg.MetadataValue]:
    """Table and plot of the candidates, where there were several; `candidates.csv` lies beside the plots."""
    if not scores:
        return {}
    from image_assets.classifier.candidates_report import candidates_frame, candidates_markdown, candidates_plot

    scoring = dataset.classifier.selection.scoring
    with retried():
        plot = save_plot(store, dataset.name, "candidates", candidates_plot(scores, scoring))
        content = candidates_frame(scores).write_csv().encode()
        obstore.put(store.objects(), f"{dataset.name}/plots/candidates.csv", content)
    return {"candidates": dg.MetadataValue.md(candidates_markdown(scores, scoring)), "comparison": plot}
