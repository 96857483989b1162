"""The memory that a stage is said to take is its own, not what earlier stages left behind."""

from __future__ import annotations

import subprocess
import sys

WORK = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from image_assets.memory import PeakMemory

def work(megabytes):
    numbers = pa.array(np.arange(4_000))
    # Many small arrays: a single large one would go back to the system by itself.
    return [pc.add(numbers, 1) for _ in range(megabytes * 31)]

whole = PeakMemory()
work(300)
after_large = whole.bytes()
small = PeakMemory()
work(1)
print(after_large // 1_000_000, small.bytes() // 1_000_000)
"""


def test_a_peak_counts_what_was_used_since_and_not_what_was_freed_before() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    large, small = map(int, done.stdout.split())
    assert large >= 300
    assert small <= large - 200
