"""How much memory this process has used, and handing back what it needs no more."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import pyarrow as pa

_RESET_PEAK = "5"  # proc(5): resets the peak resident set size to the present one


def hand_back() -> None:
    """Give freed memory back to the system. Allocators keep it otherwise, so that a long run of stages, each of which
    is bounded, grows all the same.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


class PeakMemory:
    """The most memory that this process had resident since the object was made, bytes; of all its life where the
    system cannot tell. What earlier work left behind is handed back first.
    """

    def __init__(self) -> None:
        hand_back()
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
