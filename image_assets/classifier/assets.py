"""The asset classifier: trained on all features, evaluated on the images that were held out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import dagster as dg
import obstore
import polars as pl

from image_assets.classifier.familiarity_record import FAMILIARITY
from image_assets.classifier.places import (
    CLASSIFIER,
    classifier_prefix,
    current_manifest,
    scores_prefix,
    statistics_prefix,
)
from image_assets.classifier.training.images import said_of_split
from image_assets.classifier.unseen import UNSEEN, said_of_unseen
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.promoted_models import model_metadata, warn_unless_promoted
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, NEAR_DUPLICATES, RAW_IMAGES
from image_assets.store.models.model_store import ModelDescription, ids_digest
from image_assets.store.store import Store
from image_assets.wording import some
from image_assets.workers import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from image_assets.classifier.daily.daily_model import DailyModel
    from image_assets.classifier.promotion.champion import Challenged
    from image_assets.classifier.report.subject import ReportSubject
    from image_assets.classifier.training.selection import Score

_NAMED = 20  # categories in a warning


def classifier_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The classifier of a dataset."""

    @dataset_asset(
        dataset,
        CLASSIFIER,
        "Tells the categories apart by the features; evaluated on images that it was not trained on.",
        reads=[IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES],
        after=[NEAR_DUPLICATES],
        kinds={"scikitlearn"},
        # Where the images do not suffice any more, the model before stays; the log says why.
        output_required=False,
    )
    def classifier(  # noqa: PLR0913  # Dagster hands over inputs and resources by the names of arguments
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        duplicate_groups: pl.LazyFrame,
        label_conflicts: pl.LazyFrame,
        raw_images: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.MaterializeResult]:
        # scikit-learn and matplotlib take seconds to load, which every run of every other asset would wait for.
        from image_assets.classifier.daily.daily_model import Places, Tables
        from image_assets.classifier.daily.drift_flag import flagged_drift
        from image_assets.classifier.daily.refinement import refine
        from image_assets.classifier.promotion.champion import Trial, challenge
        from image_assets.classifier.report.evaluation import evaluation_markdown
        from image_assets.classifier.report.judged_images import (
            evidence_of,
            judged_images,
            report_subject,
            with_unseen,
        )
        from image_assets.classifier.training.evaluate import evaluate
        from image_assets.classifier.training.selection import too_few_pictures
        from image_assets.classifier.training.train import NotTrainableError, untested

        extractor, opened, spec = extractors.extractor(dataset), store.open(), dataset.classifier
        tables = Tables(image_features, duplicate_groups, label_conflicts, raw_images).as_decided(dataset, opened)
        places = Places(opened.objects(), statistics_prefix(dataset), scores_prefix(dataset))

        def track(title: str, unit: str) -> AbstractContextManager[Progress]:
            return progress.track(title, unit, context.log)

        try:
            with retried():
                drifted = flagged_drift(dataset, opened)
                refined = refine(dataset, tables, extractor, places, drifted, track)
        except NotTrainableError as reason:
            context.log.warning(str(reason))
            if current_manifest(dataset, opened) is None:
                # Made, without a model: that there are few images yet is nothing that somebody has to look after.
                yield dg.MaterializeResult(metadata={"not trained": str(reason)})
            return
        held_out = refined.held_out
        if names := some(untested(refined.training.labels, held_out.labels, dataset.categories), _NAMED):
            context.log.warning(f"nothing is held out of {names}: the model's figures leave them out")
        folds = spec.selection.folds
        if refined.scores and refined.sample and (few := too_few_pictures(refined.sample, folds)):
            names = some((name for name, label in dataset.categories.items() if label in few), _NAMED)
            context.log.warning(
                f"candidates were compared without {names}: fewer than {folds} different pictures to train on "
                "(classifier.selection.folds)"
            )
        evaluation = evaluate(refined.model, refined.held_out_features, held_out.labels, dataset.categories)
        with retried():
            judged = judged_images(refined, tables, spec.refinement.evaluation_rows)
        images = len(refined.training) + len(held_out)
        subject = with_unseen(report_subject(dataset, refined, judged, evaluation), dataset, images)
        description = _description(dataset, extractor, refined, subject)
        with retried():
            settled = challenge(
                opened.objects(),
                classifier_prefix(dataset),
                refined.model,
                description,
                Trial(evaluation, evidence_of(judged), spec.promotion),
            )
            refined.remember()
        warn_unless_promoted(context, settled)
        with track("report on the classifier", "parts") as report_progress:
            reported = _reported(dataset, opened, subject, settled, report_progress)
        yield dg.MaterializeResult(
            metadata={
                **evaluation.headline(),
                "on sources it never saw": said_of_unseen(subject.unseen, subject.calibration),
                **refined.metadata(),
                **model_metadata(dataset, opened, CLASSIFIER, evaluation, settled),
                **_compared(dataset, opened, refined.scores),
                "report": dg.MetadataValue.md(evaluation_markdown(evaluation)),
                **reported,
            }
        )

    return classifier


def _description(
    dataset: DatasetSpec, extractor: Extractor, refined: "DailyModel", subject: "ReportSubject"
) -> ModelDescription:
    return ModelDescription(
        dataset=dataset.name,
        kind=refined.candidate.family,
        candidate=str(refined.candidate),
        classes=dict(dataset.categories),
        extractor=extractor.name,
        extractor_digest=extractor.digest,
        feature_width=extractor.width,
        partitions=[(partition.date, partition.category) for partition in refined.training.partitions()],
        training_ids_sha256=ids_digest(refined.training.image_ids),
        held_out=dataset.classifier.held_out,
        split=said_of_split(dataset.classifier),
        metrics={
            **subject.evaluation.model_dump(mode="json"),
            UNSEEN: subject.unseen.model_dump(mode="json") if subject.unseen else None,
            FAMILIARITY: refined.calibration.model_dump(mode="json") if refined.calibration else None,
        },
    )


def _reported(
    dataset: DatasetSpec, store: Store, subject: "ReportSubject", settled: "Challenged", progress: Progress
) -> dict[str, dg.MetadataValue]:
    """The report of a model, kept and shown: its page, its plots, and what it was held against."""
    from image_assets.classifier.report.write import write_report

    model, is_champion = settled.challenger, settled.challenger.sha256 == settled.champion.sha256
    with retried():
        report = write_report(store, dataset, subject, model, progress, newest=is_champion)
        plots = {one.title: save_plot(store, dataset.name, f"classifier_{one.key}", one.png) for one in report.plots}
    return {**({"page": dg.MetadataValue.path(report.page)} if report.page else {}), **plots}


def _compared(dataset: DatasetSpec, store: Store, scores: "Sequence[Score]") -> dict[str, dg.MetadataValue]:
    """Table and plot of the candidates, where there were several; `candidates.csv` lies beside the plots."""
    if not scores:
        return {}
    from image_assets.classifier.comparing.candidates_report import (
        candidates_frame,
        candidates_markdown,
        candidates_picture,
    )

    scoring = dataset.classifier.selection.scoring
    with retried():
        plot = save_plot(store, dataset.name, "candidates", candidates_picture(scores, scoring).png)
        content = candidates_frame(scores).write_csv().encode()
        obstore.put(store.objects(), f"{dataset.name}/plots/candidates.csv", content)
    return {"candidates": dg.MetadataValue.md(candidates_markdown(scores, scoring)), "comparison": plot}
