"""The state of a training after an epoch as a file, from which it goes on as if nothing had happened.

A file's name tells the training it is of, the epoch, and the SHA-256 of its bytes; one whose bytes are others is as
good as none, and the one before it is taken.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from image_assets.settings.section import Frozen
from image_assets.store.models.tensor_files import TensorFileError, dump_tensors, parse_tensors
from image_assets.whole_files import remove_unfinished, write_whole

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"(?P<training>[0-9a-f]{12})-(?P<epoch>\d{5})-(?P<sha>[0-9a-f]{12})\.safetensors")
_KEPT = 2  # the newest; one of them may be damaged


class Epoch(Frozen):
    """What came of one pass over the training images."""

    number: int = Field(description="From 0.")
    training: dict[str, float] = Field(description="Loss and metrics on the training images, while it was trained.")
    validation: dict[str, float] = Field(description="The same on the validation images, after it.")
    seconds: float = Field(description="That the pass took, without the validation.")
    images_per_second: float

    def __str__(self) -> str:
        told = [f"{name} {value:.4f}" for name, value in self.training.items()]
        told += [f"validation {name} {value:.4f}" for name, value in self.validation.items()]
        return f"epoch {self.number + 1}: {', '.join(told)}, {self.images_per_second:,.0f} images/s"


History = tuple[Epoch, ...]
_HISTORY: TypeAdapter[History] = TypeAdapter(History)


def best_of(history: Sequence[Epoch]) -> int:
    """The number of the epoch of the least validation loss, the first of equals."""
    return min(history, key=lambda one: one.validation["loss"]).number


@dataclass(frozen=True)
class Checkpoints:
    """The files of one training.

    Attributes:
        folder: Where they lie, with those of no other kind of training; it is there.
        training: SHA-256 of all that the training depends on.
    """

    folder: Path
    training: str

    def begin(self) -> None:
        """Remove what is left of trainings of something else."""
        remove_unfinished(self.folder)
        for file in self.folder.glob("*.safetensors"):
            match = _NAME.fullmatch(file.name)
            if match and match["training"] != self.training[:12]:
                file.unlink(missing_ok=True)

    def restore(self, network: keras.Model) -> History:
        """Put a compiled network and its optimizer into the state of the last good checkpoint, and give its history.

        Nothing where there is none. A checkpoint is good if that of its best epoch is.
        """
        for number in sorted(self._files(), reverse=True):
            history = self._history(number)
            if history and (best_of(history) == number or self._content(best_of(history))):
                self.load(network, number)
                return history
        return ()

    def save(self, network: keras.Model, history: History) -> None:
        """Keep the state after the last epoch of the history; older ones are removed but for what is still needed."""
        tensors = {name: np.asarray(variable) for name, variable in _variables(network).items()}
        content = dump_tensors(tensors, {"training": self.training, "history": _HISTORY.dump_json(history).decode()})
        sha, number = hashlib.sha256(content).hexdigest()[:12], history[-1].number
        write_whole(self.folder / f"{self.training[:12]}-{number:05d}-{sha}.safetensors", content)
        newest = {one.number for one in history[-_KEPT:]}
        needed = newest | {best_of(history[: one + 1]) for one in newest}
        for other, files in self._files().items():
            if other not in needed:
                for file in files:
                    file.unlink(missing_ok=True)

    def load(self, network: keras.Model, number: int) -> None:
        """Put a compiled network and its optimizer into the state after an epoch, whose file is good."""
        found = self._content(number)
        if found is None:
            raise FileNotFoundError(f"{self.folder} holds no good checkpoint of epoch {number}; train it again")
        for name, variable in _variables(network).items():
            variable.assign(found[0][name])

    def _history(self, number: int) -> History:
        found = self._content(number)
        return () if found is None else found[2]

    def _content(self, number: int) -> tuple[dict[str, np.ndarray], dict[str, str], History] | None:
        """Tensors, text and history of an epoch; None where there is no good file."""
        for file in self._files().get(number, []):
            try:
                content = file.read_bytes()
                match = _NAME.fullmatch(file.name)
                if match is None or hashlib.sha256(content).hexdigest()[:12] != match["sha"]:
                    raise TensorFileError("its content is not what it was when it was written")
                tensors, about = parse_tensors(content)
                history = _HISTORY.validate_json(about.get("history", ""))
                if about.get("training") != self.training or not history or history[-1].number != number:
                    raise TensorFileError("it is of another training or epoch")
            except (OSError, TensorFileError, ValidationError) as error:
                _LOG.warning("the checkpoint %s is not used: %s", file, error)
                continue
            return tensors, about, history
        return None

    def _files(self) -> dict[int, list[Path]]:
        found: dict[int, list[Path]] = {}
        for file in sorted(self.folder.glob(f"{self.training[:12]}-*.safetensors")):
            match = _NAME.fullmatch(file.name)
            if match:
                found.setdefault(int(match["epoch"]), []).append(file)
        return found


def training_digest(network: keras.Model, spec: BaseModel, *data: str) -> str:
    """SHA-256 of all that a training depends on: the network's shape, its settings and steps, digests of the data."""
    # Whether it may begin with another network's weights says nothing: those that it has are told with the data.
    settings = spec.model_dump_json(exclude={"warm_start"})
    told = [type(spec).__name__, settings, keras.__version__, network.compute_dtype, *data]
    steps = network.optimizer.get_config() | {"name": ""}  # the library counts its optimizers
    told.append(json.dumps(steps, sort_keys=True, default=str))
    told += [f"{name} {tuple(variable.shape)}" for name, variable in _variables(network).items()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _variables(network: keras.Model) -> dict[str, keras.Variable]:
    """All that changes while a compiled network is trained, chance included. Keras' own names count networks."""
    optimizer = network.optimizer
    if not optimizer.built:
        optimizer.build(network.trainable_variables)
    both = {"network": network.variables, "optimizer": optimizer.variables}
    return {f"{whose}/{number:04d}": one for whose, some in both.items() for number, one in enumerate(some)}
