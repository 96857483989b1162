"""The asset label_suspects: which labels of the whole dataset are in doubt."""

import dagster as dg
import polars as pl

from image_assets.answers.suspects import suspects_in
from image_assets.dataset import DatasetSpec
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import table_asset
from image_assets.reports.suspects import suspects_markdown
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, LABEL_SUSPECTS, NEAR_DUPLICATES, RAW_IMAGES
from image_assets.store.thumbnails import thumbnails_of

_SHOWN = 20


def label_suspects_asset(dataset: DatasetSpec) -> dg.AssetsDefinition:
    """The asset label_suspects of a dataset."""

    @table_asset(dataset, LABEL_SUSPECTS, reads=[IMAGE_FEATURES], after=[NEAR_DUPLICATES], kinds=["scikitlearn"])
    def label_suspects(
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
    ) -> dg.MaterializeResult:
        # cleanlab and scikit-learn take seconds to load, which every run of every other asset would wait for.
        from image_assets.lookalikes.evidence import EvidenceReader
        from image_assets.suspects.suspects import find_suspects

        digest = extractors.extractor(dataset).digest
        with retried():
            opened = store.open()
            pairs = EvidenceReader(opened, dataset).pairs()
            report = find_suspects(image_features, pairs, dataset, digest)
            shown = suspects_in(dataset, opened, report.rows).worst(_SHOWN)
            raw_images = opened.table(dataset.name, RAW_IMAGES)
            pictures = thumbnails_of(raw_images, {one.image_id: one.partition for one in shown})
        if report.skipped:
            context.log.info(report.skipped)
        counts = report.rows.group_by("category", "kind").len().sort("category", "kind")
        return dg.MaterializeResult(
            value=report.rows,
            metadata={
                "images": report.images,
                "labels judged": report.judged,
                "looked at": f"a sample of about {dataset.label_noise.max_rows:,} images" if report.sampled else "all",
                **({"not judged": report.skipped} if report.skipped else {}),
                **{f"{category}, {kind}": number for category, kind, number in counts.iter_rows()},
                "the worst": dg.MetadataValue.md(suspects_markdown(shown, pictures)),
            },
        )

    return label_suspects
