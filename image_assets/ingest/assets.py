"""The assets of the first stage: arrivals, raw_images, duplicates and quarantine, loaded together."""

import time
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg

from image_assets.categories.record import agree
from image_assets.dataset import DatasetSpec
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.day_folders import archive_sizes
from image_assets.ingest.known_files import VERIFY_TAG
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition, list_partition
from image_assets.ingest.loss import ALLOW_LOSS_TAG, told
from image_assets.ingest.preview import contact_sheet, quarantine_table, reason_table
from image_assets.memory import PeakMemory, hand_back
from image_assets.orchestration.partition_ranges import each_partition
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import by_day_and_category, key_of, keys_of, table_spec
from image_assets.resources.engines import EngineResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import ARRIVALS, DUPLICATES, QUARANTINE, RAW_IMAGES, partition_of
from image_assets.wording import some
from image_assets.workers import no_progress

_NAMED = 20  # names in a warning


def ingest_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The ingest assets of a dataset."""
    arrivals, raw_images = keys_of(dataset, (ARRIVALS, RAW_IMAGES))

    @dg.multi_asset(
        name=f"{dataset.name}__raw_images",
        specs=[
            table_spec(dataset, ARRIVALS),
            table_spec(dataset, RAW_IMAGES, "image", after=[ARRIVALS]),
            table_spec(dataset, DUPLICATES, after=[ARRIVALS]),
            table_spec(dataset, QUARANTINE, after=[ARRIVALS]),
        ],
        **by_day_and_category(dataset),
        can_subset=True,
    )
    @each_partition
    def ingest(
        context: dg.AssetExecutionContext,
        landing: LandingResource,
        store: StoreResource,
        engines: EngineResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.MaterializeResult]:
        partition = partition_of(context.partition_key)
        hand_back()
        began, peak = time.monotonic(), PeakMemory()
        agree(dataset, store.open())
        source = landing.source(dataset)
        allow_loss, verify = (context.run.tags.get(tag, "").lower() == "true" for tag in (ALLOW_LOSS_TAG, VERIFY_TAG))
        if context.selected_asset_keys == {arrivals}:
            with retried():
                source.fetch(partition.date, partition.category, no_progress)
                listed = list_partition(partition, dataset, source, store.open(), allow_loss=allow_loss)
            yield dg.MaterializeResult(arrivals, metadata={"dagster/row_count": listed})
            return
        if raw_images not in context.selected_asset_keys:
            raise dg.Failure("duplicates and quarantine are made with raw_images: choose it too, or arrivals alone")
        book = DayBook(store.open(), dataset.name)
        with retried():
            begun = book.begin(partition, context.run.run_id, landing.place)
            archives = archive_sizes(source, partition)
        with retried(), progress.track(f"fetch {partition}", "files", context.log) as report_progress:
            source.fetch(partition.date, partition.category, report_progress)
        with retried(), progress.track(f"load {partition}", "files", context.log) as report_progress:
            tables = IngestTables.of(store.open(), dataset)
            report = ingest_partition(
                partition,
                Ingest(dataset, source, tables, engines.engine(dataset)),
                report_progress,
                allow_loss=allow_loss,
                verify=verify,
            )
            unplaced = source.unplaced(partition.date, dataset.categories)
            unknown, files = unplaced.names, unplaced.files + report.unselected
            ended = replace(
                begun, listed=report.listed, unplaced=unknown[:_NAMED], unplaced_files=files, archives=archives
            )
            book.end(partition, ended)
        metadata = _metadata(report)
        if report.listed == report.companions:
            metadata["arrivals"]["nothing arrived"] = f"no picture of {partition.category} on {partition.date}"
        if report.gone:
            metadata["raw_images"]["images no longer there"] = len(report.gone)
            context.log.warning(told(partition, report.gone))
        metadata["raw_images"] |= _figures(report, time.monotonic() - began, peak)
        if unknown:
            metadata["arrivals"]["unknown categories"] = named = some(unknown, _NAMED)
            context.log.warning(
                f"{partition.date}: these are no categories of {dataset.name} and are not loaded: {named}; "
                "rename folders or add the categories to the dataset file, and put files into a category's folder"
            )
        metadata["raw_images"]["thumbnails"] = dg.MetadataValue.md(contact_sheet(tables.raw_images.scan([partition])))
        metadata["quarantine"]["by reason"] = dg.MetadataValue.md(reason_table(tables.quarantine.scan([partition])))
        metadata["quarantine"]["files"] = dg.MetadataValue.md(quarantine_table(tables.quarantine.scan([partition])))
        for table in (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE):
            key = key_of(dataset, table)
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(key, metadata=metadata[table.name])
            else:
                # They are made together, whichever of them was asked for.
                context.log_event(
                    dg.AssetMaterialization(key, metadata=metadata[table.name], partition=context.partition_key)
                )

    return ingest


def _figures(report: IngestReport, seconds: float, peak: PeakMemory) -> dict[str, float]:
    """What the work took, where there was any."""
    if not report.listed:
        return {}
    return {"files per second": round(report.listed / seconds, 1), "peak memory (MB)": round(peak.bytes() / 1e6)}


def _metadata(report: IngestReport) -> dict[str, dict]:
    return {
        "arrivals": {
            "dagster/row_count": report.listed,
            "ignored": report.ignored,
            **({"companions": report.companions} if report.companions else {}),
            **({"files in no category": report.unselected} if report.unselected else {}),
        },
        "raw_images": {"dagster/row_count": report.loaded},
        "duplicates": {"dagster/row_count": report.duplicates},
        "quarantine": {"dagster/row_count": sum(report.quarantined.values()), **report.quarantined},
    }
