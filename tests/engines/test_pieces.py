"""A unit in several processes: the same rows in the same order, whatever becomes of the processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets import workers
from image_assets.engines import pieces as in_pieces
from image_assets.engines import processes
from image_assets.engines.engine import UnitLost
from image_assets.engines.pieces import made_in_order, spans
from image_assets.engines.processes import ProcessesError, drop_pool, processes_for
from image_assets.engines.worker import Work
from image_assets.environment import PROCESSES
from image_assets.workers import cores
from tests.engines import worked
from tests.torture.size import rounds_of

ROOT = Path(__file__).resolve().parents[2]
PIECES = [range(start, start + 2) for start in range(0, 20, 2)]


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESSES.name, "2")


@pytest.fixture(scope="module", autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    drop_pool()


def done(work: Work, pieces: list[range]) -> list[tuple[int, int]]:
    """The first number of every batch, and the process that made it."""
    with made_in_order(work, pieces, 4) as steps:
        return [(rows["number"][0].as_py(), process) for rows, process in steps]


def test_steps_come_in_order_from_as_many_processes_as_were_asked_for() -> None:
    made = done(worked.numbers, PIECES)
    assert [number for number, _ in made] == [*range(20)]
    made_by = {process for _, process in made}
    assert 1 <= len(made_by) <= 2
    assert os.getpid() not in made_by
    with made_in_order(worked.numbers, PIECES, 4) as steps:
        list(steps)
        assert steps.peak_bytes > 10_000_000


def test_one_piece_is_done_in_this_process() -> None:
    assert done(worked.numbers, [range(3)]) == [(number, os.getpid()) for number in range(3)]
    assert done(worked.numbers, []) == []


def test_an_error_comes_in_its_turn_as_what_it_is_and_the_processes_go_on() -> None:
    taken: list[int] = []

    def take() -> None:
        with made_in_order(worked.fails, PIECES, 4) as steps:
            taken.extend(rows["number"][0].as_py() for rows, _ in steps)

    with pytest.raises(PermissionError, match="not allowed") as raised:
        take()
    assert (taken, raised.value.errno, raised.value.filename) == ([0, 1, 2, 3], 13, "there")
    with pytest.raises(RuntimeError, match="CannotBeSent: this and that"):
        done(worked.fails_in_its_own_way, PIECES)
    assert [number for number, _ in done(worked.numbers, PIECES)] == [*range(20)]


def test_a_piece_that_ends_in_a_timeout_of_its_own_is_not_waited_for_as_one_that_hangs() -> None:
    with pytest.raises(TimeoutError, match="the store has not answered"):
        done(worked.times_out, PIECES)


def test_who_takes_no_more_leaves_no_files() -> None:
    def stop() -> None:
        with made_in_order(worked.numbers, PIECES, 4) as steps:
            next(iter(steps))
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        stop()
    (pool,) = processes._pools
    assert list(Path(pool._scratch.name).iterdir()) == []


# R15 of the scorecard kills as many workers as parents.
KILLS = range(max(1, rounds_of("R15") // 2))


@pytest.mark.parametrize("number", KILLS)
def test_what_a_killed_process_had_is_done_again(tmp_path: Path, number: int) -> None:
    made = done(partial(worked.dies_once, tmp_path / "died"), PIECES)
    assert (tmp_path / "died").exists()
    assert [number for number, _ in made] == [*range(20)]


def test_a_piece_that_kills_every_process_is_given_up() -> None:
    with pytest.raises(UnitLost, match=r"begun 3 times, .* IMAGE_ASSETS_PROCESSES takes a smaller number"):
        done(worked.dies, PIECES)
    assert [number for number, _ in done(worked.numbers, PIECES)] == [*range(20)]


STOPS = range(max(1, rounds_of("R15") // 20))  # each takes as long as is waited for it


@pytest.mark.parametrize("number", STOPS)
def test_what_a_stopped_process_had_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    done(worked.numbers, PIECES)  # so that the processes are there
    monkeypatch.setattr(in_pieces, "_PATIENCE_SECONDS", 4.0)
    before = set(processes._pools)
    made = done(partial(worked.stops_once, tmp_path / "stopped"), PIECES)
    assert (tmp_path / "stopped").exists()
    assert [number for number, _ in made] == [*range(20)]
    assert not before & set(processes._pools)
    assert "no worker process has written anything" in caplog.text


def test_a_piece_that_hangs_every_process_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done(worked.numbers, PIECES)
    monkeypatch.setattr(in_pieces, "_PATIENCE_SECONDS", 1.0)
    with pytest.raises(UnitLost, match=r"begun 3 times, and each time a worker process was stopped or hung"):
        done(worked.hangs, PIECES)
    monkeypatch.undo()
    monkeypatch.setenv(PROCESSES.name, "2")
    assert [number for number, _ in done(worked.numbers, PIECES)] == [*range(20)]


def test_a_piece_that_gets_on_slowly_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The control: it takes far longer than nothing may be written for."""
    done(worked.numbers, PIECES)
    monkeypatch.setattr(in_pieces, "_PATIENCE_SECONDS", 6.0)
    made = done(partial(worked.goes_on_slowly, 2.0), [range(8), range(8, 16)])
    assert [number for number, _ in made] == [*range(16)]
    assert caplog.text == ""


