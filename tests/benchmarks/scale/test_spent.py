"""What is measured is whole, or the measurement is refused."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.scale.measuring.spent import ProcessLost, none_ends


@pytest.fixture
def grandchild() -> Iterator[int]:
    """A process that another one has begun, as a cluster's machine begins its workers."""
    script = "sleep 600 & echo $!; wait; sleep 600"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, process_group=0) as child:
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline())
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def test_a_measurement_in_which_no_process_ends_is_whole(grandchild: int) -> None:
    with none_ends():
        assert psutil.pid_exists(grandchild)


def test_a_process_that_ends_takes_what_it_took_with_it(grandchild: int) -> None:
    def measure() -> None:
        with none_ends():
            process = psutil.Process(grandchild)
            process.kill()
            process.wait(60)

    # Until it has begun, it is called as the shell is.
    with pytest.raises(ProcessLost, match=r"^(sleep|sh) ended meanwhile"):
        measure()
