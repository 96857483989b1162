"""How much memory this process has used."""

from __future__ import annotations

import resource
from pathlib import Path

_RESET_PEAK = "5"  # proc(5): resets the peak resident set size to the present one


class PeakMemory:
    """The most memory that this process had resident since the object was made, bytes; of all its life where the
    system cannot tell.
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
