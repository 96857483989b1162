"""A unit's work cut into pieces that several processes do, and its rows back in order.

The cut leaves no trace: a piece gives the batches that the whole would have given at that place, and whoever writes the
unit's file takes them in order. On machines of few cores, and for little work, a unit is one piece and is done here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from threading import Lock
from typing import Generic

import pyarrow as pa

from image_assets.engines.engine import UnitLost
from image_assets.engines.processes import drop_pool, forced_processes, processes_for, shared_pool
from image_assets.engines.worker import E, P, PieceMade, Step, Work
from image_assets.environment import PROCESSES

# To begin the processes takes some two seconds, in which this one does so many images itself.
_WORTH_IMAGES = 2_048
# Every process has several pieces of a unit: the last ones do not end together.
_PIECES_OF_A_PROCESS = 5
_MOST_IMAGES = 1_024
# Times a piece is begun again after a process was lost.
_RETRIES = 2
# A worker writes each batch as it is done; where none has written anything for so long, they are stopped or hang.
_PATIENCE_SECONDS = 600.0
_LOG = logging.getLogger(__name__)
_names = count()
_one_unit = Lock()


def images_of_a_piece(images: int, step: int, threads: int, *, apart: bool = False) -> int:
    """How many images of a unit make a piece; all of them where this process is to do it.

    Args:
        images: Of the unit.
        step: Every piece but the last has a multiple of it.
        threads: That the unit may use.
        apart: Whether none is to be done in this process, as it may end.

    Raises:
        ProcessesError: the environment asks for no sensible number of processes.
    """
    processes = processes_for(threads)
    if not apart and (processes == 1 or (forced_processes() is None and images < _WORTH_IMAGES)):
        return max(images, 1)
    most = min(-(-images // (processes * _PIECES_OF_A_PROCESS)), _MOST_IMAGES)
    return max(1, -(-most // step)) * step


def spans(images: int, step: int, threads: int, *, apart: bool = False) -> list[range]:
    """The rows of a unit in pieces; see `images_of_a_piece`."""
    size = images_of_a_piece(images, step, threads, apart=apart)
    return [range(start, min(start + size, images)) for start in range(0, max(images, 1), size)]


@dataclass
class Steps(Generic[E]):
    """The steps of all pieces, in order; to be gone through once.

    Attributes:
        peak_bytes: Most memory that a worker process had resident, of those heard of so far; 0 where there is none.
    """

    _steps: Iterator[Step[E]]
    peak_bytes: int = 0

    def __iter__(self) -> Iterator[Step[E]]:
        return self._steps


@contextmanager
def made_in_order(work: Work[P, E], pieces: Sequence[P], threads: int, *, apart: bool = False) -> Iterator[Steps[E]]:
    """Have pieces of a unit done, one here and several in processes, and give their steps in order.

    At most two pieces of each process are begun and not yet taken, so neither memory nor disk grows with the unit.

    Args:
        work: Does a piece.
        pieces: In order.
        threads: That the unit may use.
        apart: Whether one piece is done in another process too.

    Raises:
        UnitLost: processes were lost again and again.
        Exception: what `work` raised, in its turn.
    """
    if len(pieces) < 2 and not apart:
        yield Steps(chain.from_iterable(work(piece, threads) for piece in pieces))
        return
    processes = processes_for(threads)
    with _one_unit:  # it has all cores; another thread's waits
        sent = _Sent(work, pieces, processes, -(-threads // processes))
        try:
            steps = Steps(iter(()))
            steps._steps = sent.steps(steps)
            yield steps
        except Exception:
            sent.leave()
            raise
        except BaseException:  # this process is to end now
            drop_pool()
            raise


class _Stuck(Exception):
    """Worker processes that are there and do not get on: stopped, or hanging."""


@dataclass
class _Sent(Generic[P, E]):
    """Pieces on their way."""

    work: Work[P, E]
    pieces: Sequence[P]
    processes: int
    threads: int

    def __post_init__(self) -> None:
        self._waiting: deque[tuple[int, Future[PieceMade[E]]]] = deque()
        self._lost = [0] * len(self.pieces)

    def steps(self, told: Steps[E]) -> Iterator[Step[E]]:
        """The steps in order; `told` learns of the memory that they took."""
        numbers = iter(range(len(self.pieces)))
        self._waiting.extend((number, self._begun(number)) for number in islice(numbers, 2 * self.processes))
        while self._waiting:
            try:
                made = self._first()
            except (BrokenProcessPool, _Stuck) as error:
                self._begin_again(error)
                continue
            self._waiting.popleft()
            if (following := next(numbers, None)) is not None:
                self._waiting.append((following, self._begun(following)))
            told.peak_bytes = max(told.peak_bytes, made.peak_bytes)
            yield from _read(made)

    def _first(self) -> PieceMade[E]:
        """The piece that is next, when it is done. Raises `_Stuck` where for long nobody gets on."""
        future, written = self._waiting[0][1], None
        # Not by the patience of `result`: what a piece itself ended with may be such an error too.
        while not wait([future], _PATIENCE_SECONDS).done:
            before, written = written, shared_pool(self.processes, self.threads).written()
            if before == written and not future.done():
                raise _Stuck(f"for {_PATIENCE_SECONDS:,.0f} seconds no worker process has written anything")
        return future.result()

    def leave(self) -> None:
        """Have nothing more begun, and wait for what is in work: each piece takes a second or so."""
        for _, future in self._waiting:
            future.cancel()
        wait([future for _, future in self._waiting])
        for _, future in self._waiting:
            if not future.cancelled() and future.exception() is None:
                Path(future.result().path).unlink(missing_ok=True)

    def _begun(self, number: int) -> Future[PieceMade[E]]:
        pool = shared_pool(self.processes, self.threads)
        return pool.submit(self.work, self.pieces[number], str(next(_names)))

    def _begin_again(self, error: BrokenProcessPool | _Stuck) -> None:
        """Begin what was lost with the processes again, in new ones; and what is done and not yet read, as its files
        go with the pool.
        """
        _LOG.warning("worker processes are begun anew: %s", " ".join(str(error).split()))
        drop_pool()
        wait([future for _, future in self._waiting])
        for number in [number for number, future in self._waiting if future.cancelled() or future.exception()]:
            self._lost[number] += 1
            if self._lost[number] > _RETRIES:
                what = (
                    "was lost; often the"
                    if isinstance(error, BrokenProcessPool)
                    else "was stopped or hung; perhaps the"
                )
                raise UnitLost(
                    f"a part of it was begun {_RETRIES + 1} times, and each time a worker process {what} "
                    f"machine has too little memory for {self.processes} of them: {PROCESSES.name} takes a smaller "
                    f"number ({' '.join(str(error).split())})"
                ) from error
        self._waiting = deque((number, self._begun(number)) for number, _ in self._waiting)


def _read(made: PieceMade[E]) -> Iterator[Step[E]]:
    if not made.told:
        return
    path = Path(made.path)
    with pa.memory_map(made.path) as source:
        path.unlink()  # what is mapped stays
        with pa.ipc.open_file(source) as file:
            for number, told in enumerate(made.told):
                yield file.get_batch(number), told
