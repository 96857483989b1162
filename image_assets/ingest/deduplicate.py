"""Which files are new and which repeat an image that is loaded already.

The rule: an image belongs to the partition that loaded it first. A partition that is run again is compared with the
others, not with itself, so it keeps what it had; a day that is loaded late finds its images in later days and counts
them as duplicates. Within a partition the file whose source sorts first is the image, the others repeat it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from image_assets.ingest.fingerprint import Fingerprint, Refusal
from image_assets.schema import Partition


@dataclass(frozen=True, slots=True)
class Repeat:
    """A file whose bytes are those of another: where the image is, or will be, loaded."""

    print: Fingerprint
    original: Partition
    original_source: str


@dataclass(frozen=True)
class LoadingPlan:
    """What is to be done with a partition's files: every one is in exactly one list."""

    to_load: list[Fingerprint]
    repeats: list[Repeat]


def plan_loading(
    prints: Sequence[Fingerprint], loaded_elsewhere: Mapping[str, tuple[Partition, str]], partition: Partition
) -> LoadingPlan:
    """Tell new images from repeats.

    Args:
        prints: The partition's files, in the order of their sources.
        loaded_elsewhere: Which of their images other partitions hold: id → the partition, and the image's source.
        partition: The partition being loaded.
    """
    first: dict[str, str] = {}
    plan = LoadingPlan([], [])
    for one in prints:
        if one.image_id in loaded_elsewhere:
            plan.repeats.append(Repeat(one, *loaded_elsewhere[one.image_id]))
        elif one.image_id in first:
            plan.repeats.append(Repeat(one, partition, first[one.image_id]))
        else:
            first[one.image_id] = one.file.source
            plan.to_load.append(one)
    return plan


def settle_repeats(repeats: Iterable[Repeat], refusals: Sequence[Refusal]) -> tuple[list[Repeat], list[Refusal]]:
    """Part the repeats of loaded images from those of refused files: the latter are refused for the same reason."""
    by_id = {refusal.image_id: refusal for refusal in refusals}
    duplicates: list[Repeat] = []
    also_refused: list[Refusal] = []
    for repeat in repeats:
        refusal = by_id.get(repeat.print.image_id)
        if refusal is None:
            duplicates.append(repeat)
        else:
            also_refused.append(Refusal(repeat.print.file, repeat.print.image_id, refusal.reason, refusal.detail))
    return duplicates, also_refused
