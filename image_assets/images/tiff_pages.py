"""Which page of a TIFF file is the picture: not a reduced copy of it, and not the preview of a camera's raw data.

Raw files of most makers are TIFF files whose first page is a small preview. Taken for the picture, it would be loaded
without a word. Formats: TIFF 6.0; TIFF/EP and DNG 1.6 for what is raw.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from image_assets.images import tags
from image_assets.images.formats import RAW_HINT
from image_assets.images.reasons import Reason, Rejected

MAX_PAGES = 16  # looked at: a reduced copy comes before its picture, and both at the beginning

_NEW_SUBFILE_TYPE, _WIDTH, _LENGTH, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 256, 257, 262, 271, 330, 50706
_REDUCED = 1
_BITS, _SAMPLES, _SAMPLE_FORMAT = 258, 277, 339
_KINDS = {1: "whole", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_WIDTHS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64, 128)
_MOST_SAMPLES = 64  # of the bits of so many `tags` can tell
_SENSOR_SAMPLES = (32803, 34892)  # a colour filter array, and the same made linear
_MAKERS = {
    b"NIKON": "Nikon NEF",
    b"SONY": "Sony ARW",
    b"PENTAX": "Pentax PEF",
    b"RICOH": "Pentax PEF",
    b"CANON": "Canon",
    b"OLYMPUS": "Olympus ORF",
    b"PANASONIC": "Panasonic RW2",
    b"SAMSUNG": "Samsung SRW",
    b"KODAK": "Kodak DCR",
    b"EASTMAN KODAK": "Kodak DCR",
    b"HASSELBLAD": "Hasselblad 3FR",
    b"EPSON": "Epson ERF",
}


def picture_page(content: bytes) -> int:
    """The number of the page that is the picture, from 0: the first that is no reduced copy.

    Raises:
        Rejected: `unsupported_format` for raw camera files, and where there are only reduced copies.
    """
    pages: list[tags.TagDirectory] = []
    for page in pages_of(content):
        pages.append(page)
        if not _is_reduced(page):
            break
    if not pages:
        return 0
    inner = [tags.read_directory(content, at) for at in itertools.islice(_sub_pages(pages), MAX_PAGES)]
    _refuse_raw([*pages, *inner])
    if not _is_reduced(pages[-1]):
        return len(pages) - 1
    larger = [sub for sub in inner if not _is_reduced(sub) and _pixels(sub) > _pixels(pages[0])]
    if larger:
        width, height = larger[0].number(_WIDTH), larger[0].number(_LENGTH)
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"the TIFF's pages are reduced copies of a picture of {width} × {height} pixels in a sub-directory, which "
            "is not read; save it as a page of its own",
        )
    return 0


def samples_of(content: bytes) -> str | None:
    """What the pixels of the picture are made of, for a person; None where the file says nothing that they can be."""
    page = next(itertools.islice(pages_of(content), picture_page(content), None), None)
    if page is None:
        return None
    bits = next((tag.first_numbers for tag in page.tags if tag.id == _BITS), ())
    kinds = next((tag.first_numbers for tag in page.tags if tag.id == _SAMPLE_FORMAT), (1,))
    number = page.number(_SAMPLES) or 1
    if not (bits and kinds and {*bits} <= {*_WIDTHS} and {*kinds} <= {*_KINDS} and 1 <= number <= _MOST_SAMPLES):
        return None
    return f"{_KINDS[kinds[0]]} samples of {' or '.join(map(str, sorted({*bits})))} bits, {number} a pixel,"


def pages_of(content: bytes) -> Iterator[tags.TagDirectory]:
    """The directories of a file, one after the other, at most `MAX_PAGES`, none twice."""
    at, seen = tags.first_directory(content), set()
    while at and at not in seen and len(seen) < MAX_PAGES:
        seen.add(at)
        page = tags.read_directory(content, at)
        yield page
        at = page.next


def _sub_pages(pages: list[tags.TagDirectory]) -> Iterator[int]:
    """Where the directories begin that lie below these."""
    for page in pages:
        for tag in page.tags:
            if tag.id == _SUB_IFDS:
                yield from tag.first_numbers


def _is_reduced(page: tags.TagDirectory) -> bool:
    return bool((page.number(_NEW_SUBFILE_TYPE) or 0) & _REDUCED)


def _pixels(page: tags.TagDirectory) -> int:
    return (page.number(_WIDTH) or 0) * (page.number(_LENGTH) or 0)


def _refuse_raw(pages: list[tags.TagDirectory]) -> None:
    is_dng = any(tag.id == _DNG_VERSION for page in pages for tag in page.tags)
    if not is_dng and not any(page.number(_PHOTOMETRIC) in _SENSOR_SAMPLES for page in pages):
        return
    make = next((tag.text for page in pages for tag in page.tags if tag.id == _MAKE and tag.text), b"")
    named = (name for start, name in _MAKERS.items() if make.upper().startswith(start))
    kind = "DNG" if is_dng else next(named, make.decode("ascii", "replace") or "of an unnamed maker")
    raise Rejected(
        Reason.UNSUPPORTED_FORMAT,
        f"raw camera file ({kind}): {RAW_HINT}",
    )
