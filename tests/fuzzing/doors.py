"""The doors: what each is given to begin with, and what it may answer. Anything else that comes out is a fault.

What a door needs is imported where it is made: each is played in processes of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Door:
    """A door.

    Attributes:
        seeds: Good inputs.
        enter: Takes an input.
        refusals: What it raises where it does not take one.
        share: Of all inputs of a run, how many are for it.
    """

    seeds: tuple[bytes, ...]
    enter: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    share: float


def _pictures() -> Door:
    from image_assets.images.decode import decode
    from image_assets.images.reasons import Rejected
    from image_assets.settings.stages import Limits
    from tests.images.test_decode import VALID

    warnings.simplefilter("ignore")
    # What is claimed is kept small, so that a great many can be looked at.
    limits = Limits(max_pixels=100_000)
    return Door(tuple(VALID.values()), lambda content: decode(content, limits), (Rejected,), 0.6)


def _models() -> Door:
    from image_assets.store.models.skops_files import UnsafeModelError, dump_model, parse_model
    from tests.store.kept_models import fitted

    return Door((dump_model(fitted()), dump_model(fitted(1, 3))), parse_model, (UnsafeModelError,), 0.04)


def _tensors() -> Door:
    from image_assets.store.models.tensor_files import TensorFileError, dump_tensors, parse_tensors

    arrays = {"weight": np.ones((4, 3), np.float32), "bias": np.arange(4, dtype=np.int64)}
    seeds = (dump_tensors(arrays, {"kind": "network", "layers": "2"}), dump_tensors({}, {}))
    return Door(seeds, parse_tensors, (TensorFileError,), 0.16)


_BOUNDARY = "boundary"


def _form(*files: tuple[str, bytes]) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _uploads() -> Door:
    from starlette.datastructures import Headers

    from image_assets.console.refusals import Refused
    from image_assets.console.uploads import uploads_in
    from tests.pictures import picture as drawn

    picture = drawn(0, 0, side=8)
    one = {"content": base64.b64encode(picture).decode(), "name": "a.png"}
    forms = (_form(("a.png", picture)), _form(("a.png", b"x"), ("b c.png", picture)), _form())
    texts = tuple(json.dumps(said).encode() for said in (one, {"images": [one, one]}, {"images": []}, {}))
    loop = asyncio.new_event_loop()

    def enter(content: bytes) -> object:
        # The body begins with what kind it is said to be of.
        kind = f"multipart/form-data; boundary={_BOUNDARY}" if content[:1] == b"-" else "application/json"
        return loop.run_until_complete(uploads_in(Headers({"content-type": kind}), content, 8))

    return Door((*forms, *texts), enter, (Refused,), 0.2)


DOORS: dict[str, Callable[[], Door]] = {
    "pictures": _pictures,
    "models": _models,
    "tensors": _tensors,
    "uploads": _uploads,
}
