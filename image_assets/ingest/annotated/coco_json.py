"""JSON of COCO's form, streamed into Parquet: never more than a few thousand entries are in memory.

The form: https://cocodataset.org/#format-data. Of every section only what is used here is kept.
"""

from __future__ import annotations

import json
import mmap
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

from image_assets.ingest.annotated.json_objects import JsonObject
from image_assets.ingest.annotated.names import bare, folded
from image_assets.ingest.source import SourceError, printable
from image_assets.wording import in_brief

IMAGES, ANNOTATIONS, CATEGORIES = "images", "annotations", "categories"
_BATCH = 5_000
_SECTION = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_NUMBER = pa.float64()
_SCHEMAS = {
    CATEGORIES: pa.schema({"part": pa.string(), "label": pa.string(), "fields": pa.string()}),
    IMAGES: pa.schema(
        dict.fromkeys(("part", "image", "key", "alias"), pa.string()) | {"width": _NUMBER, "height": _NUMBER}
    ),
    ANNOTATIONS: pa.schema(
        {"part": pa.string(), "image": pa.string(), "label": pa.string(), "crowd": pa.bool_(), "confidence": _NUMBER}
        | dict.fromkeys(("x", "y", "w", "h"), _NUMBER)
    ),
}


class _WrongEntry(ValueError):
    """An entry that is not what its section holds."""


def parse_files(files: Mapping[str, Path], folder: Path) -> None:
    """Write the sections of all files as `images.parquet`, `annotations.parquet` and `categories.parquet`.

    images: part (what the file is called in `files`), image (its id), key (the path of its file), alias (the last part
    of that, folded), width, height (pixels; may be null).
    annotations: part, image, label (the category's id), crowd, confidence, x, y, w, h (pixels; null without a box).
    categories: part, label (its id), fields (JSON: every field that is text). Ids become text, 7.0 as 7.

    Raises:
        SourceError: a file ends early, is no JSON, lacks a section, or has an entry of another form.
    """
    for file in files.values():
        _refuse_repeated(file)
    for section, schema in _SCHEMAS.items():
        with pq.ParquetWriter(folder / f"{section}.parquet", schema, compression="zstd") as writer:
            for part, file in files.items():
                rows = _section(part, file, section)
                while batch := list(islice(rows, _BATCH)):
                    writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))


def image_key_of(file_name: str) -> str:
    """The path of an image's file as it is compared with those that arrive: without what leads upwards."""
    return "/".join(printable(part) for part in file_name.split("/") if part not in ("", ".", ".."))


def fields_of(category: dict[str, Any]) -> dict[str, str]:
    """The fields of a category that are text."""
    return {name: value for name, value in category.items() if isinstance(value, str)}


def label_of(category: dict[str, Any]) -> str:
    """A category's id as text. Raises `ValueError` where it has none."""
    return _id(category, "id")


def _section(part: str, file: Path, section: str) -> Iterator[dict[str, Any]]:
    row_of: Callable[[dict[str, Any]], dict[str, Any]] = {
        IMAGES: _image,
        ANNOTATIONS: _annotation,
        CATEGORIES: lambda one: {"label": label_of(one), "fields": json.dumps(fields_of(one))},
    }[section]
    where, number = printable(str(file)), 0
    try:
        with _opened(file) as stream:
            for entry in ijson.items(stream, f"{section}.item", use_float=True, map_type=JsonObject):
                number += 1
                if not isinstance(entry, JsonObject):
                    raise _WrongEntry(f"expected an object, found {entry!r:.80}")
                if entry.repeated is not None:
                    raise _WrongEntry(
                        f"the key {entry.repeated!r} is there twice, and it is not certain which one counts"
                    )
                yield {"part": part, **row_of(entry)}
    except _WrongEntry as error:
        raise SourceError(
            f"{where}: {section}, entry {number}: {error}. If it is no file of COCO's form with categories, leave it "
            "out with the source section's `instances`"
        ) from None
    except (ijson.JSONError, UnicodeDecodeError, OSError) as error:
        said = in_brief(error, 200)
        raise SourceError(f"{where}: {section}, after entry {number}: {said}. {_remedy(file, error)}") from None
    if not number and not _lists(file, section):
        raise SourceError(
            f"{where}: has no list {section!r}; expected are images, annotations and categories. If it is another kind "
            "of file, leave it out with the source section's `instances`"
        )


