"""What a request is told that is not answered: a status, a code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from image_assets.answers.known_names import UnknownName
from image_assets.answers.neighbours import UnknownImage
from image_assets.classifier.promotion.by_hand import ModelCommandError
from image_assets.features.errors import ExtractorError
from image_assets.features.table import MixedExtractors
from image_assets.images.reasons import Reason
from image_assets.marks.record import MarkError
from image_assets.networks.errors import NetworksMissingError
from image_assets.places import PlaceError
from image_assets.predict.answer import NoImage
from image_assets.search.kept import IndexBusy
from image_assets.shares.share import ShareError
from image_assets.store.models.model_files import ModelMissingError, ModelRefusedError
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.delta_tables import CommitConflict
from image_assets.store.tables.versions import OtherVersion
from image_assets.store.trouble import in_one_line
from image_assets.wording import printable_text

_INFERENCE_PROTOCOL = "/v2"
_CODES = {404: "not_found", 405: "method_not_allowed"}
_TOO_LARGE = (Reason.TOO_MANY_BYTES, Reason.TOO_MANY_PIXELS, Reason.SIDE_TOO_LONG)


@dataclass
class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: Of HTTP.
        code: For programs: lower-case words and `_`.
        message: A sentence that says what is wrong and what to do.
        headers: That go with it.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Its entry in answers."""
        return {"code": self.code, "message": self.message}


TOLD: tuple[type[Exception], ...] = (
    *(Refused, ModelMissingError, ModelRefusedError, ExtractorError, ModelCommandError),
    NetworksMissingError,
    *(Damaged, OtherVersion, MarkError, UnknownImage, MixedExtractors, CommitConflict, PlaceError, IndexBusy),
    *(ShareError, UnknownName),
)
"""Errors of which somebody who asks is told what they say."""


def of_image(answer: NoImage) -> Refused:
    """What is told of a file that the door does not let in."""
    status = 413 if answer.reason in _TOO_LARGE else 422
    return Refused(status, answer.reason.value, f"this is no image that is let in: {answer.detail}")


def of_error(error: Exception) -> Refused:
    """What is told of an error: what somebody can mend in its own words, of any other that there was one."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ModelMissingError):
        return Refused(503, "no_model", f"{in_one_line(str(error))}; run a day first (image-assets run)")
    if isinstance(error, ModelRefusedError | ExtractorError | NetworksMissingError):
        return Refused(503, "model_unusable", in_one_line(str(error)))
    if isinstance(error, ModelCommandError):
        return Refused(409, "not_possible", in_one_line(str(error)))
    if isinstance(error, UnknownName):
        return Refused(400, "bad_query", in_one_line(str(error)))
    if isinstance(error, UnknownImage):
        return Refused(404, "unknown_image", in_one_line(str(error.args[0])))
    if isinstance(error, MarkError | MixedExtractors):
        return Refused(409, "not_possible", in_one_line(str(error)))
    if isinstance(error, CommitConflict):
        return Refused(409, "changed_meanwhile", "somebody else marked images at the same moment; try again")
    if isinstance(error, IndexBusy):
        return Refused(503, "indexing", str(error), {"retry-after": "2"})
    if isinstance(error, PlaceError):
        return Refused(503, "store_unwritable", in_one_line(str(error)))
    if isinstance(error, Damaged | OtherVersion | ShareError):
        return Refused(503, "store_unreadable", in_one_line(str(error)))
    return Refused(500, "failed", "this failed in a way that is a fault of the console; its log says where")


def response_to(request: Request, refused: Refused) -> Response:
    """The answer, in the form that whoever asks expects; what was asked for may be in it, and is shown as text."""
    refused = replace(refused, message=printable_text(refused.message))
    if request.url.path.startswith(_INFERENCE_PROTOCOL):
        return JSONResponse({"error": refused.message}, refused.status, dict(refused.headers))
    return JSONResponse({"error": refused.as_json()}, refused.status, dict(refused.headers))


def of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Refused:
    """What is told where no route takes a request."""
    said = {
        404: "there is nothing at this address; /docs lists what there is",
        405: "this address takes another method",
    }
    return Refused(status, _CODES.get(status, "refused"), said.get(status, detail), headers or {})
