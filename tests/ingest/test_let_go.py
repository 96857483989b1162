"""Rows of quarantine that are let go of: the accounts stay whole, whatever comes in between, and say what went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest

from image_assets.answers.accounts import account_book
from image_assets.answers.loaded import partition_facts
from image_assets.asset_checks.raw_images import every_arrival_accounted_for, quarantine_rate
from image_assets.exploration.statistics import image_statistics
from image_assets.health.accounting import Accounts, accounts_of
from image_assets.ingest.let_go import QuarantineKept, names_of
from image_assets.removal.removal import Removal
from image_assets.reports.accounts import accounting_markdown
from image_assets.schema import ARRIVALS, LET_GO, QUARANTINE, RAW_IMAGES
from image_assets.store.tables.delta_tables import CommitConflict, PartitionedTable
from image_assets.store.tables.unlisted import UnlistedFiles
from tests.asset_checks.faults import failing, outcome
from tests.platform import FIRST, SECOND, Platform
from tests.removal.images import PLANTS, id_of

TODAY = dt.date(2027, 3, 1)
CHECKS = [every_arrival_accounted_for, quarantine_rate]


class Killed(BaseException):
    """Stands for the process being killed: nothing that catches errors catches it."""


def kept(platform: Platform) -> QuarantineKept:
    return QuarantineKept(platform.store, "drawn")


def accounts(platform: Platform) -> Accounts:
    return accounts_of(platform.store, "drawn")


def same(one: Accounts, other: Accounts) -> bool:
    return one.rows.equals(other.rows) and one.reasons.equals(other.reasons)


def killed_before(patch: pytest.MonkeyPatch, method: str) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    patch.setattr(PartitionedTable, method, killed)


def let_go(platform: Platform) -> int:
    return kept(platform).let_go(PLANTS, TODAY)


def test_the_rows_go_and_every_sum_stays_and_says_so(damaged: Platform) -> None:
    before, facts = accounts(damaged), partition_facts(damaged.dataset, damaged.store, [PLANTS])
    refused = image_statistics(damaged.store, "drawn").refused
    assert kept(damaged).due(SECOND) == {PLANTS: 3}
    assert let_go(damaged) == 3
    assert damaged.rows(QUARANTINE, PLANTS).is_empty()
    after = accounts(damaged)
    assert same(before, after)
    assert before.let_go.is_empty()
    assert after.let_go.rows() == [(FIRST, "plant", 3, TODAY)]
    assert after.unbalanced().is_empty()
    assert partition_facts(damaged.dataset, damaged.store, [PLANTS]) == facts
    assert image_statistics(damaged.store, "drawn").refused.equals(refused)
    assert failing(damaged, CHECKS, PLANTS) == set()
    figures = outcome(damaged, every_arrival_accounted_for, PLANTS).figures
    assert (figures["quarantined"], figures["of quarantine let go of"], figures["on"]) == (0, 3, "2027-03-01")
    assert outcome(damaged, quarantine_rate, PLANTS).figures["quarantined"] == 3
    (account,) = [one for one in account_book(damaged.store, "drawn").accounts if one.partition == PLANTS]
    assert (account.let_go, account.let_go_on, account.balances) == (3, TODAY, True)
    assert "of 3 files in quarantine, of days up to 2026-11-03" in accounting_markdown(after)
    assert "only the numbers" not in accounting_markdown(before)


def test_a_second_time_nothing_changes(damaged: Platform) -> None:
    let_go(damaged)
    after, counts = accounts(damaged), damaged.rows(LET_GO)
    assert kept(damaged).due(TODAY) == {}
    assert let_go(damaged) == 0
    assert same(after, accounts(damaged))
    assert counts.equals(damaged.rows(LET_GO))


def test_killed_between_the_counts_and_the_rows_nothing_counts_twice_and_it_goes_on(damaged: Platform) -> None:
    before, rows = accounts(damaged), damaged.rows(QUARANTINE, PLANTS)
    with pytest.MonkeyPatch.context() as patch:
        killed_before(patch, "replace_exclusively")
        with pytest.raises(Killed):
            let_go(damaged)
    assert not damaged.rows(LET_GO).is_empty()
    assert damaged.rows(QUARANTINE, PLANTS).equals(rows)
    assert same(before, accounts(damaged))
    assert accounts(damaged).let_go.is_empty()
    assert failing(damaged, CHECKS, PLANTS) == set()
    assert let_go(damaged) == 3
    assert same(before, accounts(damaged))
    assert failing(damaged, CHECKS, PLANTS) == set()


def test_what_was_loaded_meanwhile_is_not_let_go_of(damaged: Platform) -> None:
    rows, real = damaged.rows(QUARANTINE, PLANTS), PartitionedTable.replace_exclusively

    def late(table: PartitionedTable, *given: object) -> object:
        more = rows.head(1).with_columns(source=pl.lit("one more"))
        damaged.replace_rows(QUARANTINE, PLANTS, pl.concat([rows, more]))
        return real(table, *given)  # pyright: ignore[reportArgumentType]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartitionedTable, "replace_exclusively", late)
        with pytest.raises(CommitConflict, match="loaded it meanwhile"):
            let_go(damaged)
    assert damaged.rows(QUARANTINE, PLANTS).height == 4
    assert accounts(damaged).let_go.is_empty()


def without_counts(platform: Platform) -> None:
    platform.replace_rows(QUARANTINE, PLANTS, platform.rows(QUARANTINE, PLANTS).head(0))


def with_other_counts(platform: Platform) -> None:
    let_go(platform)
    platform.replace_rows(LET_GO, PLANTS, platform.rows(LET_GO, PLANTS).with_columns(files=pl.lit(2, pl.Int64)))


def with_a_loss_of_as_many(platform: Platform) -> None:
    """One of the three was not let go of, and an image is gone: the numbers are right, and the names are not."""
    let_go(platform)
    images = platform.rows(RAW_IMAGES, PLANTS)
    platform.replace_rows(RAW_IMAGES, PLANTS, images.tail(-1))
    listed = platform.rows(ARRIVALS, PLANTS)
    platform.replace_rows(ARRIVALS, PLANTS, listed.filter(~pl.col("source").str.ends_with("empty.png")))
    assert accounts(platform).unbalanced().is_empty()


@pytest.mark.parametrize("fault", [without_counts, with_other_counts, with_a_loss_of_as_many])
def test_rows_that_went_without_their_counts_are_told(damaged: Platform, fault: Callable[[Platform], None]) -> None:
    fault(damaged)
    assert failing(damaged, [every_arrival_accounted_for], PLANTS) == {"every_arrival_accounted_for"}
    assert accounts(damaged).unbalanced().is_empty() == (fault is with_a_loss_of_as_many)


@pytest.mark.parametrize("files", ["still there", "moved away by gc"])
def test_a_day_that_is_run_again_has_its_rows_again_and_no_counts(damaged: Platform, files: str) -> None:
    before, rows = accounts(damaged), damaged.rows(QUARANTINE, PLANTS)
    let_go(damaged)
    if files != "still there":
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        assert UnlistedFiles(damaged.store, "drawn").collect(later, later).moved
    assert damaged.load(FIRST, "plant").ok
    assert damaged.rows(QUARANTINE, PLANTS).sort("source").equals(rows.sort("source"))
    assert damaged.rows(LET_GO, PLANTS).is_empty()
    assert same(before, accounts(damaged))
    assert let_go(damaged) == 3
    assert same(before, accounts(damaged))


def test_a_day_that_comes_without_the_refused_files_has_no_counts_of_them_left(damaged: Platform) -> None:
    let_go(damaged)
    for name in ("error.jpg", "same error.jpg", "empty.png"):
        (damaged.landing / f"{FIRST}/plant/{name}").unlink()
    assert damaged.load(FIRST, "plant").ok
    row = accounts(damaged).rows.filter(pl.col("date") == FIRST, pl.col("category") == "plant").row(0, named=True)
    assert (row["listed"], row["quarantined"]) == (17, 0)
    assert accounts(damaged).unbalanced().is_empty()
    assert failing(damaged, CHECKS, PLANTS) == set()


def test_an_image_that_is_removed_later_brings_nothing_back(damaged: Platform) -> None:
    let_go(damaged)
    removal = Removal.of(damaged.dataset, damaged.store, [id_of(damaged)], "request 18", dt.datetime.now(dt.UTC))
    removal.begin()
    removal.take_out()
    assert removal.end() == []
    assert damaged.rows(QUARANTINE, PLANTS)["reason"].unique().to_list() == ["removed"]
    after = accounts(damaged)
    assert after.unbalanced().is_empty()
    assert after.let_go["files"].to_list() == [3]
    assert failing(damaged, CHECKS, PLANTS) == set()


def test_names_are_told_apart_in_any_order() -> None:
    assert names_of(["a", "b"]) == names_of(["b", "a"])
    assert len({names_of(["a"]), names_of(["b"]), names_of(["a", "b"]), names_of([])}) == 4
