"""`/share/<token>/`: what a link to published shards leads to, for people in a browser and for programs that download.

The token is in the address, so that a link is all that somebody needs. No log of ours has it: what is downloaded is
logged by the id of the share.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import obstore
from obstore.exceptions import PreconditionError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from image_assets.console.byte_ranges import Part, is_known, part_asked_for
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.console.share_list import Uses
from image_assets.dataset import DatasetSpec
from image_assets.shards.manifest import FEATURE_SHARDS
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share, SharedFile
from image_assets.shares.standing import StandingFiles
from image_assets.store.presigned import presigned
from image_assets.store.store import Store

DOWNLOADS = logging.getLogger(__name__)
"""A line for every download."""
_CHUNK = 1024 * 1024
_REDIRECTED = dt.timedelta(minutes=5)
_ALL = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
_GONE = "%s is not what was shared any more: it was published anew or removed since. Ask for a new link."


def log_downloads() -> None:
    """Have the lines written to stderr, each with its time."""
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    DOWNLOADS.addHandler(to_stderr)
    DOWNLOADS.setLevel(logging.INFO)


@dataclass(frozen=True)
class Sharing:
    """What links are answered with.

    Attributes:
        store: Where shards and shares are.
        book: The shares of the dataset.
        standing: The files of them.
        uses: What of them is downloaded.
    """

    store: Store
    book: ShareBook
    standing: StandingFiles
    uses: Uses

    @classmethod
    def of(cls, dataset: DatasetSpec, store: Store) -> Sharing:
        """For a dataset."""
        return cls(store, ShareBook(store, dataset.name), StandingFiles(store, dataset.name), Uses())

    def opened(self, token: str) -> Share:
        """The share of a token. Raises `Refused`: 404 where there is none, 410 where it leads nowhere any more."""
        share = self.book.of_token(token)
        if share is None:
            raise Refused(404, "unknown_share", "no link is like this one; is it whole?")
        match share.state(dt.datetime.now(dt.UTC)):
            case "revoked":
                raise Refused(410, "revoked", f"this link was revoked on {_day(share.revoked)}. Ask for a new one.")
            case "expired":
                raise Refused(410, "expired", f"this link ended on {_day(share.expires)}. Ask for a new one.")
        return share

    def file(self, token: str, path: str) -> tuple[Share, SharedFile, str]:
        """A share, a file of it, and what the store calls the state that this is in. Raises `Refused` as `opened`."""
        share = self.opened(token)
        file = share.file_at(path)
        if file is None:
            raise Refused(404, "not_shared", "this link leads to no such file; its page lists what it leads to")
        lying_as = self.standing.lying_as(file)
        if lying_as is None:
            raise Refused(410, "replaced", _GONE % file.name)
        return share, file, lying_as


def share_routes(sharing: Sharing) -> list[Route]:
    """Its addresses."""

    async def page(request: Request) -> Response:
        try:
            share = await run_in_threadpool(sharing.opened, request.path_params["token"])
        except Refused as refused:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            told = {"share": None, "problem": refused.message}
            return _private(html_page(request, "share.html", refused.status, title="A link to shards", **told))
        standing = await run_in_threadpool(sharing.standing.of_all, share)
        listed = [{"file": one, "standing": standing[one.path], "url": _url(request, one)} for one in share.files]
        shown = {"share": share, "files": listed, "curl": _url(request, None, "curl.txt"), "problem": ""}
        return _private(html_page(request, "share.html", title=f"Shards of {share.dataset}", **shown))

    async def listing(request: Request) -> Response:
        share = await run_in_threadpool(sharing.opened, request.path_params["token"])
        return _private(JSONResponse(_listing(request, share)))

    async def curl(request: Request) -> Response:
        share = await run_in_threadpool(sharing.opened, request.path_params["token"])
        return _private(PlainTextResponse(_curl(request, share)))

    async def checksums(request: Request) -> Response:
        share = await run_in_threadpool(sharing.opened, request.path_params["token"])
        return _private(PlainTextResponse("".join(f"{one.sha256}  {one.path}\n" for one in share.files)))

    async def download(request: Request) -> Response:
        said = request.path_params["token"], request.path_params["path"]
        share, file, lying_as = await run_in_threadpool(sharing.file, *said)
        e_tag = f'"{file.sha256}"'
        if is_known(request.headers, e_tag):
            return _private(Response(status_code=304, headers={"etag": e_tag}))
        part = part_asked_for(request.headers, file.bytes, e_tag)
        status = 200 if part.is_whole else 206
        # A shard's name has a digest of its content, so that its address never leads to other bytes; a manifest's has.
        if request.method == "GET" and sharing.store.local is None and file.path.startswith(f"{FEATURE_SHARDS}/"):
            left = share.expires - dt.datetime.now(dt.UTC)
            url = presigned(sharing.standing.objects, file.path, min(left, _REDIRECTED))
            answer: Response = RedirectResponse(url, 307)
        else:
            answer = await _content(request, sharing, file, part, lying_as)
            answer.status_code = status
            answer.headers.update(_of_file(file, e_tag, part))
        if request.method == "GET":
            sharing.uses.count(share.id)
        client = request.client.host if request.client else "somebody"
        said = share.id, request.method, file.path, part.first, part.end, part.of, answer.status_code, client
        DOWNLOADS.info("share %s: %s %s, bytes %d to %d of %d, %d, for %s", *said)
        return _private(answer)

    async def without_slash(request: Request) -> Response:
        return _private(RedirectResponse(f"{quote(request.path_params['token'])}/", 307))

    return [
        Route("/share/{token}", without_slash),
        Route("/share/{token}/", page),
        Route("/share/{token}/share.json", listing),
        Route("/share/{token}/curl.txt", curl),
        Route("/share/{token}/SHA256SUMS", checksums),
        Route("/share/{token}/files/{path:path}", download),
    ]


async def _content(request: Request, sharing: Sharing, file: SharedFile, part: Part, lying_as: str) -> Response:
    """A part of a file, read as it is sent, and only of the state that was looked at."""
    if request.method == "HEAD" or part.first == part.end:
        return Response()
    try:
        wanted = {"range": (part.first, part.end), "if_match": lying_as}
        got = await obstore.get_async(sharing.standing.objects, file.path, options=wanted)  # pyright: ignore[reportArgumentType]
    except (FileNotFoundError, PreconditionError):
        raise Refused(410, "replaced", _GONE % file.name) from None
    return StreamingResponse(bytes(chunk) async for chunk in got.stream(min_chunk_size=_CHUNK))


def _of_file(file: SharedFile, e_tag: str, part: Part) -> dict[str, str]:
    kind = "application/json" if file.name.endswith(".json") else "application/octet-stream"
    return {
        **part.headers(),
        "etag": e_tag,
        "accept-ranges": "bytes",
        "content-type": kind,
        "content-disposition": f'attachment; filename="{file.name}"',
    }


def _private(answer: Response) -> Response:
    """An answer that tells the next page nothing of the link, and that no machine in between keeps."""
    for name, value in _ALL.items():
        answer.headers[name] = value
    answer.headers["cache-control"] = "private, no-store"
    return answer


def _url(request: Request, file: SharedFile | None, name: str = "") -> str:
    """The whole address of something of a share, under the name that was asked."""
    token = quote(request.path_params["token"])
    scheme = "https" if request.headers.get("x-forwarded-proto", "") == "https" else request.url.scheme
    below = f"files/{quote(file.path, safe='/=')}" if file else name
    return f"{scheme}://{request.headers['host']}/share/{token}/{below}"


def _listing(request: Request, share: Share) -> dict[str, Any]:
    said = share.as_json(dt.datetime.now(dt.UTC))
    files = [one.model_dump(include={"path", "bytes", "sha256"}) | {"url": _url(request, one)} for one in share.files]
    return {**said, "dataset": share.dataset, "files": files}


def _curl(request: Request, share: Share) -> str:
    """All files as `curl -K` takes them; what is there in part is gone on with, and folders are as in the store."""
    lines = ["fail", "location", "create-dirs", "continue-at = -"]
    for number, one in enumerate(share.files):
        lines += ["next", *lines[:4]] if number else []
        lines += [f'url = "{_url(request, one)}"', f'output = "{one.path}"']
    return "\n".join(lines) + "\n"


def _day(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d, %H:%M} UTC" if moment else "–"
