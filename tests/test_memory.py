"""The memory that a stage is said to take is its own, not what earlier stages left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from image_assets.allocators import give_back_freed_memory
from image_assets.memory import what_is_there_left_alone
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.store import Store
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, small_dataset
from tests.torture.size import record, rounds_of

pytestmark = pytest.mark.local_store(reason="the memory of a process that is told nothing of the tests")

ROOT = Path(__file__).resolve().parents[1]

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


ARROW = """
import io
from concurrent.futures import ThreadPoolExecutor
import image_assets
import pyarrow as pa
import pyarrow.parquet as pq
from image_assets.memory import hand_back

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")) // 1024

def write_and_read(rows):
    table = pa.table({name: [f"{name} {n:060}" for n in range(rows)] for name in "abcdefgh"})
    file = io.BytesIO()
    pq.write_table(table, file, compression="ZSTD")
    with ThreadPoolExecutor(1) as another:
        another.submit(pq.read_table, io.BytesIO(file.getvalue())).result()

write_and_read(40)
hand_back()
before = resident()
write_and_read(10_000)
hand_back()
print(pa.default_memory_pool().backend_name, resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell what a process holds")
def test_what_arrow_took_is_given_back_and_was_not_before() -> None:
    def left_of(**environment: str) -> tuple[str, int]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
        done = subprocess.run(
            [sys.executable, "-c", ARROW], env=environment, capture_output=True, text=True, check=True
        )
        name, left = done.stdout.split()
        return name, int(left)

    (name, left), (other, left_by_other) = left_of(), left_of(ARROW_DEFAULT_MEMORY_POOL="mimalloc")
    # The second is the control, and shows that what somebody has set already stays.
    assert (name, other) == ("system", "mimalloc")
    assert left + 8 < left_by_other


def test_what_somebody_chose_of_allocators_stays() -> None:
    chosen = {"ARROW_DEFAULT_MEMORY_POOL": "jemalloc", "_RJEM_MALLOC_CONF": "narenas:1"}
    environment = dict(chosen)
    give_back_freed_memory(environment)
    assert environment == chosen


def test_the_collector_passes_over_what_is_there_only_as_long_as_it_is_told_to() -> None:
    def one_that_fails() -> None:
        with what_is_there_left_alone():
            assert gc.get_freeze_count() > 1_000
            raise LookupError

    before = gc.get_freeze_count()
    with pytest.raises(LookupError):
        one_that_fails()
    assert (before, gc.get_freeze_count()) == (0, 0)


# A day of so many small pictures, in units of 40, so that a hundred times of it is soon done.
FEW = 100
# Stages reset the peak that the system keeps, so what it was until then is noted.
_DAY = """
import sys
from image_assets import memory
from image_assets.cli import main
from image_assets.ingest import kept_units
kept_units.UNIT_FILES = 40
def most():
    (peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(peak)
peaks, real = [], memory.PeakMemory.__init__
memory.PeakMemory.__init__ = lambda made: (peaks.append(most()), real(made))[1]
status = main()
assert len(peaks) > 3
open("peak", "w").write(str(max(*peaks, most())))
sys.exit(status)
"""
_SIZES = (10, 100)


def megabytes_of_a_day(root: Path, pictures: int, program: str = _DAY) -> float:
    """The most memory that a process holds which loads so many pictures and takes them to published shards."""
    root.mkdir()
    dataset = small_dataset(extractor={"kind": "colour_statistics"}, shards={"rows": 40})
    (root / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    land_pictures(root / "landing", str(FIRST), "plant", 0, range(pictures), lambda kind, seed: picture(kind, seed, 16))
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store", "--day", str(FIRST)]
    run = subprocess.run(
        [sys.executable, "-c", program, "run", *places, "--category", "plant", "--until", "feature_shards", "--quiet"],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DAGSTER_HOME": str(root / "dagster"),
            "IMAGE_ASSETS_PROCESSES": "1",
        },
        check=False,
    )
    assert run.returncode == 0
    features = Store(str(root / "store")).table("drawn", IMAGE_FEATURES)
    assert sum(file.rows for file in features.partition_files(Partition(FIRST, "plant"))) == pictures
    # Its own peak, as it says: what is told of a child counts what its parent held when it was started.
    return int((root / "peak").read_text()) / 1024


@pytest.mark.long
@pytest.mark.parametrize("times", _SIZES[: rounds_of("R12")])
def test_a_day_of_many_times_the_images_takes_the_memory_of_one(tmp_path: Path, times: int) -> None:
    """R12 of the scorecard."""
    once, many = (megabytes_of_a_day(tmp_path / str(size), FEW * size) for size in (1, times))
    record("R12", **{f"MB at 1× (beside {times}×)": round(once), f"MB at {times}×": round(many)})
    assert many <= 1.1 * once


@pytest.mark.long
def test_a_day_whose_files_are_all_kept_is_seen_to_grow(tmp_path: Path) -> None:
    """The control: a program that keeps 50 kB of every file that it reads."""
    hoarding = _DAY.replace(
        "status = main",
        "from image_assets.images import decode\n"
        "from image_assets.ingest import units\n"
        "kept, decoded = [], units.decode\n"
        "units.decode = lambda *given: (kept.append(bytearray(b'x') * 50_000), decoded(*given))[1]\n"
        "status = main",
    )
    once, many = (megabytes_of_a_day(tmp_path / str(size), FEW * size, hoarding) for size in (1, 10))
    assert many > once + 30
