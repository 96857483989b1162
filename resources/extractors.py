"""The model runtimes: extractors are built once per process and shared."""

from functools import lru_cache

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.dataset import Extractor as ExtractorSpec
from image_assets.features.extractor import Extractor, build_extractor


class ExtractorResource(dg.ConfigurableResource):
    """Hands out the extractor that a dataset asks for."""

    def extractor(self, dataset: DatasetSpec) -> Extractor:
        """The dataset's extractor; built at the first call, as weights take a moment to load."""
        return _built(dataset.extractor)  # pyright: ignore[reportArgumentType]  # frozen, hence hashable


@lru_cache(maxsize=4)
def _built(spec: ExtractorSpec) -> Extractor:
    return build_extractor(spec)
