"""The asset cnn_classifier, of datasets that ask for it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from image_assets.classifier.places import CLASSIFIER
from image_assets.dataset import DatasetSpec
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.promoted_models import model_metadata, warn_unless_promoted
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, NEAR_DUPLICATES, RAW_IMAGES
from image_assets.workers import Progress

if TYPE_CHECKING:
    from image_assets.networks.checkpoints import Epoch
    from image_assets.networks.fitting import Fitted


def network_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The networks of a dataset; none where the dataset file does not ask for them."""
    return [_cnn_classifier(dataset)] if dataset.networks.cnn_classifier else []


def _cnn_classifier(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @dataset_asset(
        dataset,
        CNN_CLASSIFIER,
        "A network that tells the categories apart by the pictures themselves, on the same split as classifier.",
        reads=[IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES],
        after=[NEAR_DUPLICATES, CLASSIFIER],
        kinds={"keras"},
        # Where the images do not suffice any more, the network before stays; the log says why. All else that keeps a
        # network from being trained fails the run.
        output_required=False,
        # Nothing waits for it, and it takes the longest.
        op_tags={"dagster/priority": "-1"},
    )
    def cnn_classifier(  # noqa: PLR0913  # Dagster hands over inputs and resources by the names of arguments
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        duplicate_groups: pl.LazyFrame,
        label_conflicts: pl.LazyFrame,
        raw_images: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.MaterializeResult]:
        # Keras takes seconds to load, which every run of every other asset would wait for.
        from image_assets.networks.keras_here import prepare_keras

        prepare_keras()
        from image_assets.classifier.daily.daily_model import Tables
        from image_assets.classifier.promotion.champion import Trial, challenge
        from image_assets.classifier.report.evaluation import evaluation_markdown
        from image_assets.classifier.training.train import NotTrainableError
        from image_assets.networks.cnn import description_of, train_cnn
        from image_assets.networks.comparison import beside_the_classifier
        from image_assets.networks.report import cnn_page, write_cnn_report
        from image_assets.networks.seen.sections import seen_sections

        extractor, opened = extractors.extractor(dataset), store.open()
        tables = Tables(image_features, duplicate_groups, label_conflicts, raw_images).as_decided(dataset, opened)

        def track(title: str, unit: str) -> AbstractContextManager[Progress]:
            return progress.track(title, unit, context.log)

        def tell(epoch: "Epoch") -> None:
            context.log.info(f"{CNN_CLASSIFIER}: {epoch}")

        try:
            with retried():
                trained = train_cnn(dataset, tables, opened, extractor, track, tell)
        except NotTrainableError as reason:
            context.log.warning(str(reason))
            return
        if trained.began.said:
            context.log.info(f"{CNN_CLASSIFIER}: {trained.began.said}")
        evaluation = trained.evaluation(dataset)
        trial = Trial(evaluation, trained.evidence(), dataset.classifier.promotion)
        objects, described = opened.objects(), description_of(dataset, trained, evaluation)
        with retried():
            settled = challenge(objects, cnn_prefix(dataset), trained.model, described, trial)
            manifest = settled.challenger
            comparison = beside_the_classifier(objects, dataset, tables, extractor, trained, manifest)
            html, plots = cnn_page(dataset, trained, evaluation, comparison, manifest, seen_sections(trained))
            newest = manifest.sha256 == settled.champion.sha256
            written = write_cnn_report(opened, dataset, manifest, html, newest=newest)
            saved = {one.title: save_plot(opened, dataset.name, f"cnn_{one.key}", one.png) for one in plots}
        warn_unless_promoted(context, settled)
        yield dg.MaterializeResult(
            metadata={
                **evaluation.headline(),
                **_effort(trained.fitted),
                **({"beginning": trained.began.said} if trained.began.said else {}),
                **model_metadata(dataset, opened, CNN_CLASSIFIER, evaluation, settled),
                "beside the classifier": comparison.said,
                "comparison": dg.MetadataValue.md(comparison.markdown()),
                "report": dg.MetadataValue.md(evaluation_markdown(evaluation, "`networks.cnn_classifier.epochs`")),
                "page": dg.MetadataValue.path(written),
                **saved,
            }
        )

    return cnn_classifier


def _effort(fitted: "Fitted") -> dict[str, float]:
    """What the training took, over all runs that had a part in it."""
    best = fitted.best
    return {
        "epochs": len(fitted.history),
        "best epoch": best.number + 1,
        "epochs of an earlier run": fitted.resumed,
        "validation loss": best.validation["loss"],
        "validation accuracy": best.validation["accuracy"],
        "training loss": best.training["loss"],
        "training seconds": round(fitted.seconds, 1),
        "images per second": round(fitted.images_per_second, 1),
    }
