"""The accounts: what they count, that they balance, and how they are shown."""

from __future__ import annotations

import datetime as dt
import io
import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from image_assets.asset_checks import accounting
from image_assets.asset_checks.check import checks_in
from image_assets.health.accounting import OUTCOMES, Accounts, accounts_of, unbalanced
from image_assets.health.accounting_plot import accounting_plot
from image_assets.ingest.day_book import DayBook
from image_assets.reports.accounts import accounting_markdown, show_accounts
from image_assets.schema import (
    ACCOUNTING,
    ARRIVALS,
    DUPLICATES,
    LABEL_SUSPECTS,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
)
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.counts import rows_per_partition, table_bytes
from image_assets.store.tables.versions import OldTable
from tests.asset_checks.faults import PLANT, Plant, change, failing, first_row_again, outcome
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset

CHECKS = checks_in(accounting)
SUMS = ("listed", "loaded", "duplicates", "quarantined")
NUMBERS = (*SUMS, "companions", "unplaced", "near_duplicates")


def made(days: int, files: int = 900) -> Accounts:
    """Accounts of that many days, with every seventh left out and nine reasons."""
    random = np.random.default_rng(0)
    rows, reasons = [], []
    for number in range(days):
        day = dt.date(2026, 1, 1) + dt.timedelta(number)
        for category in ("plant", "animal") if number % 7 != 6 else ():
            refused = random.poisson(3, 9)
            rows.append((day, category, files + 40 + int(refused.sum()), files, 40, int(refused.sum()), 0, 0, number))
            reasons += [(day, category, f"reason_{i}", int(count)) for i, count in enumerate(refused)]
    return Accounts(
        pl.DataFrame(rows, schema=["date", "category", *NUMBERS], orient="row"),
        pl.DataFrame(reasons, schema=["date", "category", "reason", "files"], orient="row"),
    )


def test_the_table_says_what_became_of_every_file(loaded_platform: Platform) -> None:
    rows = loaded_platform.rows(ACCOUNTING).sort("date", "category")
    assert rows.select("date", "category", *SUMS, "reasons").rows() == [
        (FIRST, "animal", 16, 16, 0, 0, ""),
        (FIRST, "human", 16, 16, 0, 0, ""),
        (FIRST, "plant", 20, 16, 1, 3, "empty 1, not_an_image 2"),
        (SECOND, "animal", 4, 4, 0, 0, ""),
        (SECOND, "human", 4, 4, 0, 0, ""),
        (SECOND, "plant", 5, 4, 1, 0, ""),
    ]
    alike = loaded_platform.rows(NEAR_DUPLICATES).unique(["date", "category", "image_id"])
    for date, category, near in rows.select("date", "category", "near_duplicates").iter_rows():
        assert near == alike.filter(date=date, category=category).height
    assert rows["near_duplicates"].sum() > 0
    assert failing(loaded_platform, CHECKS) == set()
    assert outcome(loaded_platform, accounting.accounts_balance).figures["listed"] == 65
    assert (loaded_platform.files / "drawn/plots/accounting.png").exists()


def test_images_are_not_read_for_it(damaged: Platform) -> None:
    before = accounts_of(damaged.store, "drawn")
    for table in (ARRIVALS, RAW_IMAGES, DUPLICATES):
        for file in (damaged.files / "drawn" / table.name).rglob("*.parquet"):
            file.unlink()
    assert accounts_of(damaged.store, "drawn").rows.equals(before.rows)


def test_tables_without_partitions_and_sizes_are_counted_too(loaded_platform: Platform) -> None:
    suspects = rows_per_partition(loaded_platform.store, "drawn", LABEL_SUSPECTS)
    assert suspects["rows"].sum() == loaded_platform.rows(LABEL_SUSPECTS).height
    folder = loaded_platform.files / "drawn" / RAW_IMAGES.name
    assert table_bytes(loaded_platform.store, "drawn", RAW_IMAGES) == sum(
        file.stat().st_size for file in folder.rglob("date=*/**/*.parquet")
    )
    assert table_bytes(loaded_platform.store, "nothing", RAW_IMAGES) == 0
    assert not (folder.parent / "nothing").exists()


FAULTS: dict[str, Plant] = {
    "image lost": change(RAW_IMAGES, lambda rows: rows.slice(1)),
    "all images lost": change(RAW_IMAGES, lambda rows: rows.clear()),
    "image twice": change(RAW_IMAGES, first_row_again),
    "duplicate lost": change(DUPLICATES, lambda rows: rows.clear()),
    "quarantine lost": change(QUARANTINE, lambda rows: rows.slice(1)),
    "listing lost": change(ARRIVALS, lambda rows: rows.clear()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_balance_is_named(damaged: Platform, fault: str) -> None:
    FAULTS[fault](damaged)
    damaged.replace_rows(ACCOUNTING, None, accounts_of(damaged.store, "drawn").table())
    assert failing(damaged, CHECKS) == {"accounts_balance"}
    found = outcome(damaged, accounting.accounts_balance)
    assert f"{PLANT}" in found.advice
    assert found.sample is not None
    assert found.sample.height == 1


def test_it_is_reported_although_the_day_did_not_come_through(damaged: Platform) -> None:
    FAULTS["image lost"](damaged)
    job = damaged.definitions().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.get_subset(asset_selection={dg.AssetKey(["drawn", "accounting"])}).execute_in_process(
            instance=instance, raise_on_error=False
        )
    (made,) = result.get_asset_materialization_events()
    metadata = made.materialization.metadata
    assert metadata["loaded"].value == 59
    assert "| 2026-11-03 | plant | 20 | 15 | 1 | 3 | 0 | empty 1, not_an_image 2 |" in str(metadata["accounts"].value)
    (evaluation,) = (e for e in result.get_asset_check_evaluations() if e.check_name == "accounts_balance")
    assert not evaluation.passed
    assert not result.success


def test_without_anything_there_are_no_accounts(tmp_path) -> None:
    empty = Platform(small_dataset(), tmp_path)
    accounts = accounts_of(empty.store, "drawn")
    assert accounts.rows.is_empty()
    assert accounts.wide().columns == ["date", "category", *NUMBERS]
    assert accounting_markdown(accounts) == "nothing has arrived yet"
    assert accounting_plot(accounts, "drawn").startswith(b"\x89PNG")
    assert failing(empty, CHECKS) == set()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(*[st.integers(0, 5)] * 6), max_size=6))
