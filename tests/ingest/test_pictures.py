"""What every browser shows is loaded as it shows it, and what is not all there is not; the page lists both."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.features.decode import decode_at_least
from image_assets.images import decode as decode_module
from image_assets.images.decode import ImageFormat, decode
from image_assets.images.header import MAX_PARTS
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.accepted_page import FINISH, table, with_table
from tests.ingest.images import encode
from tests.ingest.picture_files import interlaced, page, tiff_of
from tests.ingest.picture_samples import END, JPEGS, PICTURE, SAMPLES, Sample

PAGE = Path(__file__).resolve().parents[2] / "docs" / "what-is-accepted.md"
pytestmark = pytest.mark.filterwarnings("ignore:::PIL.TiffImagePlugin")


def names(samples: list[Sample]) -> list[str]:
    return [f"{sample.kind} {sample.name}" for sample in samples]


def pixels_or_reason(content: bytes) -> np.ndarray | Reason:
    try:
        return decode(content, Limits()).pixels
    except Rejected as rejected:
        return rejected.reason


LOADED = [sample for sample in SAMPLES if sample.refused is None]
REFUSED = [sample for sample in SAMPLES if sample.refused is not None]


@pytest.mark.parametrize("sample", LOADED, ids=names(LOADED))
def test_it_is_loaded_as_browsers_show_it(sample: Sample) -> None:
    pixels = decode(sample.content, Limits()).pixels
    assert pixels.shape == sample.shown.shape
    assert np.abs(pixels.astype(int) - sample.shown).mean() <= sample.within
    assert np.abs(pixels[:, ::-1].astype(int) - sample.shown).mean() > max(sample.within, 1), "the comparison is blind"


@pytest.mark.parametrize("sample", LOADED, ids=names(LOADED))
def test_features_are_of_the_same_pixels(sample: Sample) -> None:
    found = decode_at_least(sample.content, lambda width, height: (width, height))
    assert np.array_equal(found.pixels, decode(sample.content, Limits()).pixels)
    assert found.size == (sample.shown.shape[1], sample.shown.shape[0])


@pytest.mark.parametrize("sample", REFUSED, ids=names(REFUSED))
def test_it_is_refused_by_its_reason(sample: Sample) -> None:
    with pytest.raises(Rejected) as rejected:
        decode(sample.content, Limits())
    assert rejected.value.reason is sample.refused
    if sample.name.startswith("raw"):
        assert sample.name in rejected.value.detail


@given(st.sampled_from(sorted(JPEGS)), st.floats(0.3, 1), st.booleans())
def test_a_jpeg_that_is_cut_anywhere_is_truncated_or_whole(name: str, share: float, ends: bool) -> None:
    content = JPEGS[name]
    kept = content[: int((len(content) - 2) * share)] + (END if ends else b"")
    found = pixels_or_reason(kept)
    if isinstance(found, Reason):
        assert found is Reason.TRUNCATED
    else:
        whole = decode(content, Limits()).pixels
        # A progressive picture that ends between two scans, and says so, is whole: only less sharp.
        assert np.array_equal(found, whole) or (ends and np.abs(found.astype(int) - whole).mean() < 16)


SINGLE = {
    f"{sample.kind} {sample.name}": sample.content
    for sample in LOADED
    if sample.kind in ("AVIF", "HEIC", "JPEG XL") and not re.search("animated|several|after", sample.name)
}


@given(st.sampled_from(sorted(SINGLE)), st.floats(0, 1, exclude_max=True))
def test_a_beginning_of_an_avif_heic_or_jpeg_xl_is_refused_or_the_whole_picture(name: str, share: float) -> None:
    content = SINGLE[name]
    found = pixels_or_reason(content[: int(len(content) * share)])
    # What comes behind the picture may lack: a thumbnail, EXIF.
    assert isinstance(found, Reason) or np.array_equal(found, decode(content, Limits()).pixels)


@given(st.sampled_from(["AVIF plain", "HEIC plain", "JPEG XL bare codestream"]), st.integers(64, 700))
def test_nor_is_one_that_a_broken_download_left_with_zeros_at_its_end(name: str, zeros: int) -> None:
    content = SINGLE[name]
    assert isinstance(pixels_or_reason(content[:-zeros] + bytes(zeros)), Reason)


@pytest.mark.parametrize("name", ["AVIF plain", "HEIC plain"])
def test_what_is_not_the_pictures_may_end_in_zeros(name: str) -> None:
    padded = SINGLE[name] + (508).to_bytes(4, "big") + b"free" + bytes(500)
    assert np.array_equal(pixels_or_reason(padded), decode(SINGLE[name], Limits()).pixels)


@pytest.mark.parametrize("module", ["pi_heif", "pylibjxl"])
def test_a_decoder_that_is_not_installed_is_no_fault_of_the_file(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=module):
        decode(SINGLE["HEIC plain" if module == "pi_heif" else "JPEG XL bare codestream"], Limits())


def test_pillow_opens_elsewhere_what_it_opened_before() -> None:
    code = (
        "from PIL import Image; from image_assets.images.decode import decode, ImageFormat; Image.init()\n"
        "from image_assets.settings.stages import Limits; from tests.ingest.images import any_format, picture\n"
        "before = dict(Image.OPEN); [decode(any_format(picture(), one), Limits()) for one in ('avif', 'heic', 'jxl')]\n"
        "Image.init(); assert Image.OPEN == before and 'HEIF' not in before, set(Image.OPEN) - set(before)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[1], check=True)


def test_newer_formats_are_decoded_the_same_by_many_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        for content in SINGLE.values():
            first, *others = pool.map(lambda content: decode(content, Limits()).pixels, [content] * 16)
            assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (8, 8), (13, 5)])
@pytest.mark.parametrize("write", [interlaced, lambda black: encode(black, "PNG")])
def test_a_black_png_of_any_size_lacks_nothing(size: tuple[int, int], write: Callable[[np.ndarray], bytes]) -> None:
    assert decode(write(np.zeros(size, np.uint8)), Limits()).pixels.shape == (*size, 3)


def test_the_pages_before_the_picture_are_held_to_the_limits_too() -> None:
    reduced = page(PICTURE[::4, ::4], {254: (4, [1]), 65000: (3, [0] * (MAX_PARTS + 1))})
    assert pixels_or_reason(tiff_of([reduced, page(PICTURE)])) is Reason.TOO_MANY_PARTS
    tiled = page(PICTURE, {322: (4, [32_768]), 323: (4, [32_768])})
    found = pixels_or_reason(tiff_of([page(PICTURE[::4, ::4], {254: (4, [1])}), tiled]))
    assert found is Reason.TOO_MANY_PIXELS


def test_endless_markers_after_the_samples_are_refused() -> None:
    content = JPEGS["baseline"][:1500]
    for endless in (b"\xff\xd8", b"\xff\xfe\0\2"):
        assert pixels_or_reason(content + endless * (MAX_PARTS + 1)) is Reason.TOO_MANY_PARTS
        assert pixels_or_reason(content + endless * 100) is Reason.TRUNCATED


def test_endless_sub_pages_cost_nothing() -> None:
    tags: dict[int, tuple[int, list[int]]] = {254: (4, [1]), 330: (4, [8] * 50_000)}
    assert isinstance(pixels_or_reason(tiff_of([page(PICTURE[::4, ::4], tags)])), np.ndarray)


def test_what_needs_more_memory_or_another_decoder_is_not_called_corrupt() -> None:
    plain = decode_module._reason
    assert plain(b"", ImageFormat.TIFF, MemoryError()) is Reason.OUT_OF_MEMORY
    for said in ("out of memory error when reading image file", "Failed to decode: Out of memory"):
        assert plain(b"", ImageFormat.PNG, OSError(said)) is Reason.OUT_OF_MEMORY
    assert plain(b"", ImageFormat.TIFF, OSError("decoder webp not available")) is Reason.UNSUPPORTED_FORMAT
    assert plain(b"", ImageFormat.TIFF, OSError("decoder error -2")) is Reason.CORRUPT


def test_pages_that_lead_to_each_other_end() -> None:
    content = bytearray(tiff_of([page(PICTURE[::4, ::4], {254: (4, [1])})]))
    start = int.from_bytes(content[4:8], "little")
    following = start + 2 + 12 * int.from_bytes(content[start : start + 2], "little")
    content[following : following + 4] = start.to_bytes(4, "little")
    assert decode(bytes(content), Limits()).pixels.shape == (24, 32, 3)


def test_the_page_lists_every_sample_as_make_docs_writes_it() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert with_table(written) == written, "run make docs"
    assert table() in written
    assert with_table(written.replace(f"\n{FINISH}", f"| PNG | another | loaded |\n{FINISH}")) == written


def test_every_sample_has_a_name_of_its_own() -> None:
    assert len(set(names(SAMPLES))) == len(SAMPLES)
