"""Notes of what a process is at work at outlive it, and suspects are tried each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from image_assets.engines import ending
from image_assets.engines.at_work import end_notes, forget, left_behind, noting, suspect
from image_assets.engines.ending import EndsTheProcess, suspects_tried, those_that_end
from image_assets.engines.engine import UnitLost
from tests.engines import worked

ROOT = Path(__file__).resolve().parents[2]
IDS = [f"{number:064x}" for number in range(9)]

NOTES_AND_ENDS = """
import os, sys
from pathlib import Path
from image_assets.engines.at_work import noting

first, second, third = (f"{number:064x}" for number in range(3))
with noting(Path(sys.argv[1]), 2, most=2) as at_work:
    with at_work.on(first):
        pass
    with at_work.on(second, third):
        os.kill(os.getpid(), 9)
"""


def test_what_a_process_was_at_when_it_ended_is_known_and_what_it_had_done_is_not_suspected(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", NOTES_AND_ENDS, str(tmp_path / "notes")], cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    assert left_behind(tmp_path / "notes") == {IDS[1], IDS[2]}
    forget(tmp_path / "notes", [IDS[1]])
    assert left_behind(tmp_path / "notes") == {IDS[2]}
    forget(tmp_path / "notes", IDS)
    assert list((tmp_path / "notes").iterdir()) == []


def test_who_is_still_at_work_has_left_nothing_behind(tmp_path: Path) -> None:
    with noting(tmp_path, 1) as at_work, at_work.on(IDS[0]):
        (file,) = tmp_path.iterdir()
        assert IDS[0] in file.read_text()
        assert left_behind(tmp_path) == set()
        forget(tmp_path, IDS)
        assert file.exists()
        end_notes()
        assert not file.exists()
    assert not tmp_path.exists()


def test_where_nothing_can_be_noted_the_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    for folder in (None, tmp_path / "a file" / "below"):
        with noting(folder, 1) as at_work, at_work.on(IDS[0]):
            assert left_behind(folder) == set()


def ends_at_odd(number: int, _threads: int) -> Iterator:
    if number % 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return iter(())


def test_each_suspect_is_tried_and_those_that_end_their_process_are_named() -> None:
    found = those_that_end(ends_at_odd, {str(number): number for number in (0, 1, 2, 3)})
    assert found == {"1": "SIGSEGV", "3": "SIGSEGV"}


def ends_once(marker: Path, _threads: int) -> Iterator:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return iter(())


def fails(_piece: None, _threads: int) -> Iterator:
    raise PermissionError(13, "not allowed")


def test_what_ended_one_process_by_chance_or_fails_as_others_do_is_not_at_fault(tmp_path: Path) -> None:
    assert those_that_end(ends_once, {"one": tmp_path / "ended"}) == {}
    assert (tmp_path / "ended").exists()
    assert those_that_end(fails, {"one": None}) == {}


def test_what_hangs_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_PATIENCE_SECONDS", 5.0)
    assert those_that_end(worked.hangs, {"one": range(5, 6)}) == {"one": "no end within 5 seconds"}


def test_where_every_process_ends_no_image_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_nothing", worked.dies)
    with pytest.raises(UnitLost, match="end whatever they do"):
        those_that_end(worked.dies, {"one": range(1)})


def none_ends(_suspects: Sequence[str]) -> Mapping[str, str]:
    return {}


def test_what_was_left_behind_by_another_run_is_tried_before_the_unit_and_only_what_is_of_it(tmp_path: Path) -> None:
    suspect(tmp_path, IDS[:3])
    names = {IDS[0]: "a.png", IDS[1]: "b.png"}
    with suspects_tried(tmp_path, lambda: names, none_ends) as apart:
        assert apart
    assert left_behind(tmp_path) == {IDS[2]}
    with suspects_tried(tmp_path, lambda: names, none_ends) as apart:
        assert not apart
    suspect(tmp_path, IDS[:1])
    with (
        pytest.raises(EndsTheProcess, match=rf"{IDS[0]} \(SIGSEGV\)"),
        suspects_tried(tmp_path, lambda: names, lambda found: dict.fromkeys(found, "SIGSEGV")),
    ):
        raise AssertionError("the unit is not begun")


def ended_at_hand(folder: Path, error: BaseException) -> None:
    with suspects_tried(folder, lambda: {IDS[0]: "a.png"}, none_ends):
        suspect(folder, IDS[:1])
        raise error


def test_a_unit_that_is_lost_names_what_was_at_hand(tmp_path: Path) -> None:
    with pytest.raises(UnitLost, match=r"begun 3 times; at work were, and each alone goes well: a\.png"):
        ended_at_hand(tmp_path, UnitLost("begun 3 times"))


def test_who_is_stopped_leaves_nobody_suspected(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ended_at_hand(tmp_path, KeyboardInterrupt())
    assert left_behind(tmp_path) == set()
