"""What is said of many days and categories alike is one line, which says where it holds."""

from __future__ import annotations

from image_assets.health.causes import brief, by_cause, check_line, one_per_cause
from image_assets.schema import Partition
from tests.platform import FIRST, SECOND

MANY = [Partition(FIRST, f"kind-{number:03d}") for number in range(200)]
PLANT, PLANTATION = Partition(FIRST, "plant"), Partition(FIRST, "plantation")


def test_partitions_are_named_in_few_words() -> None:
    assert brief([PLANT]) == "2026-11-03, plant"
    assert brief([PLANT, Partition(SECOND, "animal")]) == "2 days, 2026-11-03 to 2026-11-04, animal, plant"
    assert brief(MANY) == "2026-11-03, kind-000, kind-001, kind-002, kind-003, kind-004 and 195 more"


def test_what_has_one_cause_comes_together_in_the_order_of_the_first() -> None:
    assert by_cause(["bb", "a", "cc"], len) == [["bb", "cc"], ["a"]]
    assert by_cause([], len) == []


def test_a_check_says_where_it_was_found_and_what_it_says_there() -> None:
    assert check_line("x/y", [(None, "why")]) == "x/y: why"
    assert check_line("x/y", [(PLANT, "")]) == "x/y [2026-11-03 plant]"
    assert check_line("x/y", [(PLANT, "a\nb"), (PLANTATION, "a b")]) == "x/y [2026-11-03, plant, plantation]: a b"
    said = check_line("x/y", [(PLANT, "plant is gone"), (PLANTATION, "plantation is gone")])
    assert said == "x/y [2026-11-03, plant, plantation]: of 2026-11-03 plant: plant is gone"


def test_200_partitions_that_fail_alike_are_one_line() -> None:
    lines = [f"raw_images of {one}: OSError: no space left" for one in MANY]
    assert one_per_cause(lines, MANY) == [f"{lines[0]} (and 199 more like it)"]
    others = [f"raw_images of {PLANT}: OSError: no space left", f"raw_images of {PLANTATION}: a typo"]
    assert one_per_cause(others, [PLANT, PLANTATION]) == others
    same = [others[0], f"raw_images of {PLANTATION}: OSError: no space left"]
    assert one_per_cause(same, [PLANT, PLANTATION]) == [f"{same[0]} (and 1 more like it)"]


def test_beyond_twenty_lines_their_number_is_said() -> None:
    assert one_per_cause([str(number) for number in range(30)], [])[-2:] == ["19", "and 10 more"]
