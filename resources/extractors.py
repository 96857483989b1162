"""The model runtimes: extractors are built once per process and shared."""

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor, shared_extractor


class ExtractorResource(dg.ConfigurableResource):
    """Hands out the extractor that a dataset asks for."""

    def extractor(self, dataset: DatasetSpec) -> Extractor:
        """The dataset's extractor; built at the first call, as weights take a moment to load."""
        return shared_extractor(dataset.extractor)
