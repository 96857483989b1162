"""Files of models that are damaged are refused, whatever of them is damaged: with one error, and nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest

from image_assets.store.models.skops_files import UnsafeModelError, dump_model, parse_model
from tests.store.kept_models import fitted

_CENTRAL = b"PK\1\2"  # the beginning of an entry of a zip's directory
_VERSION, _FLAGS, _METHOD = 6, 8, 10  # places in it


def with_entries(place: int, value: int) -> bytes:
    """A model's file, of which all entries of its directory say something else."""
    content, at = bytearray(dump_model(fitted())), -1
    while (at := content.find(_CENTRAL, at + 1)) >= 0:
        content[at + place] = value
    return bytes(content)


def with_schema(schema: object) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def _node(**changes: object) -> dict[str, object]:
    return {"__module__": "builtins", "__class__": "dict", "__loader__": "DictNode", **changes}


DAMAGED: dict[str, Callable[[], bytes]] = {
    "of a later version of zip": lambda: with_entries(_VERSION, 255),
    "patched": lambda: with_entries(_FLAGS, 0x20),
    "encrypted": lambda: with_entries(_FLAGS, 0x01),
    "of an unknown method": lambda: with_entries(_METHOD, 99),
    "said to be deflated": lambda: with_entries(_METHOD, zipfile.ZIP_DEFLATED),
    "said to be of bzip2": lambda: with_entries(_METHOD, zipfile.ZIP_BZIP2),
    "said to be of lzma": lambda: with_entries(_METHOD, zipfile.ZIP_LZMA),
    "with a loader that is a list": lambda: with_schema(_node(__loader__=[])),
    "with a loader that is a number": lambda: with_schema(_node(__loader__=7, __class__="none of ours")),
    "with a schema that is a number": lambda: with_schema(7),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(UnsafeModelError):
        parse_model(make())


def test_the_file_as_it_was_is_read() -> None:
    assert parse_model(dump_model(fitted())).classes.tolist() == [0, 1, 2]
