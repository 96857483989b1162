"""Why a URL could not be downloaded."""

from __future__ import annotations

from image_assets.images.reasons import Reason, WithReason


class DownloadFailed(WithReason):
    """A URL that could not be downloaded.

    Args:
        reason: The code that its row gets in quarantine.
        detail: For a person: what was found, and what is allowed.
        can_pass: Whether another try may succeed: a busy server, a broken connection.
        wait: Seconds that the server asks to be left alone.
    """

    def __init__(self, reason: Reason, detail: str, *, can_pass: bool = False, wait: float | None = None) -> None:
        super().__init__(reason, detail)
        self.can_pass = can_pass
        self.wait = wait

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
