"""The asset image_features: one feature vector for every loaded image."""

import time

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.features.ending_images import ending_images_kept
from image_assets.features.units import Extraction, extract_units, sample_fidelity
from image_assets.orchestration.automation import DECIDES
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.resources.engines import EngineResource
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, partition_of
from image_assets.settings.stages import AnyExtractor, ColourStatistics, Combined, EfficientNetLite, TfHub
from image_assets.store.tables.partition_files import PartitionFiles


def feature_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The features of a dataset."""

    @table_asset(dataset, IMAGE_FEATURES, reads=[RAW_IMAGES], kinds=_runtimes(dataset.extractor), tags=DECIDES)
    def image_features(
        context: dg.AssetExecutionContext,
        raw_images: PartitionFiles,
        store: StoreResource,
        extractors: ExtractorResource,
        engines: EngineResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        partition = partition_of(context.partition_key)
        extractor = extractors.extractor(dataset)
        table = store.open().table(dataset.name, IMAGE_FEATURES)
        began = time.monotonic()
        with retried(), progress.track(f"features {partition}", "images", context.log) as report_progress:
            engine = engines.engine(dataset)
            with ending_images_kept(dataset, store.open(), raw_images, partition):
                extraction = extract_units(raw_images, table, partition, dataset.extractor, engine, report_progress)
        return dg.MaterializeResult(
            value=extraction.files,
            metadata={
                **_figures(extraction, time.monotonic() - began),
                **(_fidelity(raw_images, dataset.extractor) if extraction.extracted else {}),
                "extractor": extractor.name,
                "extractor digest": extractor.digest,
                "width": extractor.width,
            },
        )

    return image_features


def _runtimes(spec: AnyExtractor) -> set[str]:
    match spec:
        case Combined():
            return set().union(*map(_runtimes, spec.extractors))
        case TfHub(runtime="tensorflow"):
            return {"tensorflow"}
        case ColourStatistics():
            return {"numpy"}
    return {"onnx"}


def _fidelity(raw_images: PartitionFiles, spec: AnyExtractor) -> dict[str, float]:
    """How close 8 bits are to 32, where that is what was chosen."""
    if not isinstance(spec, EfficientNetLite) or spec.precision == "float32":
        return {}
    found = sample_fidelity(raw_images, spec, spec.model_copy(update={"precision": "float32"}))
    return {"cosine to float32, mean": round(found.mean, 5), "cosine to float32, worst": round(found.worst, 5)}


def _figures(extraction: Extraction, seconds: float) -> dict[str, float]:
    """What the work took, where there was any."""
    figures: dict[str, float] = {"extracted": extraction.extracted}
    effort = extraction.effort
    if extraction.extracted:
        worked = effort.decoding + effort.model
        figures |= {
            "images per second": round(extraction.extracted / seconds, 1),
            "share of decoding": round(effort.decoding / worked, 3),
            "share of the model": round(effort.model / worked, 3),
            "peak memory (MB)": round(extraction.peak_bytes / 1e6),
        }
    return figures
