"""What all ways of arriving have in common: where, what is none of it, and where it is kept until it is loaded."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.no_arrivals import IGNORE_MEANING, Ignore
from image_assets.settings.section import SettingsSection


class Arrivals(SettingsSection):
    """Files that arrive in a landing zone."""

    landing: str | None = Field(
        default=None,
        description="Folder of the landing zone, or `s3://bucket/prefix` where the kind reads buckets; default: the "
        "one that the platform is started with.",
    )
    ignore: Ignore = Field(default=(), description=IGNORE_MEANING)
    staging: str | None = Field(
        default=None,
        description="Local folder for what is unpacked, downloaded or computed before it is loaded; default: one below "
        "the folder that `IMAGE_ASSETS_STAGING` names, else `.staging` in a landing zone on disk, else in the cache "
        "folder. It may be deleted at any time.",
    )


class Archives(SettingsSection):
    """Archives among the files: zip, tar, and tar compressed by gzip, bzip2, xz or zstd, are opened like folders."""

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


class ArrivalsWithArchives(Arrivals):
    """Files among which there may be archives."""

    archives: Archives = Archives()
