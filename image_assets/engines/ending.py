"""Images that end the process which works at them: a decoder that reads what is not there, or takes all memory.

What belongs here: who is suspected, by the notes of processes that ended (`at_work`), and each suspect tried in a
process of its own. What becomes of one that ends it is the matter of the stage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path

from image_assets.engines.at_work import forget, left_behind
from image_assets.engines.engine import UnitLost
from image_assets.engines.processes import Pool
from image_assets.engines.worker import P, Work
from image_assets.errors import Explained
from image_assets.wording import some

# What ends one process may have ended it by chance, as when somebody else took the memory of that moment.
_TIMES = 2
# Nothing takes so long; what hangs was ended with the processes that waited for it.
_PATIENCE_SECONDS = 300.0
_NAMED = 10
_CODES = re.compile(r"exit codes of the workers are \{([^}(]*)")


class EndsTheProcess(Explained, RuntimeError):
    """Images that end the process which works at them, each in a process that did nothing else.

    Attributes:
        images: Image id → how the process ended, such as SIGSEGV.
    """

    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__(dict(images))
        self.images = dict(images)

    def __str__(self) -> str:
        """All of them, by their ids."""
        said = some([f"{one} ({how})" for one, how in sorted(self.images.items())], _NAMED)
        return f"images that end the process which works at them: {said}"


@contextmanager
def suspects_tried(
    folder: Path | None, images: Callable[[], Mapping[str, str]], ends: Callable[[Sequence[str]], Mapping[str, str]]
) -> Iterator[bool]:
    """Within this, a unit is done; what was at hand when a process ended, before or meanwhile, is tried first.

    Args:
        folder: Of the notes of who does such units.
        images: Gives the images of the unit, id → what people know each by; asked only where something was left behind.
        ends: Tries images, each in a process of its own, and gives those that end it, with how it ended.

    Yields:
        Whether the unit is to be done by processes that may end: one has ended, and what for is not known.

    Raises:
        EndsTheProcess: some of them do.
        UnitLost: as what is done raises it, with the images that were at hand.
    """
    before = _tried(folder, images, ends)
    try:
        yield bool(before)
    except UnitLost as lost:
        at_hand = _tried(folder, images, ends)
        if not at_hand:
            raise
        raise UnitLost(f"{lost}; at work were, and each alone goes well: {some(at_hand, _NAMED)}") from lost
    except BaseException as ended:
        stopped = not isinstance(ended, Exception)
        if stopped and left_behind(folder):  # no image is at fault
            forget(folder, images())
        raise


def _tried(
    folder: Path | None, images: Callable[[], Mapping[str, str]], ends: Callable[[Sequence[str]], Mapping[str, str]]
) -> list[str]:
    """What people know those by that were at hand when a process ended, and that end none by themselves."""
    left = left_behind(folder)
    if not left:
        return []
    there = images()
    suspects = [one for one in there if one in left]
    found = ends(suspects) if suspects else {}
    # Where one is found, the others stay: who does the unit next does it apart, as there may be more like it.
    forget(folder, found or suspects)
    if found:
        raise EndsTheProcess(found)
    return [there[one] for one in suspects]


def those_that_end(work: Work[P, object], pieces: Mapping[str, P], control: P | None = None) -> dict[str, str]:
    """Have pieces done, each alone; the names of those that ended a process of their own twice, with how it ended.

    Args:
        work: Does a piece.
        pieces: By their names.
        control: A piece without any image; where doing that ends a process too, no image is to blame.

    Raises:
        UnitLost: processes end whatever they do.
    """
    found: dict[str, str] = {}
    trials = _Trials()
    try:
        for name, piece in pieces.items():
            if how := trials.end_of(work, piece):
                found[name] = how
        if found and (trials.end_of(_nothing, None) if control is None else trials.end_of(work, control)):
            raise UnitLost("worker processes end whatever they do: the machine may have too little memory for one")
    finally:
        trials.close()
    return found


class _Trials:
    """A process that does one piece after the other, and another where it ended."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    def end_of(self, work: Work[P, object], piece: P) -> str:
        """How processes ended that did nothing but this; nothing where it goes well, or ends in an error."""
        ended = 0
        while True:
            fresh = self._pool is None
            how = self._outcome(work, piece)
            if not how:
                return ""
            self.close()
            ended += fresh
            if ended == _TIMES:
                return how

    def _outcome(self, work: Work[P, object], piece: P) -> str:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        self._pool = self._pool or Pool(1, 1)
        future = self._pool.submit(work, piece, "tried")
        if not wait([future], _PATIENCE_SECONDS).done:
            return f"no end within {_PATIENCE_SECONDS:,.0f} seconds"
        error = future.exception()
        if not isinstance(error, TerminatedWorkerError):
            return ""
        codes = _CODES.search(str(error))
        return codes[1] if codes else "no exit code"

    def close(self) -> None:
        if self._pool is not None:
            self._pool.end()
            self._pool = None


def _nothing(_piece: None, _threads: int) -> Iterator:
    return iter(())
