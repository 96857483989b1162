"""What `status` shows of many days and categories fits a screen, what wants somebody first; the rest is on asking."""

from __future__ import annotations

import datetime as dt

from rich.console import Console

from image_assets.answers.health import CategoryHealth, FolderSize, Health
from image_assets.answers.loaded import PartitionFacts
from image_assets.cli.summary import partition_table
from image_assets.health.check_book import CheckState, CheckStatus
from image_assets.health.days import DayState, OpenDay
from image_assets.reports.health import health_markdown, open_day_lines, show_health
from image_assets.schema import Partition

DAYS = [dt.date(2026, 9, 1) + dt.timedelta(days=number) for number in range(60)]
NAMES = [f"kind-{number:03d}" for number in range(200)]
LATE, DRIFTED = NAMES[150], NAMES[160]


def category(name: str) -> CategoryHealth:
    drift: CheckStatus = "warned" if name == DRIFTED else "passed"
    return CategoryHealth(name, DAYS[-1], DAYS[-1], 3 if name == LATE else 0, 1_000, 0.01, 0.02, None, drift)


def check(day: dt.date, name: str, state: CheckStatus) -> CheckState:
    return CheckState(
        "raw_images", "usual_volume", Partition(day, name), state, f"Much less of {name} arrived on {day}."
    )


HEALTH = Health(
    "many",
    DAYS[-1],
    [category(name) for name in NAMES],
    [check(day, name, "warned") for day in DAYS[:5] for name in NAMES],
    [FolderSize(f"table-{number}", number * 1_000, None) for number in range(20)],
    [OpenDay(Partition(DAYS[7], name), "landed and not run") for name in NAMES],
)


def shown(*, everything: bool) -> list[str]:
    console = Console(record=True, width=160)
    show_health(console, HEALTH, everything=everything)
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


def test_sixty_days_of_two_hundred_categories_fit_a_screen() -> None:
    lines = shown(everything=False)
    assert len(lines) <= 24
    assert lines[0] == f"due by now: {DAYS[-1]}; to be run: 200 days and categories; late: {LATE}"
    assert lines[1].startswith("  landed and not run: 2026-09-08, kind-000, kind-001")
    assert "and 195 more; `image-assets run --day` loads them" in lines[1]
    (cause,) = [line for line in lines if "usual_volume" in line]
    assert "raw_images/usual_volume [5 days, 2026-09-01 to 2026-09-05, kind-000," in cause
    assert "of 2026-09-01 kind-000: Much less of kind-000 arrived" in cause
    categories = [line.split()[0] for line in lines if "kind-" in line.split()[0]]
    assert categories[:2] == [LATE, DRIFTED]
    assert "and 190 more categories (--all shows all)" in lines
    assert lines[-1].startswith("stored: 190 kB, most of it table-19 19.0 kB, table-18 18.0 kB, table-17")


def test_all_of_it_is_there_on_asking() -> None:
    lines = shown(everything=True)
    assert sum("usual_volume" in line for line in lines) == 5 * 200
    assert sum(line.startswith("  landed and not run: ") for line in lines) == 200
    assert sum(line.split()[0] in NAMES for line in lines) == 200
    assert any(line.split()[:2] == ["table-7", "7.0"] for line in lines)


def test_the_page_of_the_asset_groups_in_the_same_way() -> None:
    assert health_markdown(HEALTH).count("usual_volume") == 1


def test_days_that_need_nobody_are_no_line() -> None:
    states: list[DayState] = ["empty", "not landed", "run and failed", "run and failed"]
    found = [OpenDay(Partition(day, "owl"), state) for day, state in zip(DAYS, states, strict=False)]
    (line,) = open_day_lines(found)
    assert line.startswith("run and failed: 2 days, 2026-09-03 to 2026-09-04, owl; ")


def test_a_table_by_day_has_a_line_for_a_day_and_the_same_sums() -> None:
    facts = [
        PartitionFacts(Partition(day, name), 5, 3, 1, {"empty": 1}, 0, 3, None) for day in DAYS[:7] for name in NAMES
    ]
    console = Console(record=True, width=160)
    console.print(partition_table(facts, by_day=True))
    lines = [line.split() for line in console.export_text().splitlines() if line.strip()]
    assert lines[2] == [str(DAYS[0]), "200", "categories", "1,000", "600", "200", "200", "600", "0"]
    assert lines[-1] == ["all", "7,000", "4,200", "1,400", "1,400", "4,200", "0"]
    assert len(lines) == 10
