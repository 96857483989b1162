"""What the drift checks warned of on the latest day: a reason for a full refit."""

from __future__ import annotations

from collections.abc import Sequence

from image_assets.classifier.daily.path_choice import Drifted
from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckBook, CheckState
from image_assets.health.drift_days import BESIDE_THE_DAYS_BEFORE, BESIDE_THE_FIRST_DAYS
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.store import Store

_CHECKS = ((RAW_IMAGES.name, "metrics_drift"), (IMAGE_FEATURES.name, "features_drift"))


def flagged_drift(dataset: DatasetSpec, store: Store) -> Drifted:
    """Which drift checks did not pass on the latest day that they looked at.

    Args:
        dataset: The dataset.
        store: Where the results of its checks are kept.
    """
    return drift_of_the_latest_day(CheckBook(store, dataset.name).states(_CHECKS))


def drift_of_the_latest_day(states: Sequence[CheckState]) -> Drifted:
    """The same of states that are known already."""
    latest = max((one.partition.date for one in states if one.partition), default=None)
    flagged = {
        f"{one.check} of {one.partition.category}": _came_slowly(one)
        for one in states
        if one.partition and one.partition.date == latest and one.state in ("warned", "failed")
    }
    return Drifted(
        tuple(sorted(name for name, slowly in flagged.items() if not slowly)),
        tuple(sorted(name for name, slowly in flagged.items() if slowly)),
    )


def _came_slowly(state: CheckState) -> bool:
    return BESIDE_THE_FIRST_DAYS in state.description and BESIDE_THE_DAYS_BEFORE not in state.description
