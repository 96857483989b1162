"""The assets of what is there twice: near_duplicates of a partition; duplicate_groups and label_conflicts of all."""

import dagster as dg
import polars as pl

from image_assets.answers.conflicts import conflicts_in
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.groups import duplicate_groups
from image_assets.lookalikes.label_conflicts import held_back
from image_assets.lookalikes.near_duplicates import Library, PairRecord, near_duplicates
from image_assets.lookalikes.reviews import current_conflicts
from image_assets.orchestration.automation import DECIDES
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.reports.conflicts import conflicts_markdown
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import (
    DUPLICATE_GROUPS,
    DUPLICATES,
    IMAGE_FEATURES,
    LABEL_CONFLICTS,
    NEAR_DUPLICATES,
    RAW_IMAGES,
    partition_of,
)
from image_assets.shards.republish import PUBLISH_AGAIN, to_publish_again
from image_assets.store.tables.key_index import hash_index, lookalike_index


def duplicate_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """What tells of pictures that are there twice."""
    return [_near_duplicates(dataset), _duplicate_groups(dataset), _label_conflicts(dataset)]


def _near_duplicates(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @table_asset(dataset, NEAR_DUPLICATES, after=[RAW_IMAGES, IMAGE_FEATURES], kept_by=None, tags=DECIDES)
    def near_duplicates_asset(
        context: dg.AssetExecutionContext,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        partition = partition_of(context.partition_key)
        opened = store.open()
        library = Library(
            opened.table(dataset.name, RAW_IMAGES),
            opened.table(dataset.name, IMAGE_FEATURES),
            hash_index(opened, dataset.name),
            extractors.extractor(dataset).digest,
        )
        with retried(), progress.track(f"near-duplicates {partition}", "images", context.log) as report_progress:
            pairs = near_duplicates(partition, library, dataset.near_duplicates, report_progress)
            record = PairRecord(opened.table_to_write(dataset, NEAR_DUPLICATES), lookalike_index(opened, dataset.name))
            recorded = record.keep(partition, pairs)
        other_category = pairs.filter(pl.col("other_category") != partition.category)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": recorded,
                "pairs": pairs.height,
                "pairs with another category": other_category.height,
            },
        )

    return near_duplicates_asset


def _duplicate_groups(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @table_asset(dataset, DUPLICATE_GROUPS, after=[NEAR_DUPLICATES, IMAGE_FEATURES])
    def groups(store: StoreResource) -> dg.MaterializeResult:
        with retried():
            found = duplicate_groups(EvidenceReader(store.open(), dataset).pairs())
        sizes = found.group_by("group_id").len()["len"].to_list()
        return dg.MaterializeResult(
            value=found,
            metadata={"groups": len(sizes), "images in groups": found.height, "largest group": max(sizes, default=0)},
        )

    return groups


def _label_conflicts(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @table_asset(dataset, LABEL_CONFLICTS, after=[NEAR_DUPLICATES, IMAGE_FEATURES, DUPLICATES])
    def conflicts(store: StoreResource) -> dg.MaterializeResult:
        opened = store.open()
        with retried():
            files = current_conflicts(dataset, opened)
            before = opened.table(dataset.name, LABEL_CONFLICTS).scan().collect()
            again = to_publish_again(dataset, opened, files, before)
            said = conflicts_in(dataset.name, files)
            pictures = conflicts_markdown(said.files, opened.table(dataset.name, RAW_IMAGES))
        return dg.MaterializeResult(
            value=files,
            metadata={
                "conflicts": files["conflict_id"].n_unique(),
                "open": said.open,
                "images held back": held_back(files).height,
                PUBLISH_AGAIN: [str(partition_key(partition)) for partition in again],
                "pictures": dg.MetadataValue.md(pictures),
            },
        )

    return conflicts
