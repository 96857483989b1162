"""What an archive may cost: members, bytes, growth; counted over all that is nested in it."""

from __future__ import annotations

from image_assets.images.reasons import Reason, WithReason
from image_assets.settings.arrivals import Archives

# Whatever it grows by, this much costs little: a small archive of empty drawings is no bomb.
RATIO_FROM_BYTES = 100_000_000


class CapReached(WithReason):
    """The rest of the archive is not unpacked; the code is the archive's."""


class Budget:
    """Counts what an archive costs.

    Args:
        caps: The limits.
        packed: Size of the archive as it lies, bytes.
    """

    def __init__(self, caps: Archives, packed: int) -> None:
        self.members = 0
        self.bytes = 0
        self._caps = caps
        self._grown = max(RATIO_FROM_BYTES, int(packed * caps.ratio))

    def add_members(self, number: int) -> None:
        """Count members. Raises `CapReached`."""
        self.members += number
        if self.members > self._caps.members:
            raise CapReached(Reason.ARCHIVE_TOO_MANY_MEMBERS, f"more than {self._caps.members:,} members")

    def add_bytes(self, number: int) -> None:
        """Count unpacked bytes. Raises `CapReached`."""
        self.bytes += number
        if self.bytes > self._caps.bytes:
            raise CapReached(Reason.ARCHIVE_TOO_MANY_BYTES, f"more than {self._caps.bytes:,} bytes unpacked")
        if self.bytes > self._grown:
            raise CapReached(
                Reason.ARCHIVE_RATIO,
                f"unpacked, more than {self._caps.ratio:g} times its size and than {RATIO_FROM_BYTES:,} bytes",
            )
