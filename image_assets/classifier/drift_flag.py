"""Whether the drift checks warned of the latest day: a reason for a full refit."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.quality.check_book import CheckState
from image_assets.quality.check_states import check_states
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from io_managers.store import Store

_CHECKS = ((RAW_IMAGES.name, "metrics_drift"), (IMAGE_FEATURES.name, "features_drift"))


def flagged_drift(dataset: DatasetSpec, store: Store) -> str:
    """Which drift checks did not pass on the latest day that they looked at, in words; empty where all did.

    Args:
        dataset: The dataset.
        store: Where the results of its checks are kept.
    """
    keys = [dg.AssetCheckKey(dg.AssetKey([dataset.name, asset]), name) for asset, name in _CHECKS]
    return drift_of_the_latest_day(check_states(store, dataset.name, keys))


def drift_of_the_latest_day(states: Sequence[CheckState]) -> str:
    """The same of states that are known already."""
    latest = max((one.partition.date for one in states if one.partition), default=None)
    flagged = [
        f"{one.check} of {one.partition.category}"
        for one in states
        if one.partition and one.partition.date == latest and one.state in ("warned", "failed")
    ]
    return f"{', '.join(sorted(flagged))} on {latest}" if flagged else ""
