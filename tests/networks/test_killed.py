"""A training that is killed in the middle of an epoch ends with the weights of one that was left alone."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

ROOT = Path(__file__).resolve().parents[2]


def started(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.networks.training", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def ended(folder: Path) -> tuple[int, str]:
    """How many epochs were there already, and the digest of the weights."""
    told, _ = started(folder).communicate(timeout=300)
    match = re.search(r"resumed (\d+), weights ([0-9a-f]{64})", told)
    assert match, told
    return int(match[1]), match[2]


@pytest.mark.long
def test_killed_in_an_epoch_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "alone").mkdir()
    process = started(tmp_path / "killed")
    assert process.stdout is not None
    # 14 steps of 4 images are an epoch: in the second one, some steps from its end.
    for line in process.stdout:
        if line.startswith("step 80 "):
            break
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed, weights = ended(tmp_path / "killed")
    assert resumed == 1
    assert ended(tmp_path / "alone") == (0, weights)
