"""The asset denoising_autoencoder: of datasets that ask for it."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from image_assets.classifier.places import CLASSIFIER, classifier_prefix
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor
from image_assets.networks.denoising.record import DENOISING
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, NEAR_DUPLICATES, RAW_IMAGES
from image_assets.store.models.model_store import ModelMissingError, ModelRefusedError, load_model
from image_assets.store.store import Store
from image_assets.workers import Progress

if TYPE_CHECKING:
    from image_assets.networks.checkpoints import Epoch
    from image_assets.networks.denoising.classified_again import Answering
    from image_assets.networks.denoising.made import Made
    from image_assets.store.models.model import Model


def denoising_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The denoising network of a dataset that asks for one."""
    spec = dataset.networks.denoising_autoencoder
    if spec is None:
        return []

    @dataset_asset(
        dataset,
        DENOISING,
        "Takes noise away from pictures; judged on images that it was not trained on, beside a median filter.",
        reads=[IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES],
        # The classifiers are asked about the restored pictures.
        after=[NEAR_DUPLICATES, CLASSIFIER, *([CNN_CLASSIFIER] if dataset.networks.cnn_classifier else [])],
        kinds={"keras"},
    )
    def denoising_autoencoder(  # noqa: PLR0913  # Dagster hands over inputs and resources by the names of arguments
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        duplicate_groups: pl.LazyFrame,
        label_conflicts: pl.LazyFrame,
        raw_images: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        from image_assets.networks.errors import UnfitDataError
        from image_assets.networks.keras_here import prepare_keras

        prepare_keras()
        # Load Keras, as it was prepared.
        from image_assets.networks.denoising.images import Tables, sides_of
        from image_assets.networks.denoising.made import Telling, make_denoiser

        def track(title: str, unit: str) -> AbstractContextManager[Progress]:
            return progress.track(title, unit, context.log)

        def told(epoch: "Epoch") -> None:
            context.log.info(
                f"{dataset.name}: epoch {epoch.number + 1} of {spec.epochs}, mean squared error "
                f"{epoch.training['loss']:.5f}, on validation images {epoch.validation['loss']:.5f}"
            )

        opened = store.open()
        tables = Tables(image_features, duplicate_groups, label_conflicts, raw_images)
        try:
            with retried():
                sides = sides_of(dataset, opened, tables, spec.validation, spec.judged)
        except UnfitDataError as reason:
            # Too few images: all else that keeps it from being trained fails the run.
            context.log.warning(str(reason))
            return dg.MaterializeResult(metadata={"not trained": str(reason)})
        with retried():
            classifiers = _classifiers(dataset, opened, extractors.extractor(dataset))
            made = make_denoiser(dataset, spec, opened, sides, classifiers, Telling(track, told))
            plots = {one.title: save_plot(opened, dataset.name, f"denoising_{one.key}", one.png) for one in made.plots}
        return dg.MaterializeResult(metadata={**_metadata(made), **plots})

    return [denoising_autoencoder]


def _classifiers(dataset: DatasetSpec, store: Store, extractor: Extractor) -> list["Answering"]:
    """The current classifiers, as far as there are any."""
    from image_assets.networks.denoising.classified_again import Answering, ByFeatures, ByPixels
    from image_assets.store.models.network_model import NetworkModel

    found: list[Answering] = []
    if (model := _model(store, classifier_prefix(dataset), extractor.digest)) is not None:
        found.append(ByFeatures(extractor, model))
    if isinstance(network := _model(store, cnn_prefix(dataset)), NetworkModel):
        found.append(ByPixels(network))
    return found


def _model(store: Store, prefix: str, extractor_digest: str | None = None) -> "Model | None":
    """The champion; None where there is none, or none that may be loaded: its own checks say so."""
    try:
        return load_model(store.objects(), prefix, extractor_digest)[0]
    except (ModelMissingError, ModelRefusedError):
        return None


def _metadata(made: "Made") -> dict[str, dg.MetadataValue | float | int | str]:
    record, figures = made.record, made.record.figures
    return {
        "PSNR restored": figures.restored.psnr,
        "PSNR noisy": figures.noisy.psnr,
        "PSNR of the median filter": figures.median.psnr,
        "gained, dB": figures.gained,
        "over the median filter, dB": figures.over_median,
        "SSIM restored": figures.restored.ssim,
        "SSIM noisy": figures.noisy.ssim,
        "SSIM of the median filter": figures.median.ssim,
        "held out": figures.images,
        "trained on": record.trained,
        "noise": record.noise,
        "epochs": record.epochs,
        "epochs of an earlier run": made.fitted.resumed,
        "loss": made.fitted.best.training["loss"],
        "validation loss": made.fitted.best.validation["loss"],
        "seconds of training": made.fitted.seconds,
        "sha256": record.sha256,
        "page": dg.MetadataValue.path(made.page),
    }
