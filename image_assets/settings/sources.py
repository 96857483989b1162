"""Where images come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from image_assets.settings.section import Section

_IGNORE = (".*", "Thumbs.db", "desktop.ini", "__MACOSX")


class Archives(Section):
    """Archives among the files: zip, tar, tar.gz and tar.zst, by name and content, are opened like folders."""

    unpack: bool = Field(default=True, description="Whether they are opened; else they are files, and no images.")
    members: int = Field(
        default=5_000_000, ge=1, description="Most members of an archive, with all archives that are nested in it."
    )
    bytes: int = Field(default=2_000_000_000_000, ge=1, description="Most bytes that an archive may unpack to.")
    ratio: float = Field(
        default=200, ge=1, description="Most bytes unpacked per byte of the archive, beyond the first 100 MB of it."
    )
    nesting: int = Field(
        default=3, ge=1, description="How deep archives may lie in each other; 1: those within archives stay closed."
    )


class FolderSource(Section):
    """Files under `LANDING/<day>/<category>/**`, at any depth."""

    kind: Literal["folder"] = "folder"
    landing: str | None = Field(
        default=None, description="Local folder of the landing zone; default: the one the platform is started with."
    )
    ignore: tuple[str, ...] = Field(
        default=_IGNORE,
        description="File and folder names (shell patterns) that are no arrivals: what desktops leave behind.",
    )
    archives: Archives = Archives()
    staging: str | None = Field(
        default=None,
        description="Local folder for what is unpacked before it is loaded; default: one below the folder that "
        "`IMAGE_ASSETS_STAGING` names, else `.staging` in the landing zone. It may be deleted at any time.",
    )


class BucketSource(Section):
    """Objects of a bucket, `s3://bucket/prefix`, or files of a local folder by the same code."""

    kind: Literal["bucket"]
    landing: str | None = Field(
        default=None, description="`s3://bucket/prefix`; default: the landing zone that the platform is started with."
    )
    days: Literal["by_key", "by_last_modified"] = Field(
        default="by_key",
        description="Where an object's day of arrival is found: in its key, `<day>/<category>/**`, or in its last "
        "modification, in the dataset's time zone, with keys `<category>/**`.",
    )
    ignore: tuple[str, ...] = Field(
        default=_IGNORE, description="Names of objects, and of parts of keys (shell patterns), that are no arrivals."
    )
    archives: Archives = Archives()
    staging: str | None = Field(
        default=None,
        description="Local folder for what is unpacked before it is loaded; default: one below the folder that "
        "`IMAGE_ASSETS_STAGING` names, else in the cache folder. It may be deleted at any time.",
    )


Source = Annotated[FolderSource | BucketSource, Field(discriminator="kind")]
