"""A proxy before a real S3 server that notes which action of IAM every request is, and on which part of the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.s3_proxy.proxy import Exchange, Passing, proxied
from tests.s3_server import S3Server

Used = set[tuple[str, str]]
"""Actions, each with the first folder of the bucket that it was asked of."""
_KEY = re.compile(r"<Key>([^<]*)</Key>")  # of a request that deletes many


def action_of(method: str, path: str, query: dict[str, list[str]]) -> str:
    """The action that a request needs: Amazon S3's "Actions, resources, and condition keys", of what is used here."""
    is_bucket = "/" not in path.strip("/")
    if is_bucket:
        if method == "POST" and "delete" in query:
            return "s3:DeleteObject"
        listed = "s3:ListBucketMultipartUploads" if "uploads" in query else "s3:ListBucket"
        return listed if method == "GET" else f"{method} of a bucket"
    if method == "DELETE":
        return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    return {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "POST": "s3:PutObject"}[method]


class Recording(Passing):
    """Hands everything on, and gives what was used to whoever asks."""

    def __init__(self) -> None:
        self._used: Used = set()

    def told(self, message: Any) -> Used:
        return self._used

    async def handle(self, exchange: Exchange) -> None:
        request = exchange.request
        key = request.key or request.query.get("prefix", [""])[0]
        keys = _KEY.findall((await exchange.body()).decode()) if "delete" in request.query else [key]
        action = action_of(request.method, request.path, request.query)
        self._used |= {(action, key.partition("/")[0]) for key in keys}
        await super().handle(exchange)


@contextmanager
def recording(server: S3Server) -> Iterator[tuple[dict[str, str], Used]]:
    """Storage options that lead through the proxy, and what was used, which is known at the end."""
    used: Used = set()
    with proxied(server, Recording) as proxy:
        yield proxy.storage_options, used
        used.update(proxy.tell("ended"))