def test_a_process_that_is_given_no_memory_says_so_in_its_turn() -> None:
    with pytest.raises(MemoryError):
        done(worked.has_no_memory, PIECES)
    drop_pool()  # with the limit of that process
    assert [number for number, _ in done(worked.numbers, PIECES)] == [*range(20)]


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], Path]]:
    """A process whose workers are at work, these, and where their files lie."""
    marks, scratch = tmp_path / "marks", tmp_path / "scratch"
    marks.mkdir()
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engines.worked", str(marks)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _until(lambda: len(list(marks.iterdir())) == 2)
        yield process, [int(mark.name) for mark in marks.iterdir()], scratch
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _until(holds: object) -> None:
    deadline = time.monotonic() + 60
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        # A process that has ended and that nobody has asked for is a zombie.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", KILLS)
def test_with_its_parent_killed_a_worker_ends_and_leaves_nothing(
    waiting: tuple[subprocess.Popen[str], list[int], Path], number: int
) -> None:
    process, workers, scratch = waiting
    assert not any(map(_gone, workers))
    process.kill()
    process.wait()
    _until(lambda: all(map(_gone, workers)))
    _until(lambda: not list(scratch.iterdir()))


def test_ctrl_c_ends_all_at_once_and_only_the_parent_says_so(
    waiting: tuple[subprocess.Popen[str], list[int], Path],
) -> None:
    process, workers, scratch = waiting
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it, to all
    out, errors = process.communicate(timeout=60)
    assert (out, errors, process.returncode) == ("interrupted\n", "", 0)
    assert all(map(_gone, workers))
    assert list(scratch.iterdir()) == []


@given(images=st.integers(0, 12_000), step=st.sampled_from([1, 32, 256]), threads=st.integers(1, 64))
def test_pieces_are_all_of_a_unit_in_order(images: int, step: int, threads: int) -> None:
    for said in ("", "1", "3"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(PROCESSES.name, said)
            cut = spans(images, step, threads)
            many = processes_for(threads) > 1
        assert [row for part in cut for row in part] == [*range(images)]
        assert all(part.start % step == 0 for part in cut)
        assert len(cut) == 1 or many
        assert len(cut) == 1 or max(map(len, cut)) <= max(1_024, step)


def test_the_number_of_processes_follows_cores_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROCESSES.name)
    monkeypatch.setattr(processes, "memory_of_machine", lambda: 64_000_000_000)
    assert [processes_for(threads) for threads in (1, 2, 4, 5, 6, 8, 12, 16, 64)] == [1, 1, 1, 1, 3, 4, 6, 8, 32]
    assert len(spans(1_000, 32, 16)) == 1  # too little to begin processes for
    assert len(spans(10_001, 32, 16)) > 16
    monkeypatch.setattr(processes, "memory_of_machine", lambda: 2_500_000_000)
    assert processes_for(16) == 2
    monkeypatch.setenv(PROCESSES.name, "7")
    assert processes_for(1) == 7
    for said in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv(PROCESSES.name, said)
        with pytest.raises(ProcessesError, match=f"IMAGE_ASSETS_PROCESSES={said}: expected a number of processes"):
            processes_for(4)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "250000 100000\n"}, 3),
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "9000000 100000\n"}, 8),
        ({"cpu.max": "max 100000\n", "own/part/cpu.max": "300000 100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu.max": "of another kind\n"}, 8),
        ({}, 8),
    ],
)
def test_the_cores_of_a_container_are_what_it_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(content)
    (tmp_path / "cgroup").write_text("0::/own/part\n")
    monkeypatch.setattr(workers, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(workers, "_OWN_GROUP", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cores() == expected
