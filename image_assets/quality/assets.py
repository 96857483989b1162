"""The assets on quality over the whole dataset: label_suspects, accounting and health."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from image_assets.automation import once_a_day_is_complete, once_a_day_is_over, partitioned_assets, retried
from image_assets.dataset import DatasetSpec
from image_assets.schema import (
    ACCOUNTING,
    ARRIVALS,
    DUPLICATES,
    IMAGE_FEATURES,
    LABEL_SUSPECTS,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
)
from io_managers.plots import save_plot
from io_managers.store import Store
from io_managers.table_metadata import column_schema
from resources.extractors import ExtractorResource
from resources.landing import LandingResource
from resources.store import StoreResource

HEALTH = "health"
_SHOWN = 20
# The features are not counted: with the last it is by them that the day is known to be complete.
_COUNTED = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, IMAGE_FEATURES, NEAR_DUPLICATES)


def quality_assets(dataset: DatasetSpec, check_keys: Sequence[dg.AssetCheckKey]) -> list[dg.AssetsDefinition]:
    """The assets on quality of a dataset, of which `check_keys` are all the checks."""
    return [_label_suspects(dataset), _accounting(dataset), _health(dataset, check_keys)]


def _label_suspects(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @dg.asset(
        key=[dataset.name, LABEL_SUSPECTS.name],
        ins={"image_features": dg.AssetIn([dataset.name, IMAGE_FEATURES.name])},
        deps=[[dataset.name, NEAR_DUPLICATES.name]],
        description=LABEL_SUSPECTS.meaning,
        group_name=dataset.name,
        owners=dataset.owners,
        kinds={"deltalake", "scikitlearn"},
        metadata={"dagster/column_schema": column_schema(LABEL_SUSPECTS)},
        automation_condition=once_a_day_is_complete(dataset),
        io_manager_key="tables",
    )
    def label_suspects(
        context: dg.AssetExecutionContext,
        image_features: pl.LazyFrame,
        store: StoreResource,
        extractors: ExtractorResource,
    ) -> dg.MaterializeResult:
        # cleanlab and scikit-learn take seconds to load, which every run of every other asset would wait for.
        from image_assets.quality.evidence import EvidenceReader
        from image_assets.quality.suspects import find_suspects, suspects_markdown, worst

        digest = extractors.extractor(dataset).digest
        with retried():
            pairs = EvidenceReader(store.open(), dataset).pairs()
            report = find_suspects(image_features, pairs, dataset, digest)
            shown = worst(report.rows, _SHOWN)
            pictures = _thumbnails(store.open(), dataset, shown)
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


def _thumbnails(store: Store, dataset: DatasetSpec, rows: pl.DataFrame) -> dict[str, bytes]:
    """The thumbnails of suspects, by image id."""
    from image_assets.quality.suspects import partitions_of_suspects

    images = store.table(dataset.name, RAW_IMAGES).scan(partitions_of_suspects(rows))
    wanted = images.filter(pl.col("image_id").is_in(rows["image_id"].implode()))
    return dict(wanted.select("image_id", "thumbnail").collect().iter_rows())


def _accounting(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @dg.asset(
        key=[dataset.name, ACCOUNTING.name],
        deps=[[dataset.name, schema.name] for schema in _COUNTED],
        description=ACCOUNTING.meaning,
        group_name=dataset.name,
        owners=dataset.owners,
        kinds={"deltalake"},
        metadata={"dagster/column_schema": column_schema(ACCOUNTING)},
        automation_condition=once_a_day_is_over(dataset),
        io_manager_key="tables",
    )
    def accounting(store: StoreResource) -> dg.MaterializeResult:
        from image_assets.quality.accounting import accounts_of
        from image_assets.quality.accounting_plot import accounting_plot
        from image_assets.quality.accounting_report import accounting_markdown

        with retried():
            accounts = accounts_of(store.open(), dataset.name)
            plot = save_plot(store.open(), dataset.name, ACCOUNTING.name, accounting_plot(accounts, dataset.name))
        return dg.MaterializeResult(
            value=accounts.table(),
            metadata={
                **{name: int(accounts.rows[name].sum()) for name in accounts.rows.columns[2:]},
                "accounts": dg.MetadataValue.md(accounting_markdown(accounts)),
                "per day": plot,
            },
        )

    return accounting


def _health(dataset: DatasetSpec, check_keys: Sequence[dg.AssetCheckKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[dataset.name, HEALTH],
        deps=[[dataset.name, name] for name in partitioned_assets(dataset)],
        description="How recent the data is, what the checks last said, and how much storage it takes.",
        group_name=dataset.name,
        owners=dataset.owners,
        automation_condition=once_a_day_is_over(dataset),
        # The last step of a run, so that it knows what the others' checks have found.
        op_tags={"dagster/priority": "-1"},
    )
    def health(
        context: dg.AssetExecutionContext, store: StoreResource, landing: LandingResource
    ) -> dg.MaterializeResult:
        from image_assets.quality.check_states import count_states
        from image_assets.quality.health import health_of
        from image_assets.quality.health_report import health_markdown

        with retried():
            source = landing.source(dataset)
            found = health_of(dataset, store.open(), context.instance, check_keys, source=source)
        return dg.MaterializeResult(
            metadata={
                "late categories": len(found.stale),
                "days and categories to be run": len(found.to_be_run),
                **{f"checks {state}": number for state, number in count_states(found.checks or []).items()},
                **{f"quarantine rate, {one.category}": round(one.quarantine_rate, 4) for one in found.categories},
                "bytes": found.stored,
                "report": dg.MetadataValue.md(health_markdown(found)),
            }
        )

    return health
