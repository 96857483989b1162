"""The network that tells a dataset's categories apart by pixels: which images, what is fitted, and how good it is.

Images and their sides are those of the classifier of features, so that the two can be held against each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import keras
import numpy as np
import polars as pl

from image_assets.classifier.daily.daily_model import FeatureKind, Tables, Track
from image_assets.classifier.promotion.champion import LabelledImages
from image_assets.classifier.training.evaluate import Evaluation, evaluate_answers
from image_assets.classifier.training.images import said_of_split
from image_assets.classifier.training.row_index import RowIndex, row_index
from image_assets.classifier.training.split import held_out
from image_assets.classifier.training.temperature import modest_temperature
from image_assets.classifier.training.train import NotTrainableError, check_trainable
from image_assets.dataset import DatasetSpec
from image_assets.networks.augmentation import augmentation_layers
from image_assets.networks.batches import Pictures, with_labels
from image_assets.networks.checkpoints import Epoch
from image_assets.networks.fitting import Fitted, Watch, compiled, fit
from image_assets.networks.keras_here import precision, precision_of
from image_assets.networks.learnt import begin_with_learnt
from image_assets.networks.pixel_file import PixelRows
from image_assets.networks.pixels import PixelForm, networks_folder, pixel_rows
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.networks.presets import cnn
from image_assets.networks.validation import validation_side, why_no_validation
from image_assets.networks.warm_start import ANEW, BEGAN_WITH, Beginning, beginning
from image_assets.schema import RAW_IMAGES
from image_assets.settings.networks import CnnClassifier
from image_assets.store.models.model_store import ModelDescription, ids_digest
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from image_assets.store.store import Store


@dataclass(frozen=True)
class TrainedCnn:
    """A network, and the images that it was trained and judged on.

    Attributes:
        model: What was fitted, calibrated on the validation images.
        spec: Of the dataset file.
        fitted: How it went.
        training: All images to train on, those of the validation included.
        judged: Images that models are compared on: those held out first, then the newest to train on.
        pixels: The pictures of `judged`, in its order.
        names: Label → category.
        began: What its training began with.
    """

    model: NetworkModel
    spec: CnnClassifier
    fitted: Fitted
    training: RowIndex
    judged: pl.DataFrame
    pixels: PixelRows
    names: dict[int, str]
    began: Beginning = ANEW

    @cached_property
    def aside(self) -> np.ndarray:
        """bool [N], which of the judged images are held out."""
        return self.judged["held_out"].to_numpy()

    @cached_property
    def held_out(self) -> pl.DataFrame:
        """The rows of the images held out."""
        return self.judged.filter("held_out")

    @cached_property
    def truth(self) -> np.ndarray:
        """int16 [H], the labels of the images held out."""
        return self.held_out["label"].to_numpy()

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float64 [H, K], the network's answers to the images held out."""
        return self.model.predict_proba(self.pixels[self.aside])

    def evaluation(self, dataset: DatasetSpec) -> Evaluation:
        """Its figures on the images held out."""
        return evaluate_answers(self.model, self.probabilities, self.truth, dataset.categories)

    def evidence(self) -> LabelledImages:
        """What champion and challenger are compared by; pictures are read as they are asked for."""
        return LabelledImages(
            # Chosen from like an array, and read by the network some at a time.
            cast(np.ndarray, self.pixels),
            self.judged["label"].to_numpy(),
            self.judged["date"].to_numpy().astype("datetime64[D]"),
            self.aside,
            lambda share: held_out(self.judged["group"], share),
        )


def train_cnn(
    dataset: DatasetSpec,
    tables: Tables,
    store: Store,
    extractor: FeatureKind,
    track: Track,
    tell: Callable[[Epoch], None],
) -> TrainedCnn:
    """Train a dataset's `cnn_classifier`; what a killed run has done of the same training is not done again.

    Args:
        dataset: It asks for one.
        tables: As those of the classifier.
        store: Where the image files are.
        extractor: Whose features the classifier has: it learns from the images that have them.
        track: Shows progress.
        tell: Each epoch.

    Raises:
        NotTrainableError: too few images; the message says which.
        UnfitDataError: images that are not in `raw_images`, or a backbone that cannot be used.
        TrainingFailedError: the loss is no number any more.
    """
    spec = dataset.networks.cnn_classifier
    if spec is None:
        raise ValueError(f"dataset {dataset.name} asks for no cnn_classifier")
    index = row_index(
        tables.image_features,
        tables.label_conflicts,
        tables.duplicate_groups,
        extractor.digest,
        dataset.classifier,
        tables.raw_images,
    )
    check_trainable(index.labels, index.held_out, dataset.categories, index.groups.n_unique())
    most, training = dataset.classifier.refinement.evaluation_rows, index.training()
    held = index.evaluation(most)
    aside = validation_side(training.groups, training.labels, spec.validation, steady=spec.warm_start)
    if few := why_no_validation(aside):
        raise NotTrainableError(f"cannot train a network: {few}")
    folder, form = networks_folder(dataset.name, store.location()), PixelForm.of(spec)
    wanted = pl.concat([training.rows, held.rows])
    with track("decode pictures", "images") as progress:
        pixels = pixel_rows(store.table(dataset.name, RAW_IMAGES), wanted, form, folder, progress)
    with track("train the network", "images") as progress:
        sides = Sides(pixels[: len(training)], training.rows, aside)
        began = beginning(store.objects(), cnn_prefix(dataset), spec, dataset.categories, training)
        model, fitted = fitted_cnn(sides, spec, folder_of(store, dataset), Watch(progress, tell), began)
    newest = training.newest(most)
    places = np.searchsorted(training.image_ids.to_numpy(), newest.image_ids.to_numpy())
    order = np.concatenate([np.arange(len(training), len(wanted)), places])
    names = {label: name for name, label in dataset.categories.items()}
    judged = pl.concat([held.rows, newest.rows])
    return TrainedCnn(model, spec, fitted, training, judged, pixels[order], names, began)


