"""Where images arrive."""

import dagster as dg
from pydantic import Field

from image_assets.dataset import DatasetSpec
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import Source
from image_assets.places import place_of


class LandingResource(dg.ConfigurableResource):
    """The landing zone that datasets read from unless their file names one of its own."""

    url: str = Field(description="Folder or s3://bucket/prefix with LANDING/<day>/<category>/** in it.")
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Options of the object store under object_store's names, such as aws_endpoint or aws_region.",
    )

    @property
    def place(self) -> str:
        """Where it is, whatever folder that is said from."""
        return place_of(self.url, "landing zone").url

    def source(self, dataset: DatasetSpec) -> Source:
        """The dataset's source."""
        return source_of(dataset, self.url, self.options)
