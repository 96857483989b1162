"""Whatever happens in whatever order: one alert per streak of failures, one recovery, nothing lost, nothing twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from itertools import groupby
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from image_assets.alerts import ledger as ledger_module
from image_assets.alerts.delivery import ChannelError, deliver, record
from image_assets.alerts.ledger import Ledger, State
from image_assets.alerts.run_report import RunFailure, RunReport
from image_assets.alerts.text import Text
from image_assets.settings.alerts import AlertChannel, Severity
from tests.alerts.alerted import DATASET, LINKS, Channels, outcome, told
from tests.platform import small_dataset


def expected(passes: list[bool]) -> list[State]:
    """The messages of a history: one where a streak of failures begins, one where it ends."""
    streaks = [passed for passed, _ in groupby(passes)]
    if streaks and streaks[0]:
        streaks = streaks[1:]
    return ["recovered" if passed else "failed" for passed in streaks]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "deep" / "alerts.sqlite")


@pytest.fixture
def channels() -> Channels:
    return Channels()


def test_a_streak_is_told_of_once_and_its_end_once(ledger: Ledger, channels: Channels) -> None:
    for run, passed in enumerate([True, False, False, True, True, False]):
        told(ledger, outcome(run, passed=passed))
        deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == ["failed", "recovered", "failed"]


def test_a_run_that_is_seen_twice_is_told_of_once(ledger: Ledger, channels: Channels) -> None:
    failure = RunFailure("drawn", "drawn_daily", "2026-11-03 plant", "run-1", 1.0, error="killed")
    for _ in range(2):
        record(RunReport((outcome(1, passed=False),), failure), DATASET.alerts, ledger, LINKS)
        deliver(DATASET, ledger, channels)
    assert [state for _, state in channels.sent["TEAM"]] == ["failed", "run failed"]


def test_every_failed_run_is_told_of(ledger: Ledger, channels: Channels) -> None:
    for run in ("run-1", "run-2"):
        record(RunReport(failure=RunFailure("drawn", "drawn_daily", "", run, 1.0)), DATASET.alerts, ledger, LINKS)
    deliver(DATASET, ledger, channels)
    assert [state for _, state in channels.sent["TEAM"]] == ["run failed"] * 2


def test_a_channel_that_is_down_gets_its_messages_later_in_order_and_the_others_at_once(
    ledger: Ledger, channels: Channels
) -> None:
    channels.down = {"TEAM"}
    told(ledger, outcome(1, passed=False))
    deliver(DATASET, ledger, channels)
    told(ledger, outcome(2, passed=True))
    done = deliver(DATASET, ledger, channels)
    assert done.problems == ("channel TEAM is down; 2 alerts wait, to be sent again",)
    assert [(m.tries, m.error) for m in ledger.pending("drawn", "TEAM")] == [(2, "channel TEAM is down"), (0, "")]
    assert channels.states("BOSS", "a") == ["failed", "recovered"]
    assert deliver(DATASET, ledger, channels, only_new=True).problems == ()
    channels.down = set()
    assert deliver(DATASET, ledger, channels).delivered == 2
    assert deliver(DATASET, ledger, channels).delivered == 0
    assert channels.states("TEAM", "a") == ["failed", "recovered"]
    assert all(message.delivered_at for message in ledger.messages())


def test_a_channel_that_comes_later_hears_of_a_check_that_still_fails_but_of_no_recovery_alone(
    ledger: Ledger, channels: Channels
) -> None:
    alone = small_dataset(alerts={"channels": [{"url_env": "BOSS"}]}).alerts
    for check in "ab":
        record(RunReport((outcome(1, passed=False, check=check),)), alone, ledger, LINKS)
    told(ledger, outcome(2, passed=False, check="a"), outcome(2, passed=True, check="b"))
    deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == ["failed"]
    assert channels.states("TEAM", "b") == []
    assert channels.states("BOSS", "b") == ["failed", "recovered"]


def test_a_warning_neither_opens_nor_closes_anything_for_a_channel_of_errors(
    ledger: Ledger, channels: Channels
) -> None:
    told(ledger, outcome(1, passed=False, severity="WARN"))
    told(ledger, outcome(2, passed=False))
    told(ledger, outcome(3, passed=False, severity="WARN"))
    deliver(DATASET, ledger, channels)
    assert channels.states("BOSS", "a") == ["failed"]
    told(ledger, outcome(4, passed=True))
    deliver(DATASET, ledger, channels)
    assert channels.states("BOSS", "a") == ["failed", "recovered"]


def test_a_failure_that_is_seen_after_the_pass_that_followed_it_is_told_of_with_its_end(
    ledger: Ledger, channels: Channels
) -> None:
    told(ledger, outcome(2, passed=True))
    told(ledger, outcome(1, passed=False))
    deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == ["failed", "recovered"]


histories = st.lists(st.booleans(), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), history=histories)
def test_runs_may_be_seen_in_any_order_and_again(data: st.DataObject, history: list[bool]) -> None:
    """One message per streak, and they tell the history as it was, whatever the sensors saw first."""
    runs = [outcome(number, passed=passed) for number, passed in enumerate(history)]
    seen = data.draw(st.permutations(runs)) + data.draw(st.lists(st.sampled_from(runs)))
    with TemporaryDirectory() as folder:
        ledger, channels = Ledger(Path(folder) / "alerts.sqlite"), Channels()
        for one in seen:
            told(ledger, one)
        deliver(DATASET, ledger, channels)
        assert channels.states("TEAM", "a") == expected(history)


steps = st.one_of(
    st.tuples(st.just("run"), st.sampled_from("ab"), st.booleans()),
    st.tuples(st.just("switch"), st.sampled_from(["TEAM", "BOSS"]), st.booleans()),
    st.tuples(st.just("deliver"), st.just(""), st.booleans()),
    st.tuples(st.just("restart"), st.just(""), st.just(True)),
)


@settings(max_examples=60, deadline=None)
@given(story=st.lists(steps, max_size=20))
def test_any_story_of_failures_outages_and_restarts_ends_with_each_message_sent_once(
    story: list[tuple[str, str, bool]],
) -> None:
    severities: dict[str, Severity] = {"a": "ERROR", "b": "WARN"}
    histories: dict[str, list[bool]] = {"a": [], "b": []}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "alerts.sqlite"
        ledger, channels = Ledger(path), Channels()
        for number, (what, who, yes) in enumerate(story):
            if what == "run":
                histories[who].append(yes)
                told(ledger, outcome(number, passed=yes, check=who, severity=severities[who]))
            elif what == "switch":
                channels.down = channels.down - {who} if yes else channels.down | {who}
            elif what == "deliver":
                deliver(DATASET, ledger, channels, only_new=yes)
            else:
                ledger = Ledger(path)
        channels.down = set()
        deliver(DATASET, ledger, channels)
        assert channels.states("TEAM", "a") == channels.states("BOSS", "a") == expected(histories["a"])
        assert channels.states("TEAM", "b") == expected(histories["b"])
        assert channels.states("BOSS", "b") == []  # a warning, below what this channel hears of


# What survives


def _killed_while_sending(path: Path, accepted: bool) -> None:
    class Dying:
        def send(self, channel: AlertChannel, text: Text, state: State) -> None:
            if accepted:
                path.with_name("accepted").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    deliver(DATASET, Ledger(path), Dying())


@pytest.mark.parametrize("accepted", [False, True])
def test_a_process_that_is_killed_while_it_sends_leaves_the_message_to_the_next(
    ledger: Ledger, channels: Channels, accepted: bool
) -> None:
    """The one moment in which a message can come twice: accepted by the channel, and not marked yet."""
    told(ledger, outcome(1, passed=False))
    process = multiprocessing.get_context("spawn").Process(target=_killed_while_sending, args=(ledger.path, accepted))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert ledger.path.with_name("accepted").exists() is accepted
    assert deliver(DATASET, ledger, channels).delivered == 2  # one of each channel
    assert channels.states("TEAM", "a") == ["failed"]


def test_two_never_deliver_at_once(ledger: Ledger, channels: Channels) -> None:
    told(ledger, outcome(1, passed=False))
    with ledger.delivering() as first, ledger.delivering() as second:
        assert (first, second) == (True, False)
        assert deliver(DATASET, ledger, channels).delivered == 0
    assert deliver(DATASET, ledger, channels).delivered == 2


def test_processes_that_record_the_same_at_once_leave_each_message_once(ledger: Ledger, channels: Channels) -> None:
    """Four that make the file at the same moment; whoever writes has it to itself, from reading the streaks on."""
    runs = [outcome(number, passed=number % 3 == 0) for number in range(9)]

    def process(seed: int) -> None:
        for one in Random(seed).sample(runs, len(runs)):
            told(Ledger(ledger.path), one)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(process, range(4)))
    deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == expected([run.passed for run in runs])


def test_streaks_are_read_by_whoever_has_the_file_to_itself(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    announce, looked = ledger_module._announce, []

    def with_another(*given: Any) -> None:
        other = sqlite3.connect(ledger.path, timeout=0, isolation_level=None)
        with closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        looked.append(announce(*given))

    monkeypatch.setattr(ledger_module, "_announce", with_another)
    told(ledger, outcome(1, passed=False))
    assert len(looked) == 2  # for each channel


def test_who_writes_while_another_does_waits_and_gives_up_in_the_end(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(ledger, outcome(1, passed=True))
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(ledger_module, "_BUSY_SECONDS", 0.01)
        with pytest.raises(OperationalError, match="locked"):
            told(Ledger(ledger.path), outcome(2, passed=False))
        assert ledger.pending("drawn", "TEAM") == []  # who only reads need not wait
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(told, Ledger(ledger.path), outcome(2, passed=False))
            assert not wait([waiting], timeout=0.2).done
            other.execute("COMMIT")
            waiting.result()
    assert [message.state for message in ledger.pending("drawn", "TEAM")] == ["failed"]


def test_a_tick_ends_before_dagster_gives_it_up(
    ledger: Ledger, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for check in "abc":
        told(ledger, outcome(1, passed=False, check=check))

    def clock() -> Iterator[float]:
        yield from (0.0, 1.0, 20.0)
        while True:
            yield 40.0

    moments = clock()
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    assert deliver(DATASET, ledger, channels).delivered == 2
    monkeypatch.undo()
    assert deliver(DATASET, ledger, channels).delivered == 4


def test_channels_that_hang_do_not_keep_a_call_from_one_that_answers(
    ledger: Ledger, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("HANGS", "HANGS_TOO", "BOSS")
    dataset = small_dataset(alerts={"channels": [{"url_env": name} for name in names]})
    record(RunReport((outcome(1, passed=False),)), dataset.alerts, ledger, LINKS)
    now = 0.0
    asked: list[str] = []

    class Hanging(Channels):
        def send(self, channel: AlertChannel, text: Text, state: State) -> None:
            nonlocal now
            asked.append(channel.label)
            if channel.label != "BOSS":
                now += 16  # as long as a sender waits for an answer, and a call has time for two of these
                raise ChannelError(f"channel {channel.label} did not answer")
            super().send(channel, text, state)

    hanging = Hanging()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = deliver(dataset, ledger, hanging)
    assert (asked, first.delivered, len(first.problems)) == (["HANGS", "HANGS_TOO"], 0, 2)
    assert deliver(dataset, ledger, hanging).delivered == 1
    assert asked[2:] == ["BOSS", "HANGS", "HANGS_TOO"]


def test_what_is_forgotten_changes_no_message(
    ledger: Ledger, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run, passed in enumerate([True, False, False, True, True, False, False]):
        told(ledger, outcome(run, passed=passed))
    assert ledger.forget_old() == 0
    monkeypatch.setattr(ledger_module, "_KEPT_SECONDS", -1)
    before = ledger.messages()
    assert ledger.forget_old() == 2 * 4
    assert ledger.messages() == before
    told(ledger, outcome(10, passed=False), outcome(11, passed=True))
    deliver(DATASET, ledger, channels)
    assert channels.states("TEAM", "a") == ["failed", "recovered", "failed", "recovered"]
