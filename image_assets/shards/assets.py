"""The asset feature_shards: the files that readers of the features take."""

import dagster as dg

from image_assets.categories.record import agree
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, NEAR_DUPLICATES, partition_of
from image_assets.shards.manifest import FEATURE_SHARDS, Exchange, ShardManifest, expected_of, shards_prefix
from image_assets.shards.rows import rows_to_publish
from image_assets.shards.writer import publish
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import counted


def shard_assets(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The published shards of a dataset."""

    @dataset_asset(
        dataset,
        FEATURE_SHARDS,
        f"Features as {dataset.shards.format} files of {dataset.shards.rows:,} rows, with a manifest.",
        partitioned=True,
        reads=[IMAGE_FEATURES],
        after=[NEAR_DUPLICATES],
        kinds={dataset.shards.format},
    )
    def feature_shards(
        context: dg.AssetExecutionContext,
        image_features: PartitionFiles,
        store: StoreResource,
        extractors: ExtractorResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> dg.MaterializeResult:
        partition = partition_of(context.partition_key)
        extractor = extractors.extractor(dataset)
        agree(dataset, store.open())
        with retried():
            reader = EvidenceReader(store.open(), dataset)
            held_back, moved_in = reader.held_back_of(partition), reader.moved_into(partition)
        total = sum(file.rows for file in image_features.files) + moved_in.height
        with retried(), progress.track(f"shards {partition}", "rows", context.log) as report_progress:
            batches = rows_to_publish(image_features, moved_in, dataset.label_of(partition.category))
            manifest = publish(
                counted(batches, total, report_progress),
                store.open().objects(),
                shards_prefix(dataset, partition),
                expected_of(dataset, partition, extractor.width, extractor.digest),
                exchange=Exchange(held_back, moved_in["image_id"].to_list()),
                file_format=dataset.shards.format,
            )
        return dg.MaterializeResult(metadata=_metadata(manifest))

    return feature_shards


def _metadata(manifest: ShardManifest) -> dict:
    records = [dg.TableRecord(shard.model_dump()) for shard in manifest.shards]
    kinds = {"file": "string", "rows": "int", "columns": "int", "bytes": "int", "sha256": "string"}
    return {
        "dagster/row_count": manifest.rows,
        "shards": len(manifest.shards),
        "held back": len(manifest.held_back),
        "moved in": len(manifest.moved_in),
        "bytes": sum(shard.bytes for shard in manifest.shards),
        "files": dg.MetadataValue.table(
            records, schema=dg.TableSchema([dg.TableColumn(*one) for one in kinds.items()])
        ),
    }
