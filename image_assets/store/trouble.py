"""What an error of a disk, a bucket or the network says, in one line, and whether waiting can mend it.

The libraries below tell it each in their own way, most of them in a text alone that goes on for screens; errors that
Dagster has recorded are texts too. What belongs here: reading these. What to do then is the matter of the caller.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from image_assets.places import without_user

ADVICE = {
    "NoSuchBucket": "there is no such bucket; name another one or make it with `image-assets bucket create`",
    "404": "there is no such bucket",
    "BucketAlreadyExists": "the name is taken by somebody else's bucket; choose another one",
    "InvalidBucketName": "3 to 63 lower-case letters, digits, - and . name a bucket",
    "BucketNotEmpty": "it is not empty; first run `image-assets bucket empty`",
    "403": "the credentials do not allow it",
    "AccessDenied": "the credentials do not allow it; reading takes s3:ListBucket and s3:GetObject",
    "InvalidAccessKeyId": "the access key is not known there; check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong; check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired; log in anew",
    "InvalidToken": "the session token is not known there; check AWS_SESSION_TOKEN",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it right",
    "PermanentRedirect": "it lies in another region; set AWS_REGION",
    "AuthorizationHeaderMalformed": "it lies in another region; set AWS_REGION",
}
"""What a server's refusal means, by its code."""

# A full disk is no matter of seconds either: what runs by itself would only wait in vain.
_LASTING = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
    | {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EINVAL}
)
_NOT_THERE = ("NoSuchKey", "404")  # of an object: a bucket that is not there has a code of its own
_BUSY = ("408", "429")
_GENERIC = re.compile(r"Generic (?!LocalFileSystem)\w+ error")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"\b([45]\d\d) [A-Z][a-z]+")
_NOBODY = re.compile(r'Could not connect to the endpoint URL: "(https?://[^/"]+)')  # as boto3 tells it
_NO_CREDENTIALS = re.compile("there are no credentials|Unable to locate credentials")
_REQUEST = re.compile(r"performing (?:GET|HEAD|PUT|POST|DELETE) (https?://[^/\s]+)(/[^?\s]*)?")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_ERRNO = re.compile(r"\[Errno (\d+)\] [^:\n]+(?:: '([^'\n]+)')?")
_PATH = re.compile(r"(?:file|path|location|directory)[: ]+\"?(/[^\"\n]*?)(?:\"|:? not found|: |\s*$)", re.MULTILINE)
_NOTE = re.compile(r"^while working on .*", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a disk, a bucket or the way there.

    Attributes:
        said: In one line, with the place as far as the error tells it.
        can_pass: Whether waiting can mend it.
    """

    said: str
    can_pass: bool


def trouble_of(error: BaseException) -> Trouble | None:
    """What an error says; None where it is of another kind."""
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error.errno, str(error.filename or ""))
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")  # as boto3 tells it
    if code in ADVICE:
        return Trouble(f"{ADVICE[code]} ({code})", can_pass=False)
    return trouble_in(str(error))


def trouble_in(text: str) -> Trouble | None:
    """What the text of an error says; None where it is of another kind."""
    text = without_user(_ANSI.sub("", text))
    if found := _ERRNO.search(text):
        return _of_system(int(found[1]), found[2] or "")
    if nobody := _NOBODY.search(text):
        return _nobody_at(nobody[1])
    if _NO_CREDENTIALS.search(text):
        return Trouble("there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", can_pass=False)
    request = _REQUEST.search(text)
    if request is None and not _GENERIC.search(text):
        found = _OS_ERROR.search(text)
        path = _PATH.search(text)
        # Local files are read and written through Rust where they are the store's.
        place = path[1] if path else "the store" if "LocalFileSystem" in text else ""
        return _of_system(int(found[1]), place) if found else None
    if answer := _answer(text, f"{request[1]}{request[2] or ''}: " if request else ""):
        return answer
    where = request[1] if request else "the bucket's address"
    if "URL scheme is not allowed" in text or "BadScheme" in text:
        return Trouble(f"{where} is not encrypted; set AWS_ALLOW_HTTP=true to allow it", can_pass=False)
    return _nobody_at(where)


def said_of(error: BaseException) -> str:
    """What an error says, in one line."""
    trouble = trouble_of(error)
    return trouble.said if trouble else in_one_line(str(error))


def recorded(kind: str, message: str) -> str:
    """An error that Dagster has recorded, in one line, with what was worked on.

    Args:
        kind: Its class.
        message: What it said, and below that what was noted of it.
    """
    text, notes = _NOTE.sub("", message), _NOTE.findall(message)
    trouble = trouble_in(text) if "Debug source:" in text else None
    said = trouble.said if trouble else f"{kind}: {in_one_line(text)}"
    return " ".join([said, *(f"({note})" for note in notes)])


@contextmanager
def of_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """Have an error of the system say which file it is of, which one that comes while writing does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


def in_one_line(text: str) -> str:
    """A text as people are shown it: its first paragraph in one line, without what only a debugger needs."""
    text = without_user(_ANSI.sub("", text)).split("Debug source:")[0].strip()
    first, *rest = [line.strip() for line in text.split("\n\n")[0].splitlines()] or [""]
    # The first line says something, whatever it looks like; those of a backtrace come after it.
    return " ".join([first, *(line for line in rest if not re.fullmatch(r"\d+: .*|at .*:\d+|\s*", line))])


def _of_system(number: int, path: str) -> Trouble:
    said = os.strerror(number).lower()
    return Trouble(f"{path}: {said}" if path else said, can_pass=number not in _LASTING)


def _nobody_at(where: str) -> Trouble:
    return Trouble(f"nobody answers at {where}; check AWS_ENDPOINT_URL and the network", can_pass=True)


def _answer(text: str, where: str) -> Trouble | None:
    """What a server answered; None where none did."""
    code, status = _CODE.search(text), _STATUS.search(text)
    known = next((name for name in ADVICE if name.isalpha() and name in text), "")
    answer = code[1] if code else known or (status[1] if status else "")
    if not answer:
        return None
    if answer in _NOT_THERE:
        return Trouble(f"{where}it is not there ({answer})", can_pass=False)
    if answer in ADVICE:
        return Trouble(f"{where}{ADVICE[answer]} ({answer})", can_pass=False)
    lasting = status is not None and status[1].startswith("4") and status[1] not in _BUSY
    return Trouble(f"{where}the server answers {answer}", can_pass=not lasting)