def _opened(file: Path) -> BinaryIO:
    """A file of JSON, after the UTF-8 byte-order mark that some editors put in front."""
    stream = file.open("rb")
    if stream.read(len(BOM_UTF8)) != BOM_UTF8:
        stream.seek(0)
    return stream


def _remedy(file: Path, error: Exception) -> str:
    """What to do about a file that cannot be parsed, by what the parser said."""
    with file.open("rb") as stream:
        if b"\0" in stream.read(4):
            return "It is UTF-16: save it as UTF-8"
    if "invalid bytes in UTF8" in str(error):
        return "It is no UTF-8: save it as UTF-8"
    # The parser shows the text around the place where it stopped.
    if re.search(r"invalid (char|string) in json", str(error)) and re.search(r"NaN|Infinity", str(error)):
        return "NaN and Infinity are no JSON: write null in their place"
    if "integer overflow" in str(error):
        return "Whole numbers of more than 63 bits are not read: write ids of that length as text"
    return "The file is damaged or has lost its end: fetch it anew"


def _refuse_repeated(file: Path) -> None:
    """Raises `SourceError` where a section is there twice: readers of JSON keep the last, or put them together."""
    twice = [section for section, number in _mentions(file).items() if number > 1 and _lists(file, section) > 1]
    if twice:
        raise SourceError(
            f"{printable(str(file))}: the list {twice[0]!r} is there twice, and it is not certain which one counts: "
            "put them together, or leave one out"
        )


def _mentions(file: Path) -> Counter[str]:
    """How often each section's name stands before a list, at whatever depth: parsing would take much longer."""
    # What cannot be opened is told by who reads it; an empty file cannot be mapped.
    with (
        suppress(OSError, ValueError),
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return Counter(match[1].decode() for match in _SECTION.finditer(content))
    return Counter()


def _lists(file: Path, section: str) -> int:
    """How many lists of that name a file has at its top; those up to where it breaks off."""
    number = 0
    with _opened(file) as stream, suppress(ijson.JSONError, UnicodeDecodeError):
        for prefix, event, _ in ijson.parse(stream):
            number += prefix == section and event == "start_array"
    return number


def _image(entry: dict[str, Any]) -> dict[str, Any]:
    name = entry.get("file_name")
    if not isinstance(name, str) or not image_key_of(name):
        raise _WrongEntry(f"expected a file_name, found {name!r:.80}")
    return {
        "image": _id(entry, "id"),
        "key": image_key_of(name),
        "alias": bare(folded(image_key_of(name))),
        "width": _number_as(entry, "width"),
        "height": _number_as(entry, "height"),
    }


def _annotation(entry: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image": _id(entry, "image_id"),
        "label": _id(entry, "category_id"),
        "crowd": _crowd(entry),
        "confidence": _number_as(entry, "score") if "score" in entry else 1.0,
    }
    box = entry.get("bbox")
    if box:
        if not isinstance(box, list) or len(box) != 4 or any(_number(side) is None for side in box):
            raise _WrongEntry(f"expected a bbox of four numbers, found {box!r:.80}")
        row |= dict(zip(("x", "y", "w", "h"), map(float, box), strict=True))
    return row


def _id(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    # Tables with gaps hold whole numbers as fractions, and so write 7 as 7.0; beyond 2^53 these are not exact.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _WrongEntry(f"expected a whole number or text as {name}, found {value!r:.80}")
    return str(value)


def _crowd(entry: dict[str, Any]) -> bool | None:
    value = entry.get("iscrowd")
    if value not in (None, 0, 1):  # a text "0" would be taken for yes
        raise _WrongEntry(f"expected 0 or 1 as iscrowd, found {value!r:.80}")
    return None if value is None else bool(value)


def _number_as(entry: dict[str, Any], name: str) -> float | None:
    number = _number(entry.get(name))
    if number is None and entry.get(name) is not None:
        raise _WrongEntry(f"expected a number as {name}, found {entry[name]!r:.80}")
    return number


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
