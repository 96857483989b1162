"""The small records beside the tables: each is whole JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from obstore.store import ObjectStore

from image_assets.store.objects import content_of
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy
from image_assets.workers import Progress, ordered_map


def verify_records(
    objects: ObjectStore, sizes: Mapping[str, int], besides: Collection[str], progress: Progress
) -> tuple[LookedAt, list[Finding]]:
    """Read every JSON file of a dataset but those that are looked at as something else.

    Args:
        objects: The object store rooted at the dataset's folder.
        sizes: The paths of all its files, each with its bytes.
        besides: The folders of tables, shards and models.
        progress: Told after every file.
    """
    paths = [path for path in sizes if path.endswith(".json") and path.split("/")[0] not in besides]
    findings = list[Finding]()

    def wrong(path: str) -> str:
        try:
            json.loads(content_of(objects, path) or b"")
        except ValueError as error:
            return f"is damaged: it is no JSON ({error})"
        return ""

    for done, (path, said) in enumerate(zip(paths, ordered_map(wrong, paths), strict=True), 1):
        if said:
            findings.append(Finding(Part.RECORDS, path, said, Remedy.ASIDE if "/" in path else Remedy.COPY))
        progress(done, len(paths))
    return LookedAt(len(paths), sum(sizes[path] for path in paths)), findings
