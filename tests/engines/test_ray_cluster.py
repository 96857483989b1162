"""Where the Ray cluster is: an address that is wrong, or where nobody answers, is one line and no long wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

from ray.cluster_utils import Cluster  # noqa: E402

from image_assets.engines import ray_cluster  # noqa: E402
from image_assets.engines.engine import EngineAway, Unit  # noqa: E402
from image_assets.engines.ray_engine import RayEngine  # noqa: E402
from image_assets.errors import CanPass, UsageError  # noqa: E402
from image_assets.workers import Progress, no_progress  # noqa: E402
from tests.ports import free_port  # noqa: E402
from tests.store_files import python_path  # noqa: E402

_LOOPBACK = "127.0.0.2"
_ROOT = Path(__file__).parents[2]


def doubles(number: int, threads: int, progress: Progress) -> int:
    return 2 * number


UNITS = [Unit(str(number), 1, partial(doubles, number)) for number in range(4)]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "which is no address; expected ray://HOST:10001, or HOST:6379 "),
        ("ray://", "which is no address; expected "),
        ("https://head.example.org:10001", "which is no address; expected "),
        ("ray://head:port", "which is no address \\(Port could not be cast"),
        ("ray://head:123456", "which is no address \\(Port out of range"),
    ],
)
def test_an_address_that_is_none_is_refused_at_once(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UsageError, match=f"^RAY_ADDRESS is {address}, {said}") as refused:
        RayEngine().run(UNITS, no_progress)
    assert not isinstance(refused.value, CanPass)


@pytest.mark.parametrize("scheme", ["ray://", ""])
def test_where_nobody_answers_is_one_line_and_the_step_is_tried_again(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_PATIENCE_SECONDS", 0)
    address = f"{scheme}127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(EngineAway, match=f"^RAY_ADDRESS is {address}, and nobody answers there .*Connection refused"):
        RayEngine().run(UNITS, no_progress)
    assert issubclass(EngineAway, CanPass)
    assert not ray.is_initialized()


@contextmanager
def started(port: int) -> Iterator[None]:
    """A cluster of one machine that is asked at a port from outside."""
    head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
    cluster = Cluster(
        initialize_head=True, head_node_args={**head, "node_ip_address": _LOOPBACK, "object_store_memory": 100_000_000}
    )
    try:
        yield
    finally:
        cluster.shutdown()


def run_of_its_own(port: int) -> subprocess.Popen[str]:
    """A run, whose process ends with it."""
    program = (
        # A head takes as long to start here as a loaded machine needs.
        "import json, sys; from image_assets.engines import ray_cluster; ray_cluster._PATIENCE_SECONDS = 300; "
        "from image_assets.engines.ray_engine import RayEngine; "
        "from image_assets.workers import no_progress; from tests.engines.test_ray_cluster import UNITS; "
        "json.dump(RayEngine().run(UNITS, no_progress), sys.stdout)"
    )
    known = {**os.environ, "RAY_ADDRESS": f"ray://{_LOOPBACK}:{port}"}
    return subprocess.Popen([sys.executable, "-c", program], env=known, stdout=subprocess.PIPE, text=True)


@pytest.mark.long
def test_a_head_that_is_started_again_between_two_runs_is_found_again_and_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", python_path(_ROOT))
    port = free_port()
    with started(port):
        assert json.loads(run_of_its_own(port).communicate(timeout=300)[0]) == [0, 2, 4, 6]
    second = run_of_its_own(port)
    time.sleep(5)  # it has begun to ask by then, and nobody answers
    assert second.poll() is None
    with started(port):
        assert json.loads(second.communicate(timeout=300)[0]) == [0, 2, 4, 6]
