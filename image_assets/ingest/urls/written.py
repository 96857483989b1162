"""How a URL goes out: byte for byte as it was written, since signatures are made over these bytes.

Only what servers could not read is written otherwise, as browsers do it: blanks, quotation marks and other letters than
ASCII are percent-encoded, and the segments `.` and `..` of a path are resolved.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from yarl import URL

# RFC 3986, appendix B, of a URL that has a scheme and an authority.
_PARTS = re.compile(r"[^:/?#]+://[^/?#]*([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_NO_ESCAPE = r"%(?![0-9A-Fa-f]{2})"
_NOT_IN_PATH = re.compile(_NO_ESCAPE + r'|[^!-~]|["<>^`{}]')
_NOT_IN_QUERY = re.compile(_NO_ESCAPE + r'|[^!-~]|["<>]')


def as_written(text: str, url: URL) -> URL:
    """The URL that is asked for: the host of `url`, path and query as they stand in `text`; no fragment.

    Args:
        text: As it stands in a list or a redirect; bytes that are no UTF-8 as surrogate escapes.
        url: What it was read as.

    Raises:
        ValueError: it is no URL with a host, or holds what no URL can hold.
    """
    parts = _PARTS.match(text)
    if parts is None:
        raise ValueError("no scheme and host at its beginning")
    path = url.raw_path if _DOT_SEGMENT.search(parts[1]) else _encoded(_NOT_IN_PATH, parts[1])
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=path or "/",
        query_string=_encoded(_NOT_IN_QUERY, parts[2] or ""),
        encoded=True,
    )


def redirected(base: URL, target: str) -> str:
    """The URL that a redirect leads to (RFC 3986, 5.2.2), as it is written there; dot segments are left in it."""
    if _SCHEME.match(target):
        return target
    if target.startswith("//"):
        return f"{base.scheme}:{target}"
    place = f"{base.scheme}://{base.raw_authority}"
    if target.startswith("/"):
        return place + target
    if target.startswith("?"):
        return place + base.raw_path + target
    if not target or target.startswith("#"):
        return place + base.raw_path_qs
    return f"{place}{base.raw_path.rpartition('/')[0]}/{target}"


def _encoded(forbidden: re.Pattern[str], text: str) -> str:
    return forbidden.sub(lambda found: quote(found[0].encode("utf-8", "surrogateescape"), safe=""), text)
