"""An engine that there is not is refused, and not replaced by another."""

import sys

import pytest
from pydantic import ValidationError

from image_assets.dataset import load_dataset
from image_assets.engines.engine import EngineMissing, LocalEngine
from image_assets.resources.engines import EngineResource


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValidationError, match="there is no engine 'dask'; expected local or ray"):
        EngineResource(override="dask")


def test_a_known_one_goes_before_the_datasets_own() -> None:
    dataset = load_dataset("kingdoms").model_copy(update={"engine": "ray"})
    assert isinstance(EngineResource(override="local").engine(dataset), LocalEngine)


def test_a_cluster_without_ray_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for module in ("ray_engine", "ray_cluster"):
        monkeypatch.delitem(sys.modules, f"image_assets.engines.{module}", raising=False)
    with pytest.raises(
        EngineMissing, match=r'^engine ray needs Ray: pip install "image-assets\[ray\]", or engine: local$'
    ):
        EngineResource(override="ray").engine(load_dataset("kingdoms"))
