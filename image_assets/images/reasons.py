"""Why a file is refused: the reason codes of the quarantine, and the exception that carries one."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A reason code, as it stands in the quarantine table; `meaning` says it in a sentence."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Reason:
        """A string that also knows its meaning."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    UNREADABLE = "unreadable", "The source could not hand out the file's bytes."
    EMPTY = "empty", "The file has no bytes."
    TOO_MANY_BYTES = "too_many_bytes", "The file is larger than the dataset's limit."
    NOT_AN_IMAGE = "not_an_image", "The content does not begin like any image format that is known here."
    UNSUPPORTED_FORMAT = (
        "unsupported_format",
        ("The content is an image of a format that is not accepted, or of a kind of it that cannot be decoded here."),
    )
    FORMAT_NOT_LET_IN = (
        "format_not_let_in",
        "The content is of a format that could be decoded, and that the dataset's `limits.formats` leaves out.",
    )
    TOO_MANY_PIXELS = "too_many_pixels", "Width × height is above the dataset's limit; nothing was decoded."
    SIDE_TOO_LONG = "side_too_long", "A side is longer than the dataset's limit; nothing was decoded."
    SIDE_TOO_SHORT = "side_too_short", "A side is shorter than the dataset's limit; nothing was decoded."
    TOO_MANY_PARTS = "too_many_parts", "The file has so many chunks, blocks, scans or tags that reading takes too long."
    TRUNCATED = "truncated", "The content ends before the picture does."
    CORRUPT = "corrupt", "The picture cannot be decoded: it is damaged."
    OUT_OF_MEMORY = "out_of_memory", "Decoding the picture needs more memory than could be had."
    ENDS_THE_PROCESS = (
        "ends_the_process",
        "The process that decodes the picture, or makes its features, ends in the middle of it, or never does; the "
        "detail says how.",
    )
    URL_NOT_ALLOWED = "url_not_allowed", "The URL, or one it redirects to, is none that may be downloaded from."
    HOST_NOT_FOUND = "host_not_found", "The URL's host has no address."
    CONNECTION_FAILED = "connection_failed", "No connection could be made, or it broke before the file was whole."
    TIMED_OUT = "timed_out", "Connecting or downloading took longer than the source's settings allow."
    HTTP_ERROR = "http_error", "The server answered with an error; the detail holds the status."
    TOO_MANY_REDIRECTS = "too_many_redirects", "The URL redirects more often than the source's settings allow."
    DISALLOWED_BY_ROBOTS = "disallowed_by_robots", "The server's robots.txt asks not to download this."
    AMBIGUOUS_NAME = (
        "ambiguous_name",
        "The file may be several images of the annotations, or is one of several files that may be one of them.",
    )
    NOT_FINITE = "not_finite", "A floating-point picture holds NaN or infinity, so its brightness is undefined."
    ARCHIVE_DAMAGED = (
        "archive_damaged",
        "The archive is damaged or cut off; what could be read of it is loaded, the detail says where it breaks.",
    )
    ARCHIVE_TOO_MANY_MEMBERS = (
        "archive_too_many_members",
        "The archive holds more members than the dataset's limit; the rest of it is not loaded.",
    )
    ARCHIVE_TOO_MANY_BYTES = (
        "archive_too_many_bytes",
        "Unpacked, the archive is larger than the dataset's limit; the rest of it is not loaded.",
    )
    ARCHIVE_RATIO = (
        "archive_ratio",
        "Unpacked, the archive grows by more than the dataset's limit, as bombs do; the rest of it is not loaded.",
    )
    ARCHIVE_NESTING = "archive_nesting", "An archive within more archives than the dataset's limit; it is not opened."
    ARCHIVE_NOT_OPENED = (
        "archive_not_opened",
        "An archive of a kind that is not opened, or a part of a split one; the detail says what to do.",
    )
    ARCHIVE_EMPTY = "archive_empty", "The archive holds no file; its export may have failed."
    MEMBER_DAMAGED = "member_damaged", "A member of an archive cannot be unpacked, or its checksum is wrong."
    MEMBER_ENCRYPTED = "member_encrypted", "A member of an archive is encrypted."
    MEMBER_UNSUPPORTED = "member_unsupported", "A member of an archive is stored in a way that is not known here."
    REMOVED = "removed", "The image was removed for good, and its file still arrives; it is not loaded again."
    MEMBER_NO_FILE = "member_no_file", "A member of an archive is a link, a device or another thing that is no file."


class WithReason(Exception):
    """An error that has a code for the quarantine.

    Attributes:
        reason: The code.
        detail: For a person: what was looked at, what was found, what is allowed.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class Rejected(WithReason):
    """A file that is no acceptable image."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
