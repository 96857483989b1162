"""The most memory that another process has taken."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SAMPLE_SECONDS = 0.05


def communicate(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """What a process prints to standard output and error until its end, and the most memory it had resident, bytes.

    The process may reset what the system knows of its peak, hence the sampling.
    """
    peak = 0
    while True:
        peak = max(peak, peak_bytes(process.pid))
        try:
            return *process.communicate(timeout=_SAMPLE_SECONDS), peak
        except subprocess.TimeoutExpired:
            continue


def peak_bytes(pid: int) -> int:
    """The most memory that a process had resident so far, bytes, by its own account; 0 where there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
