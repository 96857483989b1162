"""The memory that a stage is said to take is its own, not what earlier stages left behind."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from image_assets.memory import what_is_there_left_alone

WORK = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from image_assets.memory import PeakMemory, hand_back

def work(megabytes):
    numbers = pa.array(np.arange(4_000))
    # Many small arrays: a single large one would go back to the system by itself.
    return [pc.add(numbers, 1) for _ in range(megabytes * 31)]

whole = PeakMemory()
work(300)
after_large = whole.bytes()
hand_back()
small = PeakMemory()
work(1)
print(after_large // 1_000_000, small.bytes() // 1_000_000)
"""


def test_a_peak_counts_what_was_used_since_and_not_what_was_freed_before() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    large, small = map(int, done.stdout.split())
    assert large >= 300
    assert small <= large - 200


FREED = """
import ctypes, sys
from image_assets.memory import hand_back

class Figures(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena o s h mapped u f used free keep".split()]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    sys.exit("no glibc")
libc.mallinfo2.restype = Figures
if "handed back" in sys.argv:
    hand_back()
bytearray(30_000_000)  # freed at once
before = libc.mallinfo2().mapped
large = bytearray(5_000_000)
print(libc.mallinfo2().mapped - before)
"""


@pytest.mark.parametrize(("first", "expected"), [("handed back", 5_000_000), ("nothing", 0)])
def test_a_large_block_keeps_a_place_of_its_own_after_a_larger_one_was_freed(first: str, expected: int) -> None:
    done = subprocess.run([sys.executable, "-c", FREED, first], capture_output=True, text=True, check=False)
    if "no glibc" in done.stderr:
        pytest.skip("another allocator than glibc's")
    assert int(done.stdout) // 1_000_000 == expected // 1_000_000


def test_the_collector_passes_over_what_is_there_only_as_long_as_it_is_told_to() -> None:
    def one_that_fails() -> None:
        with what_is_there_left_alone():
            assert gc.get_freeze_count() > 1_000
            raise LookupError

    before = gc.get_freeze_count()
    with pytest.raises(LookupError):
        one_that_fails()
    assert (before, gc.get_freeze_count()) == (0, 0)
