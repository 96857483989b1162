"""What must hold: one module per asset, built for each dataset by a factory."""

from collections.abc import Iterable
from itertools import groupby

import dagster as dg

from image_assets.asset_checks import volume
from image_assets.asset_checks.check import Check, asset_checks_of
from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.dataset import DatasetSpec


def checks_of(dataset: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    """All checks of a dataset: one step for each of its assets that has any."""
    groups = [group for group in CHECK_GROUPS if group.has(dataset)]
    found = []
    for (asset, partitioned), same in groupby(groups, key=lambda group: (group.asset, group.partitioned)):
        those = list(same)
        checks = [volume.as_wanted(one, dataset) for group in those for one in group.checks]
        besides = [name for group in those for name in group.besides]
        found.append(asset_checks_of(dataset, asset, checks, partitioned=partitioned, besides=besides))
    return found


def check_keys(checks: Iterable[dg.AssetChecksDefinition]) -> list[dg.AssetCheckKey]:
    """The keys of checks, in their order."""
    return [key for layer in checks for key in layer.check_keys]


def all_checks() -> list[Check]:
    """Every check that a dataset can have, in the order of the assets."""
    return [one for group in CHECK_GROUPS for one in group.checks]
