"""The assets image_boxes, image_chips and box_quarantine, of datasets whose annotations have boxes."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from image_assets.boxes.declared import DeclaredSizes, of_other_sizes
from image_assets.boxes.units import Cutter, cut_units
from image_assets.dataset import DatasetSpec
from image_assets.ingest.annotated.joined_asset import joined_asset
from image_assets.ingest.annotated.joining import Join
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.source import selection_of
from image_assets.ingest.preview import SHEET_IMAGES, picture_sheet
from image_assets.orchestration.partition_ranges import each_partition
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import by_day_and_category, key_of, table_out
from image_assets.resources.engines import EngineResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import ProgressReporter
from image_assets.resources.store import StoreResource
from image_assets.schema import BOX_QUARANTINE, IMAGE_BOXES, IMAGE_CHIPS, RAW_IMAGES, partition_of
from image_assets.settings.annotated import AnnotatedSection
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles

_QUERY = (
    "image_id, (row_number() over (partition by image_id order by r.label, xmin, xmax, ymin, ymax, r.source, "
    "confidence, part, occluded, truncated, group_of, depiction, inside) - 1)::integer as box, "
    "r.label as label_code, r.name as label_name, xmin, xmax, ymin, ymax, confidence, r.source as box_source, "
    "occluded, truncated, group_of, depiction, inside"
)


def box_assets(dataset: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The assets of boxes; none where the dataset's source has no boxes."""
    source = dataset.source
    if not isinstance(source, AnnotatedSection) or not source.with_boxes:
        return []
    return [_image_boxes(dataset, source), _image_chips(dataset)]


def _image_boxes(dataset: DatasetSpec, source: AnnotatedSection) -> dg.AssetsDefinition:
    where = "r.wanted" if source.boxes_of == "selected" else "true"

    def join_of(selection: LabelSelection) -> Join:
        return Join(selection.boxes(), _QUERY, where, selection.digest, source.memory_mb)

    return joined_asset(dataset, IMAGE_BOXES, "boxes", join_of)


def _image_chips(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{dataset.name}__image_chips",
        outs={
            IMAGE_CHIPS.name: table_out(dataset, IMAGE_CHIPS, "image"),
            BOX_QUARANTINE.name: table_out(dataset, BOX_QUARANTINE),
        },
        ins={schema.name: dg.AssetIn(key_of(dataset, schema)) for schema in (RAW_IMAGES, IMAGE_BOXES)},
        **by_day_and_category(dataset),
    )
    @each_partition
    def image_chips(  # noqa: PLR0913  # Dagster hands over inputs and resources by the names of arguments
        context: dg.AssetExecutionContext,
        raw_images: PartitionFiles,
        image_boxes: PartitionFiles,
        landing: LandingResource,
        store: StoreResource,
        engines: EngineResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[dg.Output]:
        partition = partition_of(context.partition_key)
        opened = store.open()
        chips, refused = (opened.table(dataset.name, schema) for schema in (IMAGE_CHIPS, BOX_QUARANTINE))
        cutter = Cutter(raw_images.table, image_boxes.table, chips, refused, partition, dataset.limits)
        with retried(), progress.track(f"chips {partition}", "boxes", context.log) as report_progress:
            selection = selection_of(landing.source(dataset))
            declared = DeclaredSizes(selection.matcher(), selection.sizes())
            sizes = [declared.of(raw_images.table, file) for file in raw_images.files]
            units = cut_units(
                raw_images.files, image_boxes.files, sizes, cutter, engines.engine(dataset), report_progress
            )
        yield dg.Output(
            [unit.chips for unit in units],
            output_name=IMAGE_CHIPS.name,
            metadata={
                "boxes": sum(file.rows for file in image_boxes.files),
                "images of another size than annotated": sum(
                    of_other_sizes(raw_images.table, file, declared_sizes)
                    for file, declared_sizes in zip(raw_images.files, sizes, strict=True)
                ),
                "first chips": _first_chips(chips, [unit.chips for unit in units]),
            },
        )
        yield dg.Output(
            [unit.quarantine for unit in units],
            output_name=BOX_QUARANTINE.name,
            metadata=_reasons(refused, [unit.quarantine for unit in units]),
        )

    return image_chips


# Both read files that are not committed yet: the io manager does that once the step is over.


def _first_chips(table: PartitionedTable, files: Sequence[WrittenFile]) -> dg.MarkdownMetadataValue:
    contents: list[bytes] = []
    if file := next((file for file in files if file.rows), None):
        contents = next(table.files.read(file.path, ["content"], SHEET_IMAGES))["content"].to_pylist()
    return dg.MetadataValue.md(picture_sheet(contents, "chips"))


def _reasons(table: PartitionedTable, files: Sequence[WrittenFile]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for file in files:
        for batch in table.files.read(file.path, ["reason"]):
            reasons.update(batch["reason"].to_pylist())
    return dict(sorted(reasons.items()))
