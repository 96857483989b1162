"""Bombs: small files that would cost much memory or time are refused by their headers."""

from __future__ import annotations

import re
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from image_assets.images.decode import decode
from image_assets.images.formats import ACCEPTED
from image_assets.images.header import MAX_PARTS, MAX_SCANS
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest import images
from tests.torture.size import record

BOMBS = images.bombs()
REPOSITORY = Path(__file__).parents[2]


def reason_for(content: bytes, limits: Limits | None = None) -> Reason | None:
    try:
        decode(content, limits or Limits())
    except Rejected as rejected:
        return rejected.reason
    return None


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_header(name: str) -> None:
    with pytest.raises(Rejected, match=r"has \d+ × \d+ pixels, [\d,]+ in all; allowed are 64,000,000") as rejected:
        decode(BOMBS[name], Limits())
    assert rejected.value.reason is Reason.TOO_MANY_PIXELS


def test_there_is_a_bomb_of_every_accepted_format() -> None:
    assert {name.split()[0] for name in BOMBS} == set(ACCEPTED)


def peak_memory() -> int:
    """Most memory that this process held at a time, MB; where the kernel tells, without that of its parent."""
    status = Path("/proc/self/status")
    if status.exists() and (own := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
        return int(own[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)


def refuse_bombs_and_measure() -> None:
    """Run in a process of its own; prints by how many MB its peak rose over the bombs, and over one large picture."""
    reason_for(images.encode(images.picture(), "PNG"))
    start = peak_memory()
    for _ in range(50):
        for content in BOMBS.values():
            assert reason_for(content) is Reason.TOO_MANY_PIXELS
    bombs = peak_memory()
    row = bytes(1000)
    assert reason_for(images.png((8000, 4000), 1, 0, [row] * 4000)) is None
    print(bombs - start, peak_memory() - start)  # noqa: T201


def test_refusing_bombs_takes_no_memory() -> None:
    code = "from tests.images.test_header import refuse_bombs_and_measure as f; f()"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    bombs, accepted = map(int, run.stdout.split())
    assert bombs < 100
    record("S1", rounds=50 * len(BOMBS), megabytes=bombs)
    assert accepted > 100, "the measure does not see a picture that is really decoded"


def test_limits_are_inclusive_and_can_be_raised() -> None:
    content = images.encode(images.picture(30, 40), "PNG")
    assert reason_for(content, Limits(max_pixels=1200, max_side=40, min_side=30, max_bytes=len(content))) is None
    assert reason_for(content, Limits(max_pixels=1199)) is Reason.TOO_MANY_PIXELS
    assert reason_for(content, Limits(max_side=39)) is Reason.SIDE_TOO_LONG
    assert reason_for(content, Limits(min_side=31)) is Reason.SIDE_TOO_SHORT
    assert reason_for(content, Limits(max_bytes=len(content) - 1)) is Reason.TOO_MANY_BYTES
    assert reason_for(b"", Limits()) is Reason.EMPTY


def test_a_small_bomb_is_an_image_where_the_limit_allows_it() -> None:
    content = images.png((2400, 2000), 1, 0, [bytes(300)] * 2000)
    assert len(content) < 1000
    assert reason_for(content, Limits(max_pixels=4_799_999)) is Reason.TOO_MANY_PIXELS
    assert decode(content, Limits(max_pixels=4_800_000)).pixels.shape == (2000, 2400, 3)


@pytest.mark.parametrize(
    "content",
    [
        images.encode(images.picture(10, 50), "GIF").replace(struct.pack("<HH", 50, 10), struct.pack("<HH", 40, 10), 1),
        images.deflated_tiff((16, 16), bytes(64 * 16), tile=(64, 16)),
        images.encode(images.picture(10, 50), "WEBP"),
    ],
    ids=["gif frame", "tiff tile", "webp canvas"],
)
def test_what_a_reader_allocates_beside_the_picture_has_the_same_limits(content: bytes) -> None:
    assert reason_for(content, Limits(max_pixels=2000)) is None
    assert reason_for(content, Limits(max_pixels=499)) is Reason.TOO_MANY_PIXELS


def test_pillows_own_limit_is_a_refusal_too() -> None:
    generous = Limits(max_pixels=10**10, max_side=10**6)
    assert reason_for(BOMBS["webp canvas"], generous) is Reason.TOO_MANY_PIXELS


def many_segments(parts: int) -> bytes:
    plain = images.encode(images.picture(8, 8), "JPEG")
    return plain[:2] + b"\xff\xfe\0\2" * parts + plain[2:]


def many_chunks(parts: int) -> bytes:
    return images.png((8, 1), 1, 0, [b"\0"], images.chunk(b"teSt", b"") * parts)


def many_sub_blocks(parts: int) -> bytes:
    return images.gif((1, 1), (1, 1), b"!\xfe" + b"\1x" * parts + b"\0")


def many_extensions(parts: int) -> bytes:
    return images.gif((1, 1), (1, 1), b"!\xfe\0" * parts)


def many_numbers(parts: int) -> bytes:
    return images.tiff({256: (4, [1]), 257: (4, [1]), 258: (3, [8]), 262: (3, [1]), 50_000: (3, [0] * parts)}, bytes(1))


@pytest.mark.parametrize("build", [many_segments, many_chunks, many_sub_blocks, many_extensions, many_numbers])
def test_endless_pieces_are_refused_and_many_are_not(build) -> None:
    assert reason_for(build(MAX_PARTS + 1)) is Reason.TOO_MANY_PARTS
    assert reason_for(build(1000)) is None


def test_endless_tags_are_refused_also_where_they_repeat() -> None:
    tag = struct.pack("<HHI4s", 256, 4, 1, b"\1")
    content = b"II*\0" + struct.pack("<IH", 8, 5000) + tag * 5000 + bytes(4)
    assert reason_for(content) is Reason.TOO_MANY_PARTS


def test_endless_scans_are_refused_and_many_are_not() -> None:
    assert reason_for(images.scanned_jpeg(MAX_SCANS + 1)) is Reason.TOO_MANY_PARTS
    assert reason_for(images.scanned_jpeg(MAX_SCANS)) is None


def test_scans_of_what_follows_the_picture_do_not_count() -> None:
    content = images.encode(images.picture(), "JPEG")
    assert reason_for(content + b"\xff\xda\0\2" * 1000) is None


def test_a_large_run_length_encoded_bmp_is_refused() -> None:
    assert reason_for(images.run_length_bmp((8000, 2001))) is Reason.TOO_MANY_PIXELS
    assert reason_for(images.run_length_bmp((80, 20))) is None
