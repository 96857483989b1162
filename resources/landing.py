"""Where images arrive."""

import dagster as dg
from pydantic import Field

from image_assets.dataset import DatasetSpec
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import Source


class LandingResource(dg.ConfigurableResource):
    """The landing zone that datasets read from unless their file names one of its own."""

    url: str = Field(description="Folder with LANDING/<day>/<category>/** in it.")

    def source(self, dataset: DatasetSpec) -> Source:
        """The dataset's source."""
        return open_source(dataset.source, dataset.source.landing or self.url, dataset.limits)
