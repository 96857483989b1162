"""Where work runs: in this process, or on a Ray cluster."""

import dagster as dg
from pydantic import Field

from image_assets.dataset import DatasetSpec
from image_assets.engine import Engine, LocalEngine


class EngineResource(dg.ConfigurableResource):
    """Hands out the engine that a dataset asks for."""

    override: str | None = Field(default=None, description="Engine for all datasets, whatever their files say.")

    def engine(self, dataset: DatasetSpec) -> Engine:
        """The dataset's engine."""
        if (self.override or dataset.engine) == "ray":
            from resources.ray_engine import RayEngine  # Ray takes a while to load, and is an extra

            return RayEngine()
        return LocalEngine()
