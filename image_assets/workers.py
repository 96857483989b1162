"""Threads that share out work and give it back in order, with bounded memory.

Decoders, hashes and model runtimes release the interpreter lock, so threads use every core.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from math import ceil
from pathlib import Path, PurePosixPath
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
B = TypeVar("B", bound=Sized)

Progress = Callable[[int, int], None]
"""Called with what is done and the total; from one thread."""


_GROUPS, _OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def no_progress(done: int, total: int) -> None:
    """Report nothing."""


def cores() -> int:
    """The processors that this process may use: where it may run, and of their time what its container allows."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([here, *(ceil(share) for share in _allowed_by_groups())]))


def _allowed_by_groups() -> Iterator[float]:
    """Processors' worth of time that each control group allows which this process is in: cgroups(7)."""
    try:
        lines = _OWN_GROUP.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    for folder in (_GROUPS / own, *(_GROUPS / parent for parent in PurePosixPath(own).parents)):
        yield from _share(folder / "cpu.max")
    yield from _share(_GROUPS / "cpu/cpu.cfs_quota_us", _GROUPS / "cpu/cpu.cfs_period_us")  # version 1


def _share(*files: Path) -> Iterator[float]:
    """Quota ÷ period, microseconds, of one file or two; none where nothing is said."""
    try:
        quota, period = (int(word) for file in files for word in file.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # not there, or "max"
        return
    if quota > 0 and period > 0:
        yield quota / period


def chunks(items: Sequence[T], most: int, weight: Callable[[T], int], heaviest: int) -> Iterator[Sequence[T]]:
    """Consecutive items, at most `most` together and, but for single ones, together no heavier than `heaviest`."""
    start, carried = 0, 0
    for at, item in enumerate(items):
        heft = weight(item)
        if at > start and (at - start == most or carried + heft > heaviest):
            yield items[start:at]
            start, carried = at, 0
        carried += heft
    if start < len(items):
        yield items[start:]


def ordered_map(
    work: Callable[[T], R], items: Iterable[T], workers: int | None = None, waiting_per_worker: int = 4
) -> Iterator[R]:
    """`work` of every item, in the items' order, by `workers` threads (default: one per core).

    At most `waiting_per_worker` results per worker wait for the consumer, so memory does not grow with the number of
    items. An error in `work` is raised where its result would have come.
    """
    items = iter(items)
    first = list(islice(items, 2))
    if len(first) < 2:
        # A thread for one item would only take time.
        yield from map(work, first)
        return
    items = chain(first, items)
    workers = workers or cores()
    with ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= waiting_per_worker * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def counted(batches: Iterable[B], total: int, progress: Progress) -> Iterator[B]:
    """Batches as they pass, told by how many rows they have."""
    done = 0
    for batch in batches:
        done += len(batch)
        progress(done, total)
        yield batch
