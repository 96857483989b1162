"""A dataset as a component: its `defs.yaml` says under `attributes` what a dataset file says.

Dagster's own tools then know datasets: `dg list components` and `dg list defs` show them, `dg check yaml` tells a wrong
key with its line. Nothing else is said here; what a dataset is stands in `image_assets.dataset`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Self

import dagster as dg
from pydantic import BaseModel

from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.environment import ENGINE, LANDING, STORE
from image_assets.project import place_or_default

if TYPE_CHECKING:
    from collections.abc import Mapping


class ImageDataset(dg.Component):
    """A dataset of images, from its arrivals to its classifier, by the keys of a dataset file.

    Landing zone and store are those that the environment names (`IMAGE_ASSETS_LANDING`, `IMAGE_ASSETS_STORE`) or
    else `image-assets.yaml`, for all datasets of a project.
    """

    def __init__(self, dataset: DatasetSpec) -> None:
        self.dataset = dataset

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What may stand under `attributes`."""
        return DatasetSpec

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component of a `defs.yaml`.

        Raises:
            DatasetError: there are no attributes.
        """
        if not isinstance(attributes, DatasetSpec):
            raise DatasetError(f"{context.path}: there are no attributes; they say what a dataset file says")
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The dataset's assets, checks, jobs and schedule, and the resources that they ask for."""
        # All stages take seconds to load, which whoever only lists components would wait for.
        from image_assets.definitions import build_definitions

        del context
        return build_definitions(
            [self.dataset], _resources(place_or_default(LANDING), place_or_default(STORE), ENGINE.value)
        )


@lru_cache(maxsize=1)
def _resources(landing: str, store: str, engine: str) -> Mapping[str, object]:
    """Those of all datasets of a project: Dagster merges the same ones, not equal ones."""
    from image_assets.definitions import build_resources
    from image_assets.resources.landing import LandingResource
    from image_assets.resources.store import StoreResource

    del engine  # is read from the environment
    return build_resources(LandingResource(url=landing), StoreResource(url=store))
