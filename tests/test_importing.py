"""The collector of garbage rests while much is imported, and works again afterwards."""

from __future__ import annotations

import gc
from contextlib import nullcontext, suppress

import pytest

from image_assets.importing import much_imported


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
