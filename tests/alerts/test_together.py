"""Many categories that fail alike are two messages and not two hundred: the first at once, the others together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.alerts import delivery
from image_assets.alerts.delivery import deliver, record
from image_assets.alerts.ledger import Ledger, Message
from image_assets.alerts.run_report import CheckOutcome, RunFailure, RunReport
from image_assets.alerts.text import Text
from image_assets.alerts.together import grouped, text_of
from tests.alerts.alerted import DATASET, LINKS, Channels
from tests.platform import FIRST


def message(number: int, partition: str, *, passed: bool = False, check: str = "a") -> Message:
    said = f"{'recovered: ' if passed else ''}{check}, {partition}"
    state = "recovered" if passed else "failed"
    return Message(
        number, "TEAM", "drawn", state, "ERROR", Text(said, "why"), 0, 0, None, 0, None, "", check, partition
    )


def numbers(groups: Sequence[Sequence[Message]]) -> list[list[int]]:
    return [[one.id for one in group] for group in groups]


def test_one_check_in_several_partitions_is_one_message_and_another_check_is_another() -> None:
    waiting = [message(0, "plant"), message(1, "plant", check="b"), message(2, "animal"), message(3, "human")]
    groups, held = grouped(waiting, {})
    assert (numbers(groups), held) == ([[0, 2, 3], [1]], 0)
    text = text_of(groups[0])
    assert text.title == "a, plant, animal, human"
    assert text.body.startswith("why\n\nSo far of plant.")
    assert text.body.endswith("\n- animal\n- human")
    assert text_of(groups[1]) == waiting[1].text


def test_what_follows_waits_while_the_first_is_new_but_not_what_fails_again() -> None:
    others = [
        message(0, "animal"),
        message(1, "human"),
        message(2, "animal", passed=True),
        message(3, "owl", check="b"),
    ]
    groups, held = grouped(others, {"a": {"plant"}})
    # The end of a failure that is not told of yet is not told of before it.
    assert (numbers(groups), held) == ([[3]], 3)
    assert numbers(grouped(others, {"a": {"animal"}})[0]) == [[0, 1], [2], [3]]


histories = st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=12)


@given(histories)
def test_nothing_is_lost_and_of_every_partition_the_order_stays(history: list[tuple[str, bool]]) -> None:
    waiting = [message(number, partition, passed=passed) for number, (partition, passed) in enumerate(history)]
    groups, held = grouped(waiting, {})
    assert held == 0
    sent = [one for group in groups for one in group]
    assert sorted(one.id for one in sent) == list(range(len(history)))
    for partition in "xyz":
        mine = [one.id for one in sent if one.partition == partition]
        assert mine == sorted(mine)


def fail(ledger: Ledger, categories: Sequence[str]) -> None:
    for number, category in enumerate(categories):
        where = f"{FIRST} {category}"
        outcome = CheckOutcome("drawn", "raw_images", "a", where, f"run-{category}", number, False, "ERROR")
        record(RunReport((outcome,)), DATASET.alerts, ledger, LINKS)


def test_two_hundred_categories_are_two_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, channels = Ledger(tmp_path / "alerts.sqlite"), Channels()
    fail(ledger, ["plant"])
    deliver(DATASET, ledger, channels)
    fail(ledger, [f"kind-{number}" for number in range(199)])
    done = deliver(DATASET, ledger, channels)
    assert (done.delivered, done.held) == (0, 2 * 199)
    monkeypatch.setattr(delivery, "HOLD_SECONDS", 0)
    assert deliver(DATASET, ledger, channels).delivered == 2 * 199
    titles = [title for title, _ in channels.sent["TEAM"]]
    assert titles[0] == "[drawn] ERROR: raw_images/a failed, 2026-11-03 plant"
    assert titles[1].endswith("kind-3, 2026-11-03 kind-4 and 194 more")
    assert len(titles) == 2
    assert ledger.pending("drawn", "TEAM") == []


def test_runs_that_fail_alike_are_told_together_and_two_of_one_partition_apart(tmp_path: Path) -> None:
    ledger, channels = Ledger(tmp_path / "alerts.sqlite"), Channels()
    for run, category in (("1", "plant"), ("2", "animal"), ("3", "plant")):
        failure = RunFailure("drawn", "drawn_daily", f"{FIRST} {category}", run, float(run), error="killed")
        record(RunReport(failure=failure), DATASET.alerts, ledger, LINKS)
    deliver(DATASET, ledger, channels)
    assert [title for title, _ in channels.sent["TEAM"]] == [
        "[drawn] run failed: drawn_daily, 2026-11-03 plant, 2026-11-03 animal",
        "[drawn] run failed: drawn_daily, 2026-11-03 plant",
    ]
