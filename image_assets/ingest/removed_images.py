"""Files of images that were removed for good: they are refused, and neither they nor what belongs to them is named."""

from __future__ import annotations

from dataclasses import replace

from image_assets.images.reasons import Reason
from image_assets.ingest.fingerprint import Fingerprints, Refusal
from image_assets.ingest.source import Listing, SourceFile
from image_assets.removal.tombstones import Tombstones, hidden


def without_removed(listing: Listing, looked: Fingerprints, tombstones: Tombstones) -> tuple[Listing, Fingerprints]:
    """What arrived, with the files of removed images refused, and their names, and those of what came along, hidden.

    Where nothing was looked at, files are known by their names alone.

    Args:
        listing: What arrived.
        looked: What these files are.
        tombstones: Which images were removed.
    """
    if not tombstones.by_id:
        return listing, looked
    removed = {one.file.source: one for one in looked.known if one.image_id in tombstones.ids}
    beside = {one.file.source for one in looked.companions if one.picture in removed}
    others = {one.file.source for one in looked.known}  # another image of the same name is none that was removed
    by_name = {file.source for file in listing.files if tombstones.of_source(file.source)} - others
    hide = {*removed, *beside, *by_name}

    def named(file: SourceFile) -> SourceFile:
        return replace(file, source=hidden(file.source)) if file.source in hide else file

    refused = [replace(one, file=named(one.file)) for one in looked.refused]
    for one in removed.values():
        refused.append(Refusal(named(one.file), None, Reason.REMOVED, tombstones.said(one.image_id)))
    companions = [
        replace(one, file=named(one.file), picture=None if one.picture in removed else one.picture)
        for one in looked.companions
    ]
    kept = [one for one in looked.known if one.file.source not in removed]
    files = tuple(sorted(map(named, listing.files), key=lambda file: file.source))
    return replace(listing, files=files), Fingerprints(kept, refused, companions)
