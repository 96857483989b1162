"""The assets on the health of a dataset: accounting and health."""

from collections.abc import Sequence

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.orchestration.automation import once_a_day_is_over
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.orchestration.table_assets import dataset_asset, table_asset
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import (
    ACCOUNTING,
    ARRIVALS,
    DUPLICATES,
    IMAGE_FEATURES,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
)

HEALTH = "health"
# The features are not counted: with the last it is by them that the day is known to be complete.
_COUNTED = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, IMAGE_FEATURES, NEAR_DUPLICATES)


def health_assets(
    dataset: DatasetSpec, of_a_day: Sequence[dg.AssetKey], check_keys: Sequence[dg.AssetCheckKey]
) -> list[dg.AssetsDefinition]:
    """The assets on the health of a dataset.

    Args:
        dataset: Whose.
        of_a_day: All of its assets of a day and category.
        check_keys: All of its checks.
    """
    return [_accounting(dataset), _health(dataset, of_a_day, check_keys)]


def _accounting(dataset: DatasetSpec) -> dg.AssetsDefinition:
    @table_asset(dataset, ACCOUNTING, after=_COUNTED, automation_condition=once_a_day_is_over(dataset))
    def accounting(store: StoreResource) -> dg.MaterializeResult:
        from image_assets.answers.accounts import account_book
        from image_assets.health.accounting_plot import accounting_plot
        from image_assets.reports.accounts import accounting_markdown

        with retried():
            accounts = account_book(store.open(), dataset.name).tables
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


def _health(
    dataset: DatasetSpec, of_a_day: Sequence[dg.AssetKey], check_keys: Sequence[dg.AssetCheckKey]
) -> dg.AssetsDefinition:
    @dataset_asset(
        dataset,
        HEALTH,
        "How recent the data is, what the checks last said, and how much storage it takes.",
        deps=of_a_day,
        automation_condition=once_a_day_is_over(dataset),
        # The last step of a run, so that it knows what the others' checks have found.
        op_tags={"dagster/priority": "-1"},
    )
    def health(
        context: dg.AssetExecutionContext, store: StoreResource, landing: LandingResource
    ) -> dg.MaterializeResult:
        from image_assets.answers.health import health_of
        from image_assets.health.check_book import count_states, latest_states
        from image_assets.orchestration.unfinished_checks import unfinished_checks
        from image_assets.reports.health import health_markdown

        with retried():
            source = landing.source(dataset)
            unfinished = unfinished_checks(context.instance, store.open(), dataset.name, check_keys)
            checks = latest_states(store.open(), dataset, unfinished)
            found = health_of(dataset, store.open(), checks, source=source)
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
