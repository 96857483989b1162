"""What is kept between days: the running totals, and of which images they are. One object, written in one piece."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import obstore
from obstore.store import ObjectStore

from image_assets.classifier.daily.statistics import ClassStatistics
from image_assets.schema import Partition
from image_assets.store.objects import content_of

TOTALS = "totals.npz"
_MAGIC = b"image-assets classifier statistics 2\n"
_ARRAYS = ("classes", "counts", "means", "scatter")


class UnusableTotals(ValueError):
    """The object is not a state that this version wrote; the message says what is wrong with it."""


@dataclass(frozen=True)
class Totals:
    """Running totals.

    Attributes:
        extractor_digest: Whose features they are of.
        partitions: Partition → `ids_digest` of its training images, of all partitions that are in the totals.
        statistics: Of all these images.
        rooted: Whether they are of the square roots of the features.
    """

    extractor_digest: str
    partitions: Mapping[Partition, str]
    statistics: ClassStatistics
    rooted: bool = False


@dataclass(frozen=True)
class Update:
    """How to bring totals up to date.

    Attributes:
        start: What to begin with; none: with nothing, and all partitions are to be read.
        missing: The partitions that are to be read, sorted.
        reason: In words.
    """

    start: Totals | None
    missing: tuple[Partition, ...]
    reason: str


def plan_update(
    kept: Totals | str,
    wanted: Mapping[Partition, str],
    extractor_digest: str,
    classes: np.ndarray,
    width: int,
    *,
    rooted: bool = False,
) -> Update:
    """Say what has to be read so that the totals are of just the wanted images.

    Args:
        kept: What was read from the store, or in words why there is nothing.
        wanted: Partition → digest of its training images, of all partitions as they are now.
        extractor_digest: The dataset's extractor.
        classes: Labels of all categories, ascending.
        width: Of a feature vector.
        rooted: Whether they are to be of the square roots of the features.
    """
    everything = tuple(sorted(wanted))
    if isinstance(kept, str):
        return Update(None, everything, f"all {len(everything)} partitions are read: {kept}")
    known = kept.statistics
    if kept.extractor_digest != extractor_digest or known.width != width:
        why = "the totals were of another extractor's features"
    elif kept.rooted != rooted:
        why = "classifier.transform changed, so the totals were of other numbers"
    elif not np.array_equal(known.classes, classes):
        why = f"the labels were {known.classes.tolist()} and are {classes.tolist()}"
    elif changed := sorted(one for one, digest in kept.partitions.items() if wanted.get(one) != digest):
        # What was added cannot be taken out again without losing digits.
        why = f"the training images of {len(changed)} partitions changed since, the first is {changed[0]}"
    else:
        missing = tuple(one for one in everything if one not in kept.partitions)
        return Update(kept, missing, f"{len(missing)} of {len(everything)} partitions are new")
    return Update(None, everything, f"all {len(everything)} partitions are read: {why}")


def read_totals(objects: ObjectStore, prefix: str) -> Totals | str:
    """The totals that were kept, or in words why there are none that can be used."""
    key = f"{prefix}/{TOTALS}"
    content = content_of(objects, key)
    if content is None:
        return "no totals were kept yet"
    try:
        return parse_totals(content)
    except UnusableTotals as error:
        return f"{key} cannot be used ({error})"


def write_totals(objects: ObjectStore, prefix: str, totals: Totals) -> None:
    """Keep totals in the place of those before; readers see the ones or the others."""
    obstore.put(objects, f"{prefix}/{TOTALS}", dump_totals(totals))


def dump_totals(totals: Totals) -> bytes:
    """A line that names the format, the SHA-256 of what follows, and that: arrays of numpy with a header in JSON."""
    header = {
        "extractor": totals.extractor_digest,
        "rooted": totals.rooted,
        "partitions": [[str(one.date), one.category, totals.partitions[one]] for one in sorted(totals.partitions)],
    }
    buffer = io.BytesIO()
    np.savez(
        buffer,
        header=np.frombuffer(json.dumps(header).encode(), np.uint8),
        **{name: getattr(totals.statistics, name) for name in _ARRAYS},
    )
    content = buffer.getvalue()
    return _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def parse_totals(content: bytes) -> Totals:
    """Read what `dump_totals` wrote. Nothing is built from bytes whose digest is another.

    Raises:
        UnusableTotals: of another format, damaged, or at odds with itself.
    """
    digest, _, arrays = content.removeprefix(_MAGIC).partition(b"\n")
    if not content.startswith(_MAGIC):
        raise UnusableTotals("it is of another format")
    if hashlib.sha256(arrays).hexdigest().encode() != digest:
        raise UnusableTotals("it is damaged: its SHA-256 is not the one that it begins with")
    try:
        with np.load(io.BytesIO(arrays), allow_pickle=False) as found:
            header = json.loads(found["header"].tobytes())
            statistics = ClassStatistics(*(found[name] for name in _ARRAYS))
        partitions = {Partition(dt.date.fromisoformat(day), category): d for day, category, d in header["partitions"]}
        extractor, rooted = str(header["extractor"]), bool(header["rooted"])
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise UnusableTotals(f"it lacks what it should hold: {error}") from error
    _check(statistics)
    return Totals(extractor, partitions, statistics, rooted)


def _check(one: ClassStatistics) -> None:
    width = one.means.shape[-1]
    shapes = {"counts": one.classes.shape, "means": (*one.classes.shape, width), "scatter": (width, width)}
    wrong = [name for name, shape in shapes.items() if getattr(one, name).shape != shape]
    if wrong or one.classes.ndim != 1:
        raise UnusableTotals(f"its arrays do not fit together: {', '.join(wrong or ['classes'])}")
    kinds = [one.classes.dtype.kind, one.counts.dtype.kind, one.means.dtype.kind, one.scatter.dtype.kind]
    if kinds != ["i", "i", "f", "f"] or not (np.isfinite(one.means).all() and np.isfinite(one.scatter).all()):
        raise UnusableTotals("it holds something else than finite numbers")
    if (one.counts < 0).any() or (one.scatter.diagonal() < 0).any() or (np.diff(one.classes) <= 0).any():
        raise UnusableTotals("it holds negative counts or scatter, or classes in disorder")
