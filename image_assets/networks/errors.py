"""What can be wrong with networks and what they are made of."""

from __future__ import annotations

from image_assets.errors import Explained

INSTALL = 'pip install "image-assets[networks]"'


class NetworksMissingError(Explained, ImportError):
    """What networks need is not installed; the message says what to install."""


class DamagedPixelsError(Explained, RuntimeError):
    """Prepared pixels on this machine are not what was written; the message names the file, which may be removed."""


class UnfitDataError(Explained, ValueError):
    """What a network was to be trained on is not what it takes; the message says what is wrong."""


class TrainingFailedError(Explained, RuntimeError):
    """A training came to nothing that can be used: its loss is no number any more; the message says what to do."""
