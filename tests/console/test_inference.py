"""One thread asks the model: what waits is answered together, and an error reaches whoever asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from image_assets.console.inference import InferenceThread
from image_assets.features.pipeline import BATCH_IMAGES
from image_assets.predict.answer import LetIn, Prediction
from image_assets.predict.predictor import Predictor
from image_assets.store.models.model_store import ModelMissingError
from image_assets.store.store import Store
from tests.pictures import picture
from tests.platform import Platform


class Held(Predictor):
    """A predictor that a test holds up."""

    go: threading.Event
    batches: list[int]

    def predict(self, pictures: Sequence[LetIn]) -> list[Prediction]:
        self.go.wait(30)
        self.batches.append(len(pictures))
        return super().predict(pictures)


def test_what_waits_is_answered_together_and_in_order(loaded_platform: Platform) -> None:
    predictor = Held(loaded_platform.dataset, loaded_platform.store)
    predictor.go, predictor.batches = threading.Event(), []
    inference = InferenceThread(predictor)
    pictures = [inference.let_in(picture(kind, 77 + kind)) for kind in (0, 1, 2)]
    let_in = [one for one in pictures if isinstance(one, LetIn)]
    inference.start()

    async def many() -> list[list[Prediction]]:
        asked = [asyncio.create_task(inference.predict(let_in)) for _ in range(20)]
        while inference.depth < 60:
            await asyncio.sleep(0)
        predictor.go.set()
        return await asyncio.gather(*asked)

    for answers in asyncio.run(many()):
        assert [one.category for one in answers] == ["plant", "animal", "human"]
    inference.stop()
    full, rest = divmod(60, BATCH_IMAGES)
    assert predictor.batches == [1, *[BATCH_IMAGES] * full, rest]  # the first to warm up


def test_an_error_is_told_and_the_thread_goes_on(loaded_platform: Platform) -> None:
    inference = InferenceThread(Predictor(loaded_platform.dataset, Store(str(loaded_platform.root / "nothing"))))
    inference.start()
    nothing = LetIn("0" * 64, np.zeros((224, 224, 3), np.uint8), ())
    for _ in range(2):
        with pytest.raises(ModelMissingError):
            asyncio.run(inference.predict([nothing]))
    inference.stop()
    assert inference.warm
