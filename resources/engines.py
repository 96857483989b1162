"""Where work runs: in this process, or on a Ray cluster."""

from typing import get_args

import dagster as dg
from pydantic import Field, field_validator

from image_assets.dataset import DatasetSpec
from image_assets.engines.engine import Engine, EngineMissing, LocalEngine
from image_assets.settings.stages import EngineName


class EngineResource(dg.ConfigurableResource):
    """Hands out the engine that a dataset asks for."""

    override: str | None = Field(default=None, description="Engine for all datasets, whatever their files say.")

    @field_validator("override")
    @classmethod
    def _override_is_an_engine(cls, override: str | None) -> str | None:
        # Dagster's configuration knows no Literal.
        if override is not None and override not in get_args(EngineName):
            raise ValueError(f"there is no engine {override!r}; expected {' or '.join(get_args(EngineName))}")
        return override

    def engine(self, dataset: DatasetSpec) -> Engine:
        """The dataset's engine.

        Raises:
            EngineMissing: it is a cluster's, and Ray is not installed.
        """
        if (self.override or dataset.engine) == "ray":
            try:
                from image_assets.engines.ray_engine import RayEngine  # Ray takes a while to load, and is an extra
            except ModuleNotFoundError as error:
                if error.name != "ray":
                    raise
                raise EngineMissing('engine ray needs Ray: pip install "image-assets[ray]", or engine: local') from None
            return RayEngine()
        return LocalEngine()