def folder_of(store: Store, dataset: DatasetSpec) -> Path:
    """Where the checkpoints of a dataset's network lie on this machine."""
    return networks_folder(dataset.name, store.location()) / CNN_CLASSIFIER


@dataclass(frozen=True)
class Sides:
    """Training images, and which of them are for the validation.

    Attributes:
        pixels: N pictures.
        rows: N rows with `image_id` and `label`.
        aside: bool [N], true where an image is for the validation.
    """

    pixels: PixelRows
    rows: pl.DataFrame
    aside: np.ndarray

    @cached_property
    def classes(self) -> np.ndarray:
        """int [K], the labels that there are, ascending."""
        return np.unique(self.rows["label"].to_numpy())

    @cached_property
    def answers(self) -> np.ndarray:
        """int [N], the places of the labels among the classes."""
        return np.searchsorted(self.classes, self.rows["label"].to_numpy())

    def pictures(self, batch: int, *, validation: bool, shuffled_by: int | None = None) -> Pictures:
        """One of the two sides, as it is trained on."""
        side = np.flatnonzero(self.aside if validation else ~self.aside)
        told = zip(self.rows["image_id"].gather(side), self.answers[side].tolist(), strict=True)
        digest = hashlib.sha256("".join(f"{one} {answer}\n" for one, answer in told).encode()).hexdigest()
        return Pictures(self.pixels[side], with_labels(self.answers[side]), digest, batch, shuffled_by)


def fitted_cnn(
    sides: Sides, spec: CnnClassifier, folder: Path, watch: Watch, began: Beginning = ANEW
) -> tuple[NetworkModel, Fitted]:
    """Fit a network to training images, and make it as certain as the validation images let it be.

    Args:
        sides: The images.
        spec: What is fitted, and how.
        folder: For checkpoints.
        watch: Who is told.
        began: What the training begins with.

    Raises:
        NotTrainableError: fewer than two classes.
        UnfitDataError, TrainingFailedError: see `fit`.
    """
    if len(sides.classes) < 2:
        raise NotTrainableError("a network needs images of two categories to train on; add images")
    form = PixelForm.of(spec)
    data = sides.pictures(spec.batch, validation=False, shuffled_by=spec.seed)
    validation = sides.pictures(spec.batch, validation=True)
    with precision(precision_of(spec.precision)):
        core = cnn(spec.preset, form.shape, len(sides.classes), spec.seed)
        if spec.backbone:
            learnt = begin_with_learnt(core, spec.preset, spec.backbone)
            data = replace(data, digest=f"{data.digest} {learnt}")  # with other first weights it is another training
        if began.network:
            core.set_weights(list(began.weights))
            data = replace(data, digest=f"{data.digest} {began.network}")
        changes = augmentation_layers(spec.augmentation, 1_000 + spec.seed)
        network = keras.Sequential([keras.Input(form.shape), *changes, core])
    # The steps of the original stay as they are: only its patience says when it is done.
    schedule = "constant" if spec.preset == "original" else "cosine"
    compiled(
        network,
        spec,
        data.steps,
        "sparse_categorical_crossentropy",
        {"accuracy": lambda name: keras.metrics.SparseCategoricalAccuracy(name=name)},
        schedule,
    )
    fitted = fit(network, data, validation, spec, folder, watch)
    # In 32 bits, whatever it was trained in: its answers are to be the same wherever it is asked.
    asked = cnn(spec.preset, form.shape, len(sides.classes), spec.seed)
    asked.set_weights(core.get_weights())
    about = NetworkDescription(
        preset=spec.preset,
        size=spec.size,
        colour=spec.colour,
        classes=tuple(sides.classes.tolist()),
        temperature=1.0,
        trained_rows=len(data),
        converged=fitted.stopped_early or schedule == "cosine",
    )
    found = NetworkModel(asked, about).predict_proba(validation.rows)
    temperature = modest_temperature(found, sides.answers[sides.aside])
    return NetworkModel(asked, about.model_copy(update={"temperature": temperature})), fitted


def description_of(dataset: DatasetSpec, trained: TrainedCnn, evaluation: Evaluation) -> ModelDescription:
    """What a network's manifest says of it."""
    spec, form = trained.spec, PixelForm.of(trained.spec)
    temperature = trained.model.about.temperature
    return ModelDescription(
        dataset=dataset.name,
        kind=CNN_CLASSIFIER,
        candidate=f"{spec.preset}, {spec.size} × {spec.size} {spec.colour}, temperature {temperature:g}",
        classes=dict(dataset.categories),
        extractor=form.name,
        extractor_digest=form.digest,
        feature_width=int(np.prod(form.shape)),
        partitions=[(partition.date, partition.category) for partition in trained.training.partitions()],
        training_ids_sha256=ids_digest(trained.training.image_ids),
        held_out=dataset.classifier.held_out,
        split=said_of_split(dataset.classifier),
        metrics={
            **evaluation.model_dump(mode="json"),
            "epochs": len(trained.fitted.history),
            "best_epoch": trained.fitted.best.number + 1,
            **({BEGAN_WITH: trained.began.network} if trained.began.network else {}),
            "history": [
                one.model_dump(mode="json", exclude={"seconds", "images_per_second"}) for one in trained.fitted.history
            ],
        },
    )
