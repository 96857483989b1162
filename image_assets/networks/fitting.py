"""A network is fitted to pictures, epoch by epoch, so that whoever kills it loses an epoch at most."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras

from image_assets.networks.batches import Pictures
from image_assets.networks.checkpoints import Checkpoints, Epoch, History, best_of, training_digest
from image_assets.networks.errors import TrainingFailedError, UnfitDataError
from image_assets.settings.networks import Training
from image_assets.workers import Progress, no_progress

Schedule = Literal["cosine", "constant"]


def no_epoch(epoch: Epoch) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Watch:
    """Who is told of a training.

    Attributes:
        progress: The images that were seen, of those of all epochs that there may be.
        epoch: Each epoch, when it and its checkpoint are done.
    """

    progress: Progress = no_progress
    epoch: Callable[[Epoch], None] = no_epoch


@dataclass(frozen=True)
class Fitted:
    """What came of a training.

    Attributes:
        history: Of all epochs, those of earlier runs included.
        resumed: How many of them were there already.
        stopped_early: Whether it ended because the validation became no better.
    """

    history: History
    resumed: int
    stopped_early: bool

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the network has now."""
        return next(one for one in self.history if one.number == best_of(self.history))

    @property
    def seconds(self) -> float:
        """Of training, all epochs, without validation."""
        return sum(one.seconds for one in self.history)

    @property
    def images_per_second(self) -> float:
        """Of training, mean of the epochs."""
        return len(self.history) / sum(1 / one.images_per_second for one in self.history)


def compiled(
    network: keras.Model,
    spec: Training,
    steps: int,
    loss: object,
    metrics: Mapping[str, Any] | None = None,
    schedule: Schedule = "cosine",
) -> keras.Model:
    """The same network, ready to be fitted by Adam.

    Args:
        network: As it was built.
        spec: How it is fitted.
        steps: Batches of an epoch.
        loss: As Keras takes it.
        metrics: Name → what is measured beside the loss.
        schedule: cosine: the steps become smaller until the last epoch that there may be.
    """
    rate: Any = spec.first_rate
    if schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(spec.first_rate, decay_steps=spec.epochs * steps)
    named = [measure(name) for name, measure in (metrics or {}).items()]
    network.compile(optimizer=keras.optimizers.Adam(rate, name="adam"), loss=loss, metrics=named)
    return network


def fit(
    network: keras.Model,
    data: Pictures,
    validation: Pictures,
    spec: Training,
    folder: Path,
    watch: Watch | None = None,
) -> Fitted:
    """Fit a compiled network, and leave it with the weights of its best epoch.

    What a run before has done of the very same training, with the same data, settings and network, is not done again:
    it goes on after the last epoch of which there is a good checkpoint, in the state of weights, optimizer and chance.

    Args:
        network: See `compiled`.
        data: What it is trained on; in every epoch all of it.
        validation: What says which epoch is the best.
        spec: How many epochs, and how patiently.
        folder: For the checkpoints, of this network alone; made where it is missing.
        watch: Who is told.

    Raises:
        UnfitDataError: one of the two has no pictures.
        TrainingFailedError: the loss is no number any more.
        DamagedPixelsError: see `PixelRows.read`.
    """
    for pictures, what in ((data, "train on"), (validation, "validate on")):
        if not len(pictures):
            raise UnfitDataError(f"a network cannot be fitted: there is no image to {what}; add images")
    watch = watch or Watch()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(folder, training_digest(network, spec, data.digest, validation.digest))
    checkpoints.begin()
    history = checkpoints.restore(network)
    resumed = len(history)
    while len(history) < spec.epochs and not _is_enough(history, spec.patience):
        history = (*history, _one_epoch(network, data, validation, len(history), _steps(watch, data, spec, history)))
        checkpoints.save(network, history)
        watch.epoch(history[-1])
    checkpoints.load(network, best_of(history))
    return Fitted(history, resumed, len(history) < spec.epochs)


def _is_enough(history: History, patience: int) -> bool:
    return bool(history) and history[-1].number - best_of(history) >= patience


def _one_epoch(
    network: keras.Model, data: Pictures, validation: Pictures, number: int, steps: keras.callbacks.Callback
) -> Epoch:
    began = time.monotonic()
    told = network.fit(data.epoch(number), epochs=1, shuffle=False, verbose=0, callbacks=[steps])  # pyright: ignore
    seconds = time.monotonic() - began
    training = {name: float(values[-1]) for name, values in told.history.items()}
    found = network.evaluate(validation.epoch(0), verbose=0, return_dict=True)  # pyright: ignore
    validated = {name: float(value) for name, value in found.items()}
    if not (math.isfinite(training["loss"]) and math.isfinite(validated["loss"])):
        raise TrainingFailedError(
            f"the loss is no number any more after epoch {number + 1}: lower learning_rate in the dataset file"
        )
    return Epoch(
        number=number,
        training=training,
        validation=validated,
        seconds=seconds,
        images_per_second=len(data) / seconds,
    )


def _steps(watch: Watch, data: Pictures, spec: Training, history: History) -> keras.callbacks.Callback:
    total, before = spec.epochs * len(data), len(history) * len(data)

    def told(batch: int, logs: object) -> None:  # noqa: ARG001  # Keras hands over both by name
        watch.progress(before + min((batch + 1) * data.batch, len(data)), total)

    return keras.callbacks.LambdaCallback(on_train_batch_end=told)
