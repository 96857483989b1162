"""What a share is: exact contents that somebody may read until a moment, and the marks that are in them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from image_assets.errors import Explained
from image_assets.settings.section import DatasetName, Sha256, Strict

Count = Annotated[int, Field(ge=0)]
State = Literal["open", "expired", "revoked"]
ShareId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]


class ShareError(Explained, ValueError):
    """Something that cannot be shared, or a share that there is none of: the message says which and why."""


class SharedFile(Strict):
    """A file as it was when it was shared."""

    # Nothing that a shell, a URL or curl takes for more than a name.
    path: str = Field(pattern=r"^[A-Za-z0-9_=./\-]+$", description="Below the dataset's folder in the store.")
    bytes: Count
    sha256: Sha256
    e_tag: str | None = Field(description="What the store called this state of it.")

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]


class MarksIncluded(Strict):
    """What of people's marks is in what is shared."""

    images: Count = Field(description="Images that people said something of, which is in the shards.")
    latest: AwareDatetime | None = Field(description="When the latest of it was said; null: nothing was.")
    not_yet: Count = Field(description="Images of which something was said that the shards do not follow yet.")

    def __str__(self) -> str:
        if not self.images and not self.not_yet:
            return "no marks: nobody has said anything of these images"
        latest = f", the latest of {self.latest:%Y-%m-%d %H:%M} UTC" if self.latest else ""
        waiting = f"; those of {self.not_yet:,} more are not in it yet" if self.not_yet else ""
        return f"the marks of {self.images:,} image{'s' if self.images != 1 else ''}{latest}{waiting}"


class Share(Strict):
    """What one link leads to. The link itself is nowhere: of what it holds only a digest is kept."""

    format: Literal[1] = 1
    id: ShareId
    token_sha256: Sha256
    dataset: DatasetName
    created: AwareDatetime
    expires: AwareDatetime
    revoked: AwareDatetime | None = None
    by: str = Field(max_length=100)
    note: str = Field(max_length=1_000)
    rows: Count
    marks: MarksIncluded
    files: list[SharedFile]

    def state(self, now: dt.datetime) -> State:
        """Whether it leads anywhere at a moment."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if now >= self.expires else "open"

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(one.bytes for one in self.files)

    def file_at(self, path: str) -> SharedFile | None:
        """The file of a path; None for whatever is not shared, however it is spelt."""
        return next((one for one in self.files if one.path == path), None)

    def as_json(self, now: dt.datetime) -> dict[str, Any]:
        """Its entry in what programs are told."""
        said = self.model_dump(
            mode="json", include={"id", "created", "expires", "revoked", "by", "note", "rows", "marks"}
        )
        return {**said, "state": self.state(now), "files": len(self.files), "bytes": self.bytes}
