"""What a service is asked: images in every form that it takes, and what it has to refuse, drawn by a seed."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

BAD_SHARE = 0.05
_BOUNDARY = "a-boundary-of-questions"


@dataclass(frozen=True)
class Question:
    """A request to `/v1/classify`.

    Attributes:
        kind: What is asked, or what is wrong with it.
        headers: Of it.
        body: Of it.
        status: That it is answered with.
    """

    kind: str
    headers: dict[str, str]
    body: bytes
    status: int


def questions(photos: Sequence[bytes], number: int, seed: int, bad_share: float = BAD_SHARE) -> list[Question]:
    """So many questions, of which a share is bad."""
    draw = random.Random(seed)
    return [
        bad(draw, draw.choice(photos)) if draw.random() < bad_share else good(draw, draw.choice(photos))
        for _ in range(number)
    ]


def good(draw: random.Random, photo: bytes) -> Question:
    """A photo in one of the forms that are taken."""
    return draw.choice([raw, in_form, in_json])(photo)


def raw(photo: bytes) -> Question:
    """A photo as it is."""
    return Question("raw", {"content-type": "image/jpeg"}, photo, 200)


def in_form(photo: bytes) -> Question:
    """A photo as a browser sends it."""
    return Question("form", _FORM, _form(("file", "a.jpg", photo)), 200)


def in_json(photo: bytes) -> Question:
    """A photo in base64."""
    return Question("json", _JSON, json.dumps({"content": base64.b64encode(photo).decode()}).encode(), 200)


def bad(draw: random.Random, photo: bytes) -> Question:
    """What has to be refused, made of a photo."""
    jpeg = {"content-type": "image/jpeg"}
    cut = photo[: draw.randrange(200, len(photo) // 2)]
    kinds = [
        Question("nothing", jpeg, b"", 422),
        Question("no image", jpeg, b"<html>404</html>", 422),
        Question("cut short", jpeg, cut, 422),
        Question("bomb", {"content-type": "image/png"}, bomb(), 413),
        Question("unknown kind", {"content-type": "text/html"}, photo, 415),
        Question("packed", {**jpeg, "content-encoding": "gzip"}, photo, 415),
        Question("broken json", _JSON, b'{"content": ', 400),
        Question("no base64", _JSON, b'{"content": "no base64"}', 400),
        Question("no boundary", {"content-type": "multipart/form-data"}, photo, 400),
        Question("several", _FORM, _form(("a", "a.jpg", photo), ("b", "b.jpg", photo)), 400),
        Question("many parts", _FORM, _form(*[("a", f"{one}.jpg", b"x") for one in range(300)]), 413),
    ]
    return draw.choice(kinds)


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 4,000 megapixels."""
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG")
    content = small.getvalue()
    head = b"IHDR" + struct.pack(">II", 64_000, 64_000) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def _form(*files: tuple[str, str, bytes]) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, file, content in files
    ]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


_FORM = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
_JSON = {"content-type": "application/json"}
