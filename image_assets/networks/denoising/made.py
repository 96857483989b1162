"""A denoising network of a dataset's images: trained, judged, kept, and its page written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import keras
import numpy as np
import obstore
import polars as pl

from image_assets.classifier.report.places import newest_name, reports_prefix
from image_assets.dataset import DatasetSpec
from image_assets.networks.batches import Pairs
from image_assets.networks.batches import Pictures as Batches
from image_assets.networks.checkpoints import Epoch
from image_assets.networks.denoising.classified_again import Answering, ClassifiedAgain, classified_again
from image_assets.networks.denoising.images import Sides
from image_assets.networks.denoising.judging import Denoiser, Pictures, figures_of, measured
from image_assets.networks.denoising.network_file import dumped_network, network_name
from image_assets.networks.denoising.noise import all_noisy
from image_assets.networks.denoising.page import Findings, Showing, denoising_page
from image_assets.networks.denoising.presets import denoising_network
from image_assets.networks.denoising.record import DENOISING, DenoisingRecord, denoising_prefix, write_record
from image_assets.networks.fitting import Fitted, Watch, compiled, fit
from image_assets.networks.keras_here import precision, precision_of
from image_assets.networks.pixel_file import PixelRows
from image_assets.networks.pixels import PixelForm, as_floats, networks_folder, pixel_rows
from image_assets.pages.figures import Plot
from image_assets.schema import RAW_IMAGES
from image_assets.settings.denoising import said_of_noise
from image_assets.settings.networks import DenoisingAutoencoder
from image_assets.store.objects import remove, sizes_below
from image_assets.store.store import Store
from image_assets.workers import Progress, no_progress

_BATCH = 32
Track = Callable[[str, str], AbstractContextManager[Progress]]
"""A progress function for a piece of work, by its title and what is counted."""


@dataclass(frozen=True)
class Telling:
    """Who is told of what is being done."""

    track: Track
    epoch: Callable[[Epoch], None]


@dataclass(frozen=True)
class Made:
    """A network that was made.

    Attributes:
        record: What is kept of it.
        fitted: How its training went.
        page: Where its page is.
        plots: Those of the page.
        again: What classifiers make of restored pictures.
    """

    record: DenoisingRecord
    fitted: Fitted
    page: str
    plots: Sequence[Plot]
    again: Sequence[ClassifiedAgain]


def noisy_pairs(image_ids: Sequence[str], spec: DenoisingAutoencoder, *, judging: bool) -> Pairs:
    """What a denoising network is given and what it is to answer: the noisy pictures, and the clean ones.

    Args:
        image_ids: N ids, in the order of the pictures.
        spec: Its noise.
        judging: Whether the noise is the same in every pass.
    """

    def pairs(pictures: np.ndarray, places: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        ids = [image_ids[int(place)] for place in places]
        return all_noisy(pictures, ids, spec.noise, spec.seed, 0 if judging else epoch + 1), pictures

    return pairs


def make_denoiser(
    dataset: DatasetSpec,
    spec: DenoisingAutoencoder,
    store: Store,
    sides: Sides,
    classifiers: Sequence[Answering],
    telling: Telling,
) -> Made:
    """Train a network, judge it on images that are held out, keep it, and write its page.

    A training that was killed goes on after its last epoch.

    Args:
        dataset: Whose images.
        spec: The dataset's section.
        store: Where the images are, and network, record and page are kept.
        sides: Which images.
        classifiers: Asked about the restored pictures.
        telling: Told what is being done.

    Raises:
        TrainingFailedError, UnfitDataError, DamagedPixelsError: see `fit` and `pixel_rows`.
    """
    network, fitted, judged = _trained(dataset, spec, store, sides, telling)
    denoiser, content = Denoiser(network, spec.noise, spec.seed), dumped_network(network, spec)
    measures = measured(denoiser, judged.batches())
    record = DenoisingRecord(
        preset=spec.preset,
        noise=said_of_noise(spec.noise),
        sha256=hashlib.sha256(content).hexdigest(),
        trained=sides.learnt.height,
        epochs=len(fitted.history),
        figures=figures_of(measures),
    )
    names = {label: name for name, label in dataset.categories.items()}
    asked = judged.first(spec.classified_again)
    with telling.track("restored pictures classified again", "pictures") as progress:
        answers = [classified_again(one, denoiser, asked.batches(progress), names) for one in classifiers]
    again = [one for one in answers if one is not None]
    epochs = [(one.training["loss"], one.validation["loss"]) for one in fitted.history]
    findings = Findings(record, measures, epochs, again)
    html, plots = denoising_page(dataset.name, findings, Showing(denoiser, judged.of, names, spec.pictures))
    page = _kept(store, dataset.name, content, record, html)
    return Made(record, fitted, page, plots, again)


def _trained(
    dataset: DatasetSpec, spec: DenoisingAutoencoder, store: Store, sides: Sides, telling: Telling
) -> tuple[keras.Model, Fitted, Judged]:
    """A trained network, and the images held out with their pixels."""
    form, folder = PixelForm.of(spec), networks_folder(dataset.name, store.location())
    images = pl.concat([sides.learnt, sides.validated, sides.judged])
    with telling.track("pictures for the denoising network", "pictures") as progress:
        rows = pixel_rows(store.table(dataset.name, RAW_IMAGES), images, form, folder, progress)
    learnt, known = sides.learnt.height, sides.learnt.height + sides.validated.height
    with precision(precision_of(spec.precision)):
        network = denoising_network(spec.preset, spec.size, form.shape[2], spec.seed)
    data = _batches(rows[:learnt], sides.learnt, spec, judging=False)
    validation = _batches(rows[learnt:known], sides.validated, spec, judging=True)
    compiled(network, spec, data.steps, "mean_squared_error")
    with telling.track("training the denoising network", "images") as progress:
        fitted = fit(network, data, validation, spec, folder / DENOISING, Watch(progress, telling.epoch))
    # In 32 bits, whatever it was trained in: what it restores is to be the same wherever it is asked.
    kept = denoising_network(spec.preset, spec.size, form.shape[2], spec.seed)
    kept.set_weights(network.get_weights())
    return kept, fitted, Judged(rows[known:], sides.judged)


def _batches(rows: PixelRows, images: pl.DataFrame, spec: DenoisingAutoencoder, *, judging: bool) -> Batches:
    ids = images["image_id"].to_list()
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return Batches(rows, noisy_pairs(ids, spec, judging=judging), digest, spec.batch, None if judging else spec.seed)


@dataclass(frozen=True)
class Judged:
    """Images held out, with their pixels."""

    rows: PixelRows
    images: pl.DataFrame

    def first(self, most: int) -> Judged:
        """The first of them."""
        return Judged(self.rows[:most], self.images.head(most))

    def of(self, image_ids: Sequence[str]) -> Pictures:
        """Some of them by their ids, in the order in which they lie."""
        places = np.flatnonzero(self.images["image_id"].is_in(list(image_ids)).to_numpy())
        return self._pictures(places)

    def batches(self, progress: Progress = no_progress) -> Iterator[Pictures]:
        """All of them, a few at a time."""
        for start in range(0, len(self.rows), _BATCH):
            end = min(start + _BATCH, len(self.rows))
            yield self._pictures(np.arange(start, end))
            progress(end, len(self.rows))

    def _pictures(self, places: np.ndarray) -> Pictures:
        images = self.images[places.tolist()]
        pixels = as_floats(self.rows[places].read())
        return Pictures(images["image_id"].to_list(), images["label"].to_numpy(), pixels)


def _kept(store: Store, dataset: str, content: bytes, record: DenoisingRecord, html: str) -> str:
    """Keep the network, its page and what is said of it, in this order; networks of before are removed."""
    objects, prefix, name = store.objects(), denoising_prefix(dataset), network_name(record.sha256)
    obstore.put(objects, f"{prefix}/{name}", content)
    obstore.put(objects, f"{reports_prefix(dataset)}/{newest_name('html', DENOISING)}", html.encode())
    write_record(objects, dataset, record)
    before = (path for path in sizes_below(objects, f"{prefix}/") if path.endswith(".safetensors"))
    remove(objects, *(path for path in before if not path.endswith(f"/{name}")))
    return store.location(reports_prefix(dataset), newest_name("html", DENOISING))
