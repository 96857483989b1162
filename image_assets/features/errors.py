"""The exceptions of this stage: what can be wrong with an extractor."""

import socket

from image_assets.errors import Explained


class ExtractorError(Explained):
    """An extractor cannot be used; the message says which one, what was found and what to do."""


class WeightsError(ExtractorError):
    """A weights file is not the one that was expected, or is not a weights file at all."""


class HubModuleError(ExtractorError):
    """A TF Hub module cannot be resolved, loaded or run, or does not give the features it was said to give."""


class EncoderError(ExtractorError):
    """A model that somebody brought cannot be had or run, or does not fit what the dataset file says of it."""


def check_same_everywhere(name: str, digest: str, expected: str) -> None:
    """Refuse what is loaded on this machine where it is another than on the one that started the run.

    Raises:
        ExtractorError: naming this machine and both digests.
    """
    if digest != expected:
        raise ExtractorError(
            f"{socket.gethostname()} has another {name} than the machine that started the run: its digest is "
            f"{digest}, expected {expected}; install the same version of this project and the same module there"
        )
