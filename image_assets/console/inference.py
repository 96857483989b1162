"""One thread that asks the model: what waits is answered together, and nothing waits while it is idle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread

import numpy as np

from image_assets.features.pipeline import BATCH_IMAGES
from image_assets.predict.answer import LetIn, NoImage, Prediction
from image_assets.predict.predictor import Predictor
from image_assets.store.models.model_files import ModelManifest

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Asked:
    picture: LetIn
    answer: Future[Prediction]


class InferenceThread:
    """Answers in the order of the questions, up to a batch of the model at a time.

    The model of a batch is the one that is current when it begins: another one that became it is loaded in between, and
    what waits meanwhile is answered by the new one.
    """

    def __init__(self, predictor: Predictor) -> None:
        """Nothing runs yet."""
        self._predictor = predictor
        self._waiting: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="inference", daemon=True)
        self._warm = Event()
        self.batches = self.images = self.swaps = 0
        self.model = ""  # that answered last

    def start(self, *, warm_up: bool = True) -> None:
        """Begin.

        Args:
            warm_up: Whether with a batch that nobody asked for, so that the first question finds everything loaded.
        """
        if not warm_up:
            self._warm.set()
        self._thread.start()

    def stop(self) -> None:
        """End after what waits is answered."""
        self._waiting.put(None)
        self._thread.join()

    @property
    def warm(self) -> bool:
        """Whether it has answered, or found that there is no model that could, or is not to be warmed up."""
        return self._warm.is_set()

    @property
    def depth(self) -> int:
        """How many pictures wait."""
        return self._waiting.qsize()

    async def predict(self, pictures: Sequence[LetIn]) -> list[Prediction]:
        """What pictures are taken for. Raises as `Predictor.answers`."""
        asked = [_Asked(picture, Future()) for picture in pictures]
        for one in asked:
            self._waiting.put(one)
        answers = await asyncio.gather(*(asyncio.wrap_future(one.answer) for one in asked), return_exceptions=True)
        for one in answers:
            if isinstance(one, BaseException):
                raise one
        return [one for one in answers if isinstance(one, Prediction)]

    def let_in(self, content: bytes, *, with_features: bool = False) -> LetIn | NoImage:
        """What the door says of a file; on the caller's thread."""
        return self._predictor.let_in(content, with_issues=True, with_features=with_features)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one picture as the extractor takes it, or the network."""
        return self._predictor.given_shape

    def manifest(self) -> ModelManifest:
        """Of the model that would answer now. Raises as `Predictor.answers`."""
        return self._predictor.manifest()

    def _run(self) -> None:
        if not self.warm:
            self._warm_up()
        while (first := self._waiting.get()) is not None:
            batch = [first]
            stopping = self._take(batch)
            self._answer([one for one in batch if one.answer.set_running_or_notify_cancel()])
            if stopping:
                return

    def _take(self, batch: list[_Asked]) -> bool:
        """Put what waits to a batch. Returns whether the end was among it."""
        while len(batch) < BATCH_IMAGES:
            try:
                one = self._waiting.get_nowait()
            except Empty:
                return False
            if one is None:
                return True
            batch.append(one)
        return False

    def _answer(self, batch: Sequence[_Asked]) -> None:
        if not batch:
            return
        self.batches += 1
        self.images += len(batch)
        try:
            answers = self._predictor.predict([one.picture for one in batch])
            self._note(answers[-1].model)
            for one, answer in zip(batch, answers, strict=True):
                one.answer.set_result(answer)
        except Exception as error:  # noqa: BLE001  # whoever asks is told, and the thread goes on
            for one in batch:
                one.answer.set_exception(error)

    def _note(self, model: str) -> None:
        self.swaps += self.model not in ("", model)
        self.model = model

    def _warm_up(self) -> None:
        nothing = LetIn("0" * 64, np.zeros(self.input_shape, np.uint8), ())
        try:
            self._note(self._predictor.predict([nothing])[0].model)
        except Exception as error:  # noqa: BLE001  # told again to whoever asks
            _LOG.warning("the console cannot classify yet: %s", error)
        self._warm.set()
