"""The exceptions of this stage: what can be wrong with an extractor."""


class ExtractorError(Exception):
    """An extractor cannot be used; the message says which one, what was found and what to do."""


class WeightsError(ExtractorError):
    """A weights file is not the one that was expected, or is not a weights file at all."""


class HubModuleError(ExtractorError):
    """A TF Hub module cannot be resolved, loaded or run, or does not give the features it was said to give."""
