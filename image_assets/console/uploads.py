"""From a body to the files in it: multipart, the file itself, or JSON with base64. No picture is decoded here."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from image_assets.console.refusals import Refused

_RAW = "application/octet-stream"
_TAKEN = "multipart/form-data with a file, the image itself as image/… or application/octet-stream, or application/json"


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes:
        name: As whoever sent it calls it; may be empty.
        content: Its bytes, or why there are none.
    """

    name: str
    content: bytes | Refused


async def uploads_in(headers: Headers, body: bytes, most: int) -> list[Upload]:
    """The files of a body, at least one.

    Args:
        headers: Of the request; what kind of body it is.
        body: All of it.
        most: So many files at most.

    Raises:
        Refused: 400, 413 or 415.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        found = await _in_form(headers, body, most)
    elif kind == "application/json":
        found = _in_json(body, most)
    elif kind == _RAW or kind.startswith("image/"):
        found = [Upload("", body)]
    else:
        raise Refused(415, "unknown_kind", f"a body of {kind or 'no kind'} is not understood; send {_TAKEN}")
    if not found:
        raise Refused(400, "no_image", f"there is no file in the body; send {_TAKEN}")
    return found


def only_one(uploads: list[Upload]) -> bytes:
    """The content of the only file. Raises `Refused` where there are several, or it cannot be read."""
    if len(uploads) > 1:
        raise Refused(400, "several_images", f"{len(uploads)} files came; send one, or use /v1/classify:batch")
    if isinstance(uploads[0].content, Refused):
        raise uploads[0].content
    return uploads[0].content


async def _in_form(headers: Headers, body: bytes, most: int) -> list[Upload]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, once(), max_files=most, max_fields=most)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        said = getattr(error, "message", "") or "it has no boundary"
        status = 413 if said.startswith("Too many") else 400
        raise Refused(status, "bad_form", f"the multipart body cannot be read: {said}") from None
    try:
        files = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
        return [Upload(one.filename or "", await one.read()) for one in files]
    finally:
        await form.close()


def _in_json(body: bytes, most: int) -> list[Upload]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_json", f"the body is no JSON: {error}") from None
    several = said.get("images") if isinstance(said, dict) else None
    alone = not isinstance(several, list)
    items = [said] if alone else several
    if len(items) > most:
        raise Refused(413, "too_many_images", f"{len(items):,} images came; at most {most:,} are taken at a time")
    return [_of_item(one, alone=alone) for one in items]


def _of_item(item: object, *, alone: bool) -> Upload:
    content, name = (item.get("content"), item.get("name", "")) if isinstance(item, dict) else (None, "")
    try:
        if not isinstance(content, str) or not isinstance(name, str):
            raise Refused(400, "bad_item", 'expected {"content": "<base64>"}, with a "name" if you like')
        return Upload(name, _of_base64(content))
    except Refused as refused:
        if alone:
            raise
        return Upload(name if isinstance(name, str) else "", refused)


def _of_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, "bad_base64", f"content is no base64: {error}") from None
