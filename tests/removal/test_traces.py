"""Whether a stored archive holds what is sought: one that cannot be read may, and so it does."""

from __future__ import annotations

import io
import zipfile

import pytest
from obstore.store import MemoryStore

from image_assets.removal.traces import Sought

ID = "a" * 64
_CENTRAL = b"PK\1\2"  # the beginning of an entry of a zip's directory
_FLAGS, _METHOD = 8, 10  # places in it


def archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        # With a time of its own the bytes would be others at every moment.
        entry = zipfile.ZipInfo("images", (2026, 11, 3, 7, 0, 0))
        made.writestr(entry, text * 100, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def with_entry(place: int, value: int) -> bytes:
    content = bytearray(archive("nothing of it"))
    content[content.index(_CENTRAL) + place] = value
    return bytes(content)


def holds(content: bytes) -> bool:
    objects = MemoryStore()
    objects.put("fit.npz", content)
    return Sought([ID]).in_file(objects, "fit.npz")


def test_an_archive_is_looked_into() -> None:
    assert holds(archive(ID))
    assert not holds(archive("nothing of it"))


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        archive("nothing of it").replace(b"\xcb", b"\xff", 1),
        with_entry(_FLAGS, 0x01),
        with_entry(_METHOD, zipfile.ZIP_BZIP2),
        with_entry(_METHOD, zipfile.ZIP_LZMA),
        with_entry(_METHOD, 99),
    ],
    ids=["no archive", "a flipped byte", "encrypted", "said to be of bzip2", "said to be of lzma", "of another method"],
)
def test_an_archive_that_cannot_be_read_may_hold_it(content: bytes) -> None:
    assert holds(content)
