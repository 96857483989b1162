"""Whether a shared file still is what it was: by what the store calls the state that it is in, else by its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import obstore
from obstore.store import ObjectStore

from image_assets.shares.share import Share, SharedFile
from image_assets.store.store import Store

Standing = Literal["there", "to be looked at", "gone"]
_REMEMBERED = 100_000


@dataclass(frozen=True)
class Lying:
    """What lies at a path.

    Attributes:
        bytes: Of it.
        e_tag: What the store calls this state of it; None where it calls it nothing.
    """

    bytes: int
    e_tag: str | None


class StandingFiles:
    """The shared files of a dataset, as they lie in its store now.

    What has the name and another state, as after a copy of the store or a new publication of the same, is read once.

    Args:
        store: Where they are.
        dataset: Whose they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset = store, dataset
        self._lock, self._found = Lock(), dict[tuple[str, Lying], str]()

    @property
    def objects(self) -> ObjectStore:
        """Rooted at the dataset's folder; it is opened anew, as a folder may come and go."""
        return self._store.objects(self._dataset)

    def lying_as(self, file: SharedFile) -> str | None:
        """What the store calls the state of a file that has just the bytes that were shared; None where they are gone.

        A file that its store has no name for is none that could be told from another one: it counts as gone.
        """
        try:
            meta = self.objects.head(file.path)
        except FileNotFoundError:
            return None
        lying = Lying(meta["size"], meta["e_tag"])
        if lying.bytes != file.bytes or lying.e_tag is None:
            return None
        if lying.e_tag == file.e_tag or self._sha256(file.path, lying) == file.sha256:
            return lying.e_tag
        return None

    def of_all(self, share: Share) -> Mapping[str, Standing]:
        """Path → how it stands, of every file of a share; nothing is read but the listing."""
        there = {
            str(one["path"]): Lying(one["size"], one["e_tag"])
            for folder in sorted({one.path.partition("/")[0] for one in share.files})
            for page in obstore.list(self.objects, f"{folder}/")
            for one in page
        }
        return {one.path: self._standing(one, there.get(one.path)) for one in share.files}

    def _standing(self, file: SharedFile, lying: Lying | None) -> Standing:
        if lying is None or lying.bytes != file.bytes:
            return "gone"
        known = self._found.get((file.path, lying))
        if known is not None:
            return "there" if known == file.sha256 else "gone"
        return "there" if lying.e_tag == file.e_tag else "to be looked at"

    def _sha256(self, path: str, lying: Lying) -> str:
        """Of what lies there in this state; read by one at a time, and only once."""
        with self._lock:
            known = self._found.get((path, lying))
            if known is None:
                known = self._read(path, lying)
                if len(self._found) >= _REMEMBERED:
                    self._found.clear()
                self._found[path, lying] = known
            return known

    def _read(self, path: str, lying: Lying) -> str:
        digest = hashlib.sha256()
        try:
            got = self.objects.get(path)
            if got.meta["e_tag"] != lying.e_tag:
                return ""
            for chunk in got.stream():
                digest.update(chunk)
        except FileNotFoundError:
            return ""
        return digest.hexdigest()
