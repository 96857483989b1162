"""A proxy before a real S3 server that notes which action of IAM every request is, and on which part of the bucket."""

from __future__ import annotations

import multiprocessing
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urlsplit

from tests.s3_server import S3Server

Used = set[tuple[str, str]]
"""Actions, each with the first folder of the bucket that it was asked of."""
_KEY = re.compile(r"<Key>([^<]*)</Key>")  # of a request that deletes many
_PASSED_ON = ("ETag", "Last-Modified", "Content-Range", "Content-Type", "Accept-Ranges")


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


class _Recording(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = ""
    used: Used

    def _pass_on(self) -> None:
        asked = urlsplit(self.path)
        query = parse_qs(asked.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = unquote(asked.path).strip("/").partition("/")[2] or query.get("prefix", [""])[0]
        keys = _KEY.findall(body.decode()) if "delete" in query else [key]
        action = action_of(self.command, asked.path, query)
        self.used.update((action, key.partition("/")[0]) for key in keys)
        request = urllib.request.Request(
            self.target + self.path, data=body or None, headers=dict(self.headers.items()), method=self.command
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as got:
                status, headers, content = got.status, got.headers, got.read()
        except HTTPError as error:
            status, headers, content = error.code, error.headers, error.read()
        self.send_response(status)
        for name in _PASSED_ON:
            if name in headers:
                self.send_header(name, headers[name])
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815  # as the base class asks for them

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _serve(target: str, told: Connection) -> None:
    """Be the proxy of a server until something is told, and then say what was used."""
    used: Used = set()
    handler = type("Handler", (_Recording,), {"target": target, "used": used})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        told.send(proxy.server_port)
        told.recv()
        told.send(used)
        proxy.shutdown()


@contextmanager
def recording(server: S3Server) -> Iterator[tuple[dict[str, str], Used]]:
    """Storage options that lead through the proxy, and what was used, which is known at the end.

    It is a process of its own: a library that waits for it while it holds the interpreter lock would wait for ever.
    """
    used: Used = set()
    here, there = multiprocessing.Pipe()
    proxy = multiprocessing.get_context("spawn").Process(target=_serve, args=(server.endpoint, there), daemon=True)
    proxy.start()
    try:
        yield {**server.storage_options, "aws_endpoint": f"http://127.0.0.1:{here.recv()}"}, used
        here.send("ended")
        used.update(here.recv())
    finally:
        proxy.terminate()
        proxy.join()