def test_just_the_rows_that_do_not_add_up_are_unbalanced(numbers: list[tuple[int, ...]]) -> None:
    columns = ("listed", *OUTCOMES)
    rows = pl.DataFrame(numbers, schema=dict.fromkeys(columns, pl.Int64), orient="row")
    assert unbalanced(rows).select(columns).rows() == [row for row in numbers if row[0] != sum(row[1:])]


def test_what_arrived_in_no_category_is_a_row_of_the_accounts(tmp_path: Path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(4))
    land_pictures(platform.landing, str(FIRST), "plants", 1, range(3))
    land_pictures(platform.landing, "20261103", "plant", 2, range(2))
    land_pictures(platform.landing, "2026_11_04", "plant", 2, range(2))
    (platform.landing / str(FIRST) / "stray.png").write_bytes(b"stray")
    (platform.landing / str(FIRST) / "empty").mkdir()
    warned = platform.load(FIRST, "plant").warnings
    rows = accounts_of(platform.store, "drawn").rows.select("date", "category", "listed", "loaded", "unplaced").rows()
    assert rows == [(FIRST, "(no category)", 6, 0, 6), (FIRST, "plant", 4, 4, 0)]
    run = DayBook(platform.store, "drawn").run_of(Partition(FIRST, "plant"))
    assert run is not None
    assert run.unplaced == ("empty", "plants", "stray.png", f"20261103 (must be named {FIRST})")
    assert "20261103 (must be named 2026-11-03)" in " ".join(warned)
    assert "2026_11_04" not in " ".join(warned)
    printed = io.StringIO()
    show_accounts(Console(width=200, file=printed), "drawn", accounts_of(platform.store, "drawn"))
    assert "unplaced" in printed.getvalue()
    # What is put right leaves the accounts with the next run.
    for name in ("20261103", "2026_11_04", f"{FIRST}/plants", f"{FIRST}/empty"):
        shutil.rmtree(platform.landing / name)
    (platform.landing / str(FIRST) / "stray.png").unlink()
    assert platform.load(FIRST, "animal").warnings == []
    assert accounts_of(platform.store, "drawn").rows.select("category", "unplaced").rows() == [("plant", 0)]


def test_accounts_of_an_earlier_version_are_made_anew(tmp_path: Path) -> None:
    delta_log._idle.clear()
    store = Store(str(tmp_path))
    earlier = replace(
        ACCOUNTING, columns=tuple(c for c in ACCOUNTING.columns if c.name not in ("companions", "unplaced"))
    )
    row = {"date": FIRST, "category": "plant", "listed": 1, "loaded": 1, "duplicates": 0, "quarantined": 0}
    row |= {"companions": 0, "unplaced": 0, "near_duplicates": 0, "reasons": ""}
    frame = pl.DataFrame([row])
    old = store.table("drawn", earlier)
    old.replace(None, [old.write_frame(None, frame.select(earlier.file_schema.names))])
    delta_log._idle.clear()  # as in the process of the new version
    table = store.table("drawn", ACCOUNTING)
    assert table_bytes(store, "drawn", ACCOUNTING) > 0
    with pytest.raises(OldTable, match="run a day, and it is made anew"):
        table.scan()
    table.replace(None, [table.write_frame(None, frame)])
    assert table.scan().collect().to_dicts() == [row]
    assert not table.replace(None, [table.write_frame(None, frame)]).changed


def test_the_wide_table_has_a_column_per_reason_and_its_sums_agree() -> None:
    wide = made(9).wide()
    reasons = [f"reason_{i}" for i in range(9)]
    assert wide.columns == ["date", "category", *NUMBERS, *reasons]
    assert (wide.select(pl.sum_horizontal(reasons)).to_series() == wide["quarantined"]).all()


def test_the_page_shows_the_newest_days_first_and_the_sums_of_all() -> None:
    lines = accounting_markdown(made(365)).splitlines()
    assert lines[2].startswith("| all |  | ")
    assert lines[3].startswith("| 2026-12-31 | animal |")
    assert len(lines) == 3 + 200 + 2
    assert lines[-1] == f"and {made(365).rows.height - 200} earlier rows"


@pytest.mark.parametrize("days", [1, 3, 90, 365])
def test_the_plot_has_a_bar_per_day_and_a_gap_where_nothing_arrived(days: int) -> None:
    png = accounting_plot(made(days), "drawn")
    assert png == accounting_plot(made(days), "drawn")
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert image.shape == (620, 1000, 3)
    # A line through the bars of what was loaded, below the legend: runs of blue are bars.
    blue = np.abs(image[300] - (0x00, 0x72, 0xB2)).sum(axis=1) < 6
    bars = int(np.sum(np.diff(blue.astype(int)) == 1))
    shown = min(days, 120)
    first = dt.date(2026, 1, 1) + dt.timedelta(days - shown)
    expected = [first + dt.timedelta(n) for n in range(shown)]
    assert bars == sum((day - dt.date(2026, 1, 1)).days % 7 != 6 for day in expected)
