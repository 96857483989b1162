"""Ports of this machine that nobody serves at."""

from __future__ import annotations

import socket


def free_port() -> int:
    """One of them; somebody may be faster."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
