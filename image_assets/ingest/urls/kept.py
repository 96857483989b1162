"""What is kept of a day's URLs: the content of those that were downloaded, and why the others were not.

One file for each URL, under the SHA-256 of the URL, so that no name comes from outside, and nothing is lost or half
there when the process is killed: a file is written beside and then renamed. Runs may go on side by side.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from image_assets.images.reasons import Reason
from image_assets.ingest.source import SourceReadError, SourceUnreadable
from image_assets.ingest.staging import staging_errors
from image_assets.whole_files import beside

_FAILURE = ".failure"


@dataclass(frozen=True)
class Failure:
    """A URL that could not be downloaded.

    Attributes:
        reason: Code for the quarantine.
        detail: For a person.
        can_pass: Whether another run shall try again.
        basis: Stands for the lists and settings at that time; where they have changed, another run tries again too.
        run: The run that tried last.
    """

    reason: str
    detail: str
    can_pass: bool
    basis: str
    run: str


class Kept:
    """A day's folder in staging.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_settled(self, key: str, basis: str, run: str) -> bool:
        """Whether this run need not try a URL: it is here, was tried by this run, or failed for good."""
        if os.path.exists(self._content(key)):
            return True
        failure = self._failure(key)
        return failure is not None and (failure.run == run or not (failure.can_pass or failure.basis != basis))

    def described(self, key: str) -> tuple[int, str]:
        """Bytes of what is kept of a URL, and a version that changes with it; 0 bytes for a failure or nothing."""
        with contextlib.suppress(OSError):
            status = os.stat(self._content(key))
            return status.st_size, f"{status.st_mtime_ns}-{status.st_size}"
        with contextlib.suppress(OSError):
            return 0, f"failed-{os.stat(self._content(key) + _FAILURE).st_mtime_ns}"
        return 0, ""

    def read(self, key: str, source: str, max_bytes: int) -> bytes:
        """The content, cut off after `max_bytes + 1` bytes. Raises `SourceReadError` with the reason of its failure."""
        try:
            with open(self._content(key), "rb") as file:
                return file.read(max_bytes + 1)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise SourceUnreadable(f"{source}: the download cannot be read: {error.strerror}") from None
        failure = self._failure(key)
        if failure is None:
            raise SourceUnreadable(f"{source}: not downloaded yet; run this partition again")
        raise SourceReadError(f"{source}: {failure.detail}", Reason(failure.reason))

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """A new path to write to, removed at the end if it is still there. Raises `SourceError`."""
        parts = self.folder / "parts"
        with staging_errors(self.folder):
            parts.mkdir(parents=True, exist_ok=True)
        with beside(parts / "part") as part:
            yield part

    def keep(self, key: str, part: Path) -> None:
        """Make a whole part the content of a URL. Raises `SourceError`."""
        self._place(part, self._content(key))
        with contextlib.suppress(OSError):
            os.unlink(self._content(key) + _FAILURE)

    def fail(self, key: str, failure: Failure) -> None:
        """Remember why a URL could not be downloaded. Raises `SourceError`."""
        with self.writing() as part:
            with staging_errors(part):
                part.write_text(json.dumps(asdict(failure), ensure_ascii=True), encoding="ascii")
            self._place(part, self._content(key) + _FAILURE)

    def remove_old_parts(self, seconds: float) -> None:
        """Remove what killed runs left: parts that nobody has written to for so long."""
        # Where it cannot be looked into, writing will say so.
        with contextlib.suppress(OSError), os.scandir(self.folder / "parts") as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat().st_mtime < time.time() - seconds:
                        os.unlink(entry.path)

    def _content(self, key: str) -> str:
        return os.path.join(self.folder, key[:2], key)

    def _failure(self, key: str) -> Failure | None:
        """What is remembered; None also where it cannot be read: then the URL is tried again."""
        try:
            with open(self._content(key) + _FAILURE, encoding="ascii") as file:
                failure = Failure(**json.load(file))
            Reason(failure.reason)
        except (OSError, ValueError, TypeError):
            return None
        return failure

    def _place(self, part: Path, target: str) -> None:
        with staging_errors(Path(target)):
            try:
                os.replace(part, target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(part, target)
