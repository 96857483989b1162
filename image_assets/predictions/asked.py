"""Which of a dataset's models is asked, and what it is given: features, or pictures."""

from __future__ import annotations

from typing import Protocol

from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.networks.pixels import PixelForm
from image_assets.store.models.model_store import ModelMissingError


class _Digest(Protocol):
    digest: str


def check_trained(dataset: DatasetSpec, asset: ModelAsset) -> None:
    """See that a dataset trains such models at all.

    Raises:
        ModelMissingError: it does not; the message says how it would.
    """
    if asset not in dataset.model_assets:
        raise ModelMissingError(
            f"dataset {dataset.name} has no {asset}: its file asks for none; networks: {{{asset}: {{}}}} does"
        )


def pictures_of(dataset: DatasetSpec, asset: ModelAsset) -> PixelForm | None:
    """What pictures become for a model that is given them; None for one of features. Raises as `check_trained`."""
    check_trained(dataset, asset)
    spec = dataset.networks.cnn_classifier
    return PixelForm.of(spec) if asset == "cnn_classifier" and spec else None


def digest_of_given(dataset: DatasetSpec, asset: ModelAsset, extractor: _Digest) -> str:
    """Digest of what the models of an asset are given now; one of another is not asked. Raises as `check_trained`.

    Args:
        dataset: Whose models.
        asset: That trains them.
        extractor: The dataset's.
    """
    form = pictures_of(dataset, asset)
    return extractor.digest if form is None else form.digest
