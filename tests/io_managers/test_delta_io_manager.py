"""The way between Dagster and the tables, when the store is away for a moment."""

from __future__ import annotations

import pytest

from image_assets.orchestration import retrying
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.tables.delta_tables import PartitionedTable
from tests.platform import FIRST, SECOND, Platform


@pytest.mark.parametrize(
    ("method", "table"),
    [
        pytest.param("replace", IMAGE_FEATURES, id="commit of an output"),
        pytest.param("partition_files", RAW_IMAGES, id="read of an input"),
    ],
)
@pytest.mark.parametrize("times", [1, 4])
def test_a_store_that_is_away_for_a_moment_is_asked_again(
    damaged: Platform, monkeypatch: pytest.MonkeyPatch, method: str, table: object, times: int
) -> None:
    monkeypatch.setattr(retrying, "_RETRY_SECONDS", 0)
    failures = iter(range(times))
    real = getattr(PartitionedTable, method)

    def away(self: PartitionedTable, *arguments: object) -> object:
        if self.schema is table and next(failures, None) is not None:
            raise ConnectionResetError("the bucket is away")
        return real(self, *arguments)

    monkeypatch.setattr(PartitionedTable, method, away)
    result = damaged.load(FIRST if times == 1 else SECOND, "plant")
    # Three retries, as for the work of an asset itself; a store that stays away fails the run and is named.
    assert result.ok == (times == 1)
    assert times == 1 or "the bucket is away" in result.errors[0]
