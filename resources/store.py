"""Where the platform's products are kept."""

import dagster as dg
from pydantic import Field

from image_assets.store.store import Store


class StoreResource(dg.ConfigurableResource):
    """The store: a local folder, or a bucket with its options.

    >>> StoreResource(url="s3://images/store", options={"aws_region": "eu-central-1"}).open().location("birds")
    's3://images/store/birds'
    """

    url: str = Field(description="A folder, a file:// URL or s3://bucket/prefix.")
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Options of the object store under object_store's names, such as aws_endpoint or aws_region.",
    )

    def open(self) -> Store:
        """The store itself."""
        return Store(self.url, self.options)
