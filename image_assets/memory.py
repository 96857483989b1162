"""How much memory this process has used, and handing back what it needs no more."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

# glibc maps blocks from 128 kB on by themselves at first, and raises that bound with every larger one that is freed, up
# to 32 MB. Row groups then lie among small things that live on, and a process that frees all it takes grows by 10 MB a
# stage. A bound that was set is not raised: mallopt(3).
_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 1_000_000
_ALLOWED = Path("/sys/fs/cgroup/memory.max")  # "max" where nothing is said
_RESET_PEAK = "5"  # proc(5): resets the peak resident set size to the present one


def memory_of_machine() -> int:
    """Bytes of memory that this machine has, or that a container allows its processes."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = _ALLOWED.read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(allowed)) if allowed.isdecimal() else physical


def hand_back() -> None:
    """Give freed memory back to the system. Allocators keep it otherwise, so that a long run of stages, each of which
    is bounded, grows all the same. From then on, large blocks go back as soon as they are freed.
    """
    pa.default_memory_pool().release_unused()
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "malloc_trim"):  # glibc's
        allocator.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        allocator.malloc_trim(0)


@contextmanager
def what_is_there_left_alone() -> Iterator[None]:
    """Have the collector of garbage pass over what exists already, which is mostly what was imported, for a while.

    A run of hundreds of partitions spends a tenth of its time looking through it otherwise.
    """
    gc.freeze()
    try:
        yield
    finally:
        # Left so until the end, it is not taken down at the exit either, and libraries complain of leaks.
        gc.unfreeze()


class PeakMemory:
    """The most memory that this process had resident since the object was made, bytes; of all its life where the
    system cannot tell. What earlier work left behind counts too, unless it was handed back.
    """

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
        except OSError:
            return

    def bytes(self) -> int:
        """The peak so far."""
        try:
            status = Path("/proc/self/status").read_text(encoding="ascii")
        except OSError:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
