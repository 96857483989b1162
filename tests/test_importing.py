"""The collector of garbage rests while much is imported, and works again afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import pytest

from image_assets.cli import main
from image_assets.importing import much_imported


@pytest.fixture(autouse=True)
def nothing_stays_left_alone() -> Iterator[None]:
    """The tests after these find the collector as it was."""
    yield
    gc.unfreeze()


@pytest.mark.parametrize("resting", [True, False])
def test_nothing_is_looked_through_meanwhile(resting: bool) -> None:
    """Without it, as the control, the collector looks at what is made again and again."""
    begun: list[str] = []

    def note(phase: str, _: object) -> None:
        begun.append(phase)

    gc.callbacks.append(note)
    try:
        with much_imported() if resting else nullcontext():
            made = [[number] for number in range(100_000)]
            seen = len(begun)
    finally:
        gc.callbacks.remove(note)
    assert len(made) == 100_000
    assert (seen == 0) is resting


def test_it_works_again_once_the_outermost_has_ended_however_that_was() -> None:
    with suppress(ImportError), much_imported():
        with much_imported():
            pass
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


@pytest.mark.parametrize("left_alone", [True, False])
def test_what_was_imported_is_passed_over_afterwards_too(left_alone: bool) -> None:
    """Without it, as the control, the collector has all of it to look through."""
    with much_imported() if left_alone else nullcontext():
        made = [[number] for number in range(100_000)]
    there = {id(one) for one in gc.get_objects()}
    assert (id(made[-1]) not in there) is left_alone


def test_a_command_that_ends_leaves_nothing_out_of_the_collectors_sight(capsys: pytest.CaptureFixture[str]) -> None:
    with much_imported():
        pass
    assert gc.get_freeze_count() > 1_000
    assert main(["--version"]) == 0
    assert "image-assets" in capsys.readouterr().out
    assert gc.get_freeze_count() == 0
