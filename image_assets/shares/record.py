"""The shares of a dataset: a record each in its store, which is made and revoked by conditional writes.

Who has a link has its token, 32 random bytes; the record has the digest of it. Whoever reads the store can make no link
of that, and the record's name, the beginning of the digest, finds it by the link without all others being read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets

from pydantic import ValidationError

from image_assets.settings.section import faults_of
from image_assets.shares.contents import Contents
from image_assets.shares.share import Share, ShareError
from image_assets.store.conditional_put import ChangedMeanwhileError, Stored, put_if_unchanged, read_stored
from image_assets.store.objects import remove, sizes_below
from image_assets.store.retrying import until_landed
from image_assets.store.store import Store

SHARES = "shares"
"""The folder of a dataset that holds them."""
LONGEST = dt.timedelta(days=3_650)
_TOKEN_BYTES, _ID_DIGITS = 32, 12
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_ID = re.compile(r"[0-9a-f]{12}")


class ShareBook:
    """The shares of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset = store, dataset

    def make(
        self, contents: Contents, lasts: dt.timedelta, by: str, note: str = "", now: dt.datetime | None = None
    ) -> tuple[Share, str]:
        """A new share, and its token, which is kept nowhere.

        Args:
            contents: What it is of.
            lasts: How long it leads there.
            by: Who shares.
            note: Whom it is for, or why.
            now: With a time zone; default: the time.

        Raises:
            ShareError: it is to last too long, or no time at all.
        """
        if not dt.timedelta() < lasts <= LONGEST:
            raise ShareError(f"a share lasts up to {LONGEST.days:,} days, and longer than no time")
        created = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        digest = _digest(token)
        share = Share(
            id=digest[:_ID_DIGITS],
            token_sha256=digest,
            dataset=self._dataset,
            created=created,
            expires=created + lasts,
            by=by[:100],
            note=note,
            rows=contents.rows,
            marks=contents.marks,
            files=contents.files,
        )
        put_if_unchanged(self._store.objects(), self._path(share.id), _bytes(share), None)
        return share, token

    def of_token(self, token: str) -> Share | None:
        """The share that a link leads to, in whatever state it is; None where no link has this token."""
        if not _TOKEN.fullmatch(token):
            return None
        digest = _digest(token)
        share = self.named(digest[:_ID_DIGITS])
        # The same time whatever differs: how nearly a token was right is told to nobody.
        return share if share and hmac.compare_digest(share.token_sha256, digest) else None

    def named(self, share_id: str) -> Share | None:
        """The share of an id. Raises `ShareError` where its record cannot be read."""
        return self._read(share_id)[1] if _ID.fullmatch(share_id) else None

    def all(self) -> list[Share]:
        """Every share, the latest first. Raises `ShareError` where a record cannot be read."""
        if not self._is_there():
            return []
        prefix = f"{self._dataset}/{SHARES}/"
        names = (path.removeprefix(prefix).removesuffix(".json") for path in sizes_below(self._store.objects(), prefix))
        found = (self.named(name) for name in sorted(names))
        return sorted((one for one in found if one), key=lambda one: (one.created, one.id), reverse=True)

    def revoke(self, beginning: str, now: dt.datetime | None = None) -> Share:
        """Have a share lead nowhere from now on; one that was revoked before stays as it is.

        Args:
            beginning: Of its id.
            now: With a time zone; default: the time.

        Raises:
            ShareError: there is none, or there are several.
        """
        ids = [one.id for one in self.all() if beginning and one.id.startswith(beginning)]
        if len(ids) != 1:
            said = f"{len(ids)} shares begin so: {', '.join(sorted(ids))}" if ids else "there is no such share"
            raise ShareError(f"{beginning!r}: {said}; image-assets share --list names them")
        revoked = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0)

        def change() -> Share:
            stored, share = self._read(ids[0])
            if share is None:
                raise ShareError(f"the record of {ids[0]} was removed meanwhile: it leads nowhere")
            if share.revoked is not None:
                return share
            changed = share.model_copy(update={"revoked": revoked})
            put_if_unchanged(self._store.objects(), self._path(share.id), _bytes(changed), stored)
            return changed

        return until_landed(change, ChangedMeanwhileError)

    def clear(self, now: dt.datetime | None = None) -> list[Share]:
        """Remove the records of the shares that lead nowhere any more: those, the latest first.

        Their links then are like any that there never was.

        Args:
            now: With a time zone; default: the time.

        Raises:
            ShareError: a record cannot be read.
        """
        moment = now or dt.datetime.now(dt.UTC)
        # What has ended or was revoked never leads anywhere again, so that nobody can change it meanwhile.
        over = [one for one in self.all() if one.state(moment) != "open"]
        remove(self._store.objects(), *(self._path(one.id) for one in over))
        return over

    def _read(self, share_id: str) -> tuple[Stored | None, Share | None]:
        path = self._path(share_id)
        stored = read_stored(self._store.objects(), path) if self._is_there() else None
        if stored is None:
            return None, None
        try:
            return stored, Share.model_validate_json(stored.content)
        except ValidationError as error:
            raise ShareError(f"{path} is no share of format 1: {faults_of(error)}") from None

    def _path(self, share_id: str) -> str:
        return f"{self._dataset}/{SHARES}/{share_id}.json"

    def _is_there(self) -> bool:
        """Reading makes no folder."""
        return self._store.local is None or (self._store.local / self._dataset / SHARES).is_dir()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _bytes(share: Share) -> bytes:
    return (share.model_dump_json(indent=1) + "\n").encode()
