"""An engine that there is not is refused, and not replaced by another."""

import pytest
from pydantic import ValidationError

from image_assets.dataset import load_dataset
from image_assets.engines.engine import LocalEngine
from image_assets.resources.engines import EngineResource


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValidationError, match="there is no engine 'dask'; expected local or ray"):
        EngineResource(override="dask")


def test_a_known_one_goes_before_the_datasets_own() -> None:
    dataset = load_dataset("kingdoms").model_copy(update={"engine": "ray"})
    assert isinstance(EngineResource(override="local").engine(dataset), LocalEngine)
