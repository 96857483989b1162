"""Archives among what arrives."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.section import SettingsSection


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
