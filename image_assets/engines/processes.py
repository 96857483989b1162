"""How many processes do the work of a machine, and the pool of them.

One interpreter has one lock: on more than some four cores its threads wait for it. Processes of two threads
each use all cores; they are started when there is work for them, keep their models, and end with this process.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path

from image_assets.engines.worker import E, P, PieceMade, Work, begin_worker, do_piece
from image_assets.environment import PROCESSES
from image_assets.memory import memory_of_machine

THREADS_OF_A_PROCESS = 2
"""Beside independent processes, the door of 16 cores reached .16 as 1 × 16, .65 as 4 × 4, .77 as 8 × 2, .93 as 16 × 1;
each process has a model in memory, hence not one for every core."""
_ONE_PROCESS_CORES = 5
MEMORY_OF_A_PROCESS = 1_000_000_000
"""Bytes that a process is given: models, batches of its threads, and what it read; there are no more than fit."""
# A process that has had nothing to do for so long ends, and gives back what its models take.
_IDLE_SECONDS = 60


class ProcessesError(ValueError):
    """The number of processes that the environment asks for is none."""


def forced_processes() -> int | None:
    """The number that the environment asks for; None where it leaves it open.

    Raises:
        ProcessesError: it is no number, or below 1.
    """
    said = PROCESSES.value
    if not said:
        return None
    if not said.isdecimal() or not int(said):
        raise ProcessesError(f"{PROCESSES.name}={said}: expected a number of processes, 1 or more")
    return int(said)


def processes_for(threads: int) -> int:
    """How many processes share so many threads: one for up to five, then one for every two, as memory allows.

    Raises:
        ProcessesError: as `forced_processes`.
    """
    forced = forced_processes()
    if forced is not None:
        return forced
    by_cores = 1 if threads <= _ONE_PROCESS_CORES else -(-threads // THREADS_OF_A_PROCESS)
    return max(1, min(by_cores, memory_of_machine() // MEMORY_OF_A_PROCESS))


class Pool:
    """Worker processes, and the folder that they leave their files in.

    Args:
        processes: How many.
        threads: Of each.
    """

    def __init__(self, processes: int, threads: int) -> None:
        # The pool that scikit-learn trains with: unlike the standard library's it does not run the program's main
        # module again in every process, and it can be told to end at once. Imported here, as that takes time.
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.backend import get_context

        self.processes, self.threads = processes, threads
        self._scratch = tempfile.TemporaryDirectory(prefix="image-assets-", ignore_cleanup_errors=True)
        told, self._telling = Pipe(duplex=False)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
        self._executor = ProcessPoolExecutor(
            processes,
            timeout=_IDLE_SECONDS,
            context=get_context("loky"),
            initializer=begin_worker,
            initargs=(told, self._scratch.name),
            env=dict.fromkeys(names, str(threads)),
        )

    def submit(self, work: Work[P, E], piece: P, name: str) -> Future[PieceMade[E]]:
        """Have a piece done, into a file of that name. Where the pool is broken, the result says so."""
        path = f"{self._scratch.name}/{name}.arrow"
        try:
            with _without_interrupts():  # processes begin here, and begin so
                return self._executor.submit(do_piece, work, piece, self.threads, path)
        except RuntimeError as error:
            failed: Future[PieceMade[E]] = Future()
            failed.set_exception(error)
            return failed

    def written(self) -> dict[str, int]:
        """The files that pieces are written to now, and how large they are."""
        found: dict[str, int] = {}
        for file in Path(self._scratch.name).iterdir():
            with suppress(FileNotFoundError):  # read meanwhile
                found[file.name] = file.stat().st_size
        return found

    def end(self) -> None:
        """End all processes now, whatever they are doing."""
        self._telling.close()
        self._executor.shutdown(wait=True, kill_workers=True)
        self._scratch.cleanup()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What a process begins within this is not reached by Ctrl-C, which a terminal sends to all: its owner answers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_pools: list[Pool] = []


def shared_pool(processes: int, threads: int) -> Pool:
    """The one pool of this process, begun when it is first asked for; another where other numbers are asked for.

    One unit has it at a time: see `image_assets.engines.pieces`.
    """
    if _pools and (_pools[0].processes, _pools[0].threads) != (processes, threads):
        drop_pool()
    if not _pools:
        _pools.append(Pool(processes, threads))
    return _pools[0]


def drop_pool() -> None:
    """End the pool with all of its processes; whoever asks next is given a new one."""
    while _pools:
        _pools.pop().end()
