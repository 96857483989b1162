"""Files that appear whole or not at all, and what is held by one at a time."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from pathlib import Path

import pytest

from image_assets.alone import alone, locked
from image_assets.whole_files import beside, remove_unfinished, write_whole, written_whole


def test_a_file_is_replaced_at_the_end_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_whole(file, b"old")
    with written_whole(file) as stream:
        stream.write(b"new")
        stream.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_whole(file, b"old")
    with suppress(KeyboardInterrupt), written_whole(file) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_written_beside_goes_unless_it_was_taken(tmp_path: Path) -> None:
    with beside(tmp_path / "a") as one, beside(tmp_path / "a", ".mine-") as other:
        one.write_bytes(b"left")
        other.write_bytes(b"taken")
        assert other.name.startswith(".mine-")
        other.rename(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"whole")
    (tmp_path / ".partial-0123").write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def _try(path: Path, folder: bool, answers: multiprocessing.SimpleQueue) -> None:
    with (alone if folder else locked)(path, wait=False) as ours:
        answers.put(ours)


@pytest.mark.parametrize("folder", [True, False])
def test_one_process_has_it_at_a_time_and_the_other_is_told(tmp_path: Path, folder: bool) -> None:
    path = tmp_path if folder else tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()

    def other_has_it() -> bool:
        other = context.Process(target=_try, args=(path, folder, answers))
        other.start()
        other.join()
        return answers.get()

    with (alone if folder else locked)(path) as ours:
        assert ours
        assert not other_has_it()
    assert other_has_it()


def test_a_lock_that_somebody_has_made_a_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "x.lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
