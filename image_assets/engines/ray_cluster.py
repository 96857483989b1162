"""The Ray cluster that a run's units go to: where it is, that it answers, what its machines have.

What belongs here: `RAY_ADDRESS` and what can be wrong with it. What does not: units (`ray_engine`).
"""

from __future__ import annotations

import os
import socket
import time
from urllib.parse import urlsplit

import ray

from image_assets.engines.engine import EngineAway
from image_assets.errors import UsageError
from image_assets.wording import in_brief

ADDRESS = "RAY_ADDRESS"
# A head that is restarted is back by then. Ray itself would ask for minutes, and print at every try.
_PATIENCE_SECONDS = 30.0
_TRY_SECONDS = 5.0
# Ray's own, of what connects by `ray://`.
_CLIENT_PORT = 10001
# Names that Ray knows.
_RAY_S_OWN = ("auto", "local")
_EXPECTED = "expected ray://HOST:10001, or HOST:6379 on a machine of the cluster, or auto"


def connect() -> None:
    """Be a driver of the cluster that `RAY_ADDRESS` names, or of one that is started on this machine.

    Raises:
        EngineAway: nobody answers there.
        UsageError: that is no address, or a cluster of other versions.
    """
    if ray.is_initialized():
        return
    # Where this is not set, Ray reports its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get(ADDRESS)
    if address is None:
        ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False, _node_ip_address="127.0.0.1")
        return
    _see_that_it_answers(address)
    until = time.monotonic() + _PATIENCE_SECONDS
    while not ray.is_initialized():
        _begin(address, until)


def _begin(address: str, until: float) -> None:
    """Try to be a driver there. A head that has just started may listen before it can answer."""
    try:
        ray.init(log_to_driver=False, configure_logging=False)
    except ConnectionError as error:
        if time.monotonic() > until:
            raise EngineAway(f"{ADDRESS} is {address}, where no Ray cluster answers ({in_brief(error)})") from error
        time.sleep(1)
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"{ADDRESS} is {address}, of which Ray says: {in_brief(error)}; the cluster needs the same versions of "
            "Ray and Python as this machine"
        ) from error


def machines() -> list[dict[str, float]]:
    """What each machine of the cluster that has cores has, by the names of Ray's resources."""
    return list(machines_by_name().values())


def machines_by_name() -> dict[str, dict[str, float]]:
    """The same by the names that Ray has given them."""
    there = (node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))
    return {node["NodeID"]: node["Resources"] for node in there}


def _see_that_it_answers(address: str) -> None:
    """Wait until somebody listens at an address that has a port."""
    if address in _RAY_S_OWN:
        return
    host, port = _host_and_port(address)
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=_TRY_SECONDS).close()
        except OSError as error:
            if time.monotonic() > until:
                raise EngineAway(
                    f"{ADDRESS} is {address}, and nobody answers there ({error}); is the head of the cluster running, "
                    "and may this machine reach it?"
                ) from error
            time.sleep(1)
        else:
            return


def _host_and_port(address: str) -> tuple[str, int]:
    """Of an address such as `ray://head:10001` or `head:6379`."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port or (_CLIENT_PORT if parts.scheme == "ray" else None)
    except ValueError as error:
        raise UsageError(f"{ADDRESS} is {address}, which is no address ({error}); {_EXPECTED}") from None
    if not host or port is None or parts.scheme not in ("", "ray"):
        raise UsageError(f"{ADDRESS} is {address}, which is no address; {_EXPECTED}")
    return host, port
