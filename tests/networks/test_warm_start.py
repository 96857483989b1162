"""Trainings that begin with the weights of the network before: only of what may be learnt from, always the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from obstore.store import LocalStore

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.classifier.training.row_index import RowIndex
from image_assets.dataset import DatasetError, parse_dataset
from image_assets.networks.checkpoints import Epoch
from image_assets.networks.cnn import Sides, fitted_cnn
from image_assets.networks.fitting import Fitted, Watch
from image_assets.networks.pixel_file import PixelRows
from image_assets.networks.pixels import PixelForm
from image_assets.networks.places import CNN_CLASSIFIER
from image_assets.networks.presets import cnn
from image_assets.networks.validation import validation_side
from image_assets.networks.warm_start import ANEW, BEGAN_WITH, Beginning, beginning
from image_assets.settings.networks import CnnClassifier
from image_assets.store.models.model_champion import Champion, see_champion, switch
from image_assets.store.models.model_files import ModelDescription, ModelManifest, ids_digest, remove_model, store_model
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from tests.networks.conftest import IMAGES, SIDE

CATEGORIES = {"dark": 0, "light": 1}
SPEC = CnnClassifier(size=SIDE, colour="grey", epochs=3, batch=12, patience=9, warm_start=True)
DAYS = [dt.date(2026, 11, 1) + dt.timedelta(number) for number in range(3)]
PREFIX = "pond/cnn_classifier"


def index(days: int) -> RowIndex:
    """Images of the first days, 16 each."""
    labels = np.arange(IMAGES) % 2
    ids = [f"{row:064x}" for row in range(IMAGES)]
    rows = pl.DataFrame(
        {
            "image_id": ids,
            "label": pl.Series(labels, dtype=pl.Int16),
            "date": [DAYS[row // 16] for row in range(IMAGES)],
            "category": [("dark", "light")[label] for label in labels],
            "group": ids,
        }
    )
    return RowIndex(rows.filter(pl.col("date") < DAYS[0] + dt.timedelta(days)))


@dataclass(frozen=True)
class Kept:
    """Networks of a dataset."""

    objects: LocalStore

    def keep(self, images: RowIndex, spec: CnnClassifier = SPEC, began_with: str | None = None) -> ModelManifest:
        """One that has learnt from images, as the champion."""
        form, labels = PixelForm.of(spec), tuple(np.unique(images.labels).tolist())
        about = NetworkDescription(
            preset=spec.preset,
            size=spec.size,
            colour=spec.colour,
            classes=labels,
            temperature=1.0,
            trained_rows=len(images),
            converged=True,
        )
        description = ModelDescription(
            dataset="pond",
            kind=CNN_CLASSIFIER,
            classes=CATEGORIES,
            extractor=form.name,
            extractor_digest=form.digest,
            feature_width=int(np.prod(form.shape)),
            partitions=[(one.date, one.category) for one in images.partitions()],
            training_ids_sha256=ids_digest(images.image_ids),
            held_out=0.25,
            metrics={BEGAN_WITH: began_with} if began_with else {},
        )
        network = NetworkModel(cnn(spec.preset, form.shape, len(labels), 100 + len(images)), about)
        manifest = store_model(self.objects, PREFIX, network, description)
        champion = Champion(sha256=manifest.sha256, since=DAYS[0], reason="first", latest=manifest.sha256)
        switch(self.objects, PREFIX, see_champion(self.objects, PREFIX), champion)
        return manifest

    def beginning(self, images: RowIndex, **changes: object) -> Beginning:
        """What a training of images begins with."""
        return beginning(self.objects, PREFIX, SPEC.model_copy(update=changes), CATEGORIES, images)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(LocalStore(tmp_path / "store", mkdir=True))


def test_a_new_day_begins_with_the_network_of_the_days_before(kept: Kept) -> None:
    manifest = kept.keep(index(2))
    began = kept.beginning(index(3))
    assert began.network == manifest.sha256
    assert began.said == f"begins with the weights of {manifest.sha256[:12]}, of 2026-11-02"
    seeded = cnn("separable", (SIDE, SIDE, 1), 2, 132).get_weights()
    for one, other in zip(began.weights, seeded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_is_off_where_nobody_asks_for_it(kept: Kept) -> None:
    kept.keep(index(2))
    assert not CnnClassifier().warm_start
    assert kept.beginning(index(3), warm_start=False) is ANEW


def without(rows: RowIndex, number: int) -> RowIndex:
    return RowIndex(rows.rows.filter(pl.col("image_id") != f"{number:064x}"))


def as_new_category(rows: RowIndex) -> RowIndex:
    label = pl.when(pl.col("date") == DAYS[2]).then(7).otherwise(pl.col("label")).cast(pl.Int16)
    return RowIndex(rows.rows.with_columns(label=label))


@pytest.mark.parametrize(
    ("images", "changes", "said"),
    [
        # An image that the network has learnt from was removed, marked, is in doubt or held out since.
        (lambda rows: without(rows, 3), {}, "has learnt from other images of its days than are to learn from now"),
        (as_new_category, {}, r"tells other categories apart: \{'dark': 0, 'light': 1\}"),
        (lambda rows: rows, {"preset": "original"}, "is separable, 16 × 16 grey"),
        (lambda rows: rows, {"size": 32}, "is separable, 16 × 16 grey"),
        (lambda rows: rows, {"colour": "rgb"}, "is separable, 16 × 16 grey"),
    ],
)
def test_a_network_that_does_not_fit_or_knows_too_much_is_not_taken(
    kept: Kept, images: Callable[[RowIndex], RowIndex], changes: dict[str, object], said: str
) -> None:
    manifest = kept.keep(index(2))
    began = kept.beginning(images(index(3)), **changes)
    assert (began.network, began.weights) == (None, ())
    with pytest.raises(AssertionError, match=f"begins anew: {manifest.sha256[:12]}, the network before, {said}"):
        raise AssertionError(began.said)


def test_a_late_image_of_a_day_that_it_knows_is_an_image_that_it_has_not_learnt_from(kept: Kept) -> None:
    kept.keep(without(index(2), 3))
    assert "has learnt from other images" in kept.beginning(index(3)).said


def test_categories_that_changed_places_are_others(kept: Kept) -> None:
    kept.keep(index(2))
    began = beginning(kept.objects, PREFIX, SPEC, {"light": 0, "dark": 1}, index(3))
    assert began.network is None
    assert "tells other categories apart" in began.said


def test_where_there_is_none_or_none_that_can_be_read_it_begins_anew(kept: Kept, tmp_path: Path) -> None:
    assert kept.beginning(index(3)).said.endswith("champion.json: there is no model; train one first")
    manifest = kept.keep(index(2))
    file = tmp_path / "store" / PREFIX / manifest.file
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    began = kept.beginning(index(3))
    assert began.network is None
    assert "begins anew: the network before cannot be used" in began.said
    assert "was altered" in began.said


def test_a_run_that_is_repeated_begins_with_what_it_began_with(kept: Kept) -> None:
    """As after a kill behind the switch to the new champion: that is of the very images that are trained on."""
    first = kept.keep(index(2))
    once = kept.beginning(index(3))
    kept.keep(index(3), began_with=once.network)
    again = kept.beginning(index(3))
    assert (again.network, again.said) == (once.network, once.said)
    assert again.network == first.sha256
    remove_model(kept.objects, PREFIX, first.sha256[:12])
    assert "there is no such model" in kept.beginning(index(3)).said


def test_one_that_began_anew_does_so_again(kept: Kept) -> None:
    manifest = kept.keep(index(3))
    began = kept.beginning(index(3))
    assert began.network is None
    assert began.said == f"begins anew: so did {manifest.sha256[:12]}, the current network, which is of these images"


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def trained(rows: PixelRows, folder: Path, began: Beginning, until: int | None = None) -> tuple[bytes, Fitted]:
    def told(epoch: Epoch) -> None:
        if epoch.number == until:
            raise Interrupted

    images = index(3)
    aside = validation_side(images.groups, images.labels, 0.2, steady=True)
    model, fitted = fitted_cnn(Sides(rows, images.rows, aside), SPEC, folder, Watch(epoch=told), began)
    return b"".join(np.asarray(one).tobytes() for one in model.network.weights), fitted


def test_it_is_reproducible_and_goes_on_after_a_kill(kept: Kept, rows: PixelRows, tmp_path: Path) -> None:
    kept.keep(index(2))
    began = kept.beginning(index(3))
    whole, fitted = trained(rows, tmp_path / "whole", began)
    assert fitted.resumed == 0
    with pytest.raises(Interrupted):
        trained(rows, tmp_path / "killed", began, until=0)
    resumed, also = trained(rows, tmp_path / "killed", began)
    assert also.resumed == 1
    assert resumed == whole
    # What ended is not done again, and one with another beginning is another training.
    assert trained(rows, tmp_path / "whole", began)[1].resumed == len(fitted.history)
    anew, its = trained(rows, tmp_path / "whole", ANEW)
    assert its.resumed == 0
    assert anew != whole
    other = replace(began, network="f" * 64, weights=tuple(one * 0.5 for one in began.weights))
    assert trained(rows, tmp_path / "other", other)[0] != whole


def test_groups_stay_on_their_side_when_others_come() -> None:
    """Else images that the network before has learnt from would say which epoch is the best."""
    groups = pl.Series([f"{number:064x}" for number in range(3_000)])
    labels = np.arange(3_000) % 3
    known = {
        steady: [validation_side(groups[:n], labels[:n], 0.1, steady=steady) for n in (1_000, 3_000)]
        for steady in (True, False)
    }
    few, many = known[True]
    np.testing.assert_array_equal(few, many[:1_000])
    assert 0.08 < many.mean() < 0.12
    assert not np.array_equal(known[False][0], known[False][1][:1_000])
    assert validation_side(groups[:2], np.zeros(2), 0.0001, steady=True).sum() == 1


def test_a_backbone_and_a_warm_start_are_one_too_many() -> None:
    section = {"preset": "mobilenet", "backbone": {}, "warm_start": True}
    content = {"name": "pond", "categories": CATEGORIES, "start_day": "2026-11-01"}
    with pytest.raises(DatasetError, match="the preset mobilenet begins with its backbone: it has no warm_start"):
        parse_dataset({**content, "networks": {"cnn_classifier": section}}, "pond.yaml")
