"""`/v1/classify` and `/v1/classify:batch`: image files to what the current model takes them for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.map.placing import MapPlace
from image_assets.answers.neighbours import neighbours_as_json
from image_assets.console.body import Capacity, body_of
from image_assets.console.inference import InferenceThread
from image_assets.console.neighbours import PATIENCE
from image_assets.console.refusals import Refused, of_image
from image_assets.console.selection import asset_in, number_in
from image_assets.console.uploads import Upload, only_one, uploads_in
from image_assets.model_assets import ModelAsset
from image_assets.predict.answer import LetIn, NoImage, Prediction
from image_assets.predict.seen import SeenImages
from image_assets.search.nearest import Wish
from image_assets.search.search import ImageSearch
from image_assets.workers import cores

Endpoint = Callable[[Request], Awaitable[Response]]
USUAL_TOP = 5
"""So many categories are told of where nobody says how many."""
MOST_NEAREST = 20
"""So many training images are told of each at most."""


@dataclass(frozen=True)
class Classified:
    """What is answered of one image.

    Attributes:
        prediction: By the current model.
        issues: What is wrong with the picture, see `image_assets.images.issues`.
        seen: Whether the image is of a day and category that the model was trained on; None where that is not known.
        nearest: The images that the model was trained on which are most like it, without itself, as `ImageSearch.like`
            finds them; None where they were not asked for.
        place: Where it is on the map, or would be; None where there is no map of such features, or nobody asked.
    """

    prediction: Prediction
    issues: tuple[str, ...]
    seen: bool | None
    nearest: pl.DataFrame | None = None
    place: MapPlace | None = None


@dataclass(frozen=True)
class Also:
    """What else is asked of every image beside what it is taken for.

    Attributes:
        nearest: So many training images are looked for that are like it.
        place: Whether its place on the map is.
    """

    nearest: int = 0
    place: bool = False

    @property
    def needs_features(self) -> bool:
        """Whether it is found by features, whatever the model goes by."""
        return self.place or self.nearest > 0


NOTHING_ELSE = Also()


class Classifier:
    """Takes files to answers: the door on as many threads as there are cores, each model on one.

    Args:
        dataset: Whose models answer: its name.
        asked: Ask the model of an asset each; the first one is asked where nobody says which.
        seen: Knows what models were trained on.
        search: Finds what images are like.
        placed: Finds their places on the map.
        capacity: How much may be worked on.
    """

    def __init__(
        self,
        dataset: str,
        asked: Mapping[ModelAsset, InferenceThread],
        seen: SeenImages,
        search: ImageSearch,
        placed: Callable[[Prediction], MapPlace | None],
        capacity: Capacity,
    ) -> None:
        self.dataset, self.asked, self.capacity = dataset, asked, capacity
        self._seen, self._search, self._placed = seen, search, placed
        self._door = ThreadPoolExecutor(cores(), thread_name_prefix="door")

    def begin(self) -> None:
        """Begin to answer. Who is asked where nobody says is loaded now, and others when they are first asked."""
        for number, inference in enumerate(self.asked.values()):
            inference.start(warm_up=number == 0)

    @property
    def inference(self) -> InferenceThread:
        """What asks the model that is asked where nobody says which."""
        return next(iter(self.asked.values()))

    async def classify(
        self,
        contents: Sequence[bytes | Refused],
        also: Also = NOTHING_ELSE,
        asset: ModelAsset | None = None,
    ) -> list[Classified | Refused]:
        """What files are taken for, in their order, or why one of them is not.

        Args:
            contents: The files.
            also: What else is asked of each.
            asset: Whose model is asked, one of `asked`.

        Raises:
            IndexBusy: what is like them cannot be found yet.
            ModelMissingError, ModelRefusedError, NetworksMissingError: as `Predictor.answers`.
        """
        loop = asyncio.get_running_loop()
        inference = self.asked[asset] if asset else self.inference
        let_in = partial(inference.let_in, with_features=also.needs_features)

        async def looked_at(content: bytes | Refused) -> LetIn | Refused:
            if isinstance(content, Refused):
                return content
            found = await loop.run_in_executor(self._door, let_in, content)
            return of_image(found) if isinstance(found, NoImage) else found

        at_the_door = await asyncio.gather(*map(looked_at, contents))
        pictures = [one for one in at_the_door if isinstance(one, LetIn)]
        predictions = await inference.predict(pictures) if pictures else []
        known = partial(self._known, predictions, [picture.issues for picture in pictures], also)
        answers = iter(await loop.run_in_executor(self._door, known) if predictions else [])
        return [one if isinstance(one, Refused) else next(answers) for one in at_the_door]

    def _known(
        self, predictions: Sequence[Prediction], issues: Sequence[tuple[str, ...]], also: Also
    ) -> list[Classified]:
        """What else is told of images beside what they are taken for."""
        return [
            Classified(
                one,
                wrong,
                self._seen.holds(one.model, one.image_id),
                self._trained_on(one, also.nearest),
                self._placed(one) if also.place else None,
            )
            for one, wrong in zip(predictions, issues, strict=True)
        ]

    def _trained_on(self, prediction: Prediction, nearest: int) -> pl.DataFrame | None:
        if not nearest or prediction.features is None:
            return None
        partitions = self._seen.partitions(prediction.model)
        within = None if partitions is None else partitions.__contains__
        return self._search.like(prediction.features, Wish(nearest, within, (prediction.image_id,)), PATIENCE)

    def as_json(self, answer: Classified, top: int) -> dict[str, Any]:
        """An answer of the API; `ImageAnswer` in the OpenAPI document."""
        prediction = answer.prediction
        return {
            "image_id": prediction.image_id,
            "category": prediction.category,
            "probability": prediction.probability,
            "familiarity": prediction.familiarity,
            "unknown": prediction.unknown,
            "categories": [{"category": name, "probability": share} for name, share in prediction.categories[:top]],
            "quality": list(answer.issues),
            "seen_in_training": answer.seen,
            "model": {"name": self.dataset, "asset": prediction.asset, "sha256": prediction.model},
            "extractor": {"digest": prediction.extractor},
            **({} if answer.nearest is None else {"nearest": neighbours_as_json(answer.nearest)}),
            **({} if answer.place is None else {"place": answer.place.as_json()}),
        }

    def close(self) -> None:
        """End its threads."""
        for inference in self.asked.values():
            inference.stop()
        self._door.shutdown()


def classify_routes(classifier: Classifier) -> list[Route]:
    """The addresses of the API that classify."""
    assets = tuple(classifier.asked)

    def asset_of(request: Request) -> ModelAsset | None:
        return asset_in(request.query_params, classifier.dataset, assets)

    async def one(request: Request) -> Response:
        top, also, asset = _top(request), _also(request), asset_of(request)
        async with body_of(request, classifier.capacity) as body:
            content = only_one(await uploads_in(request.headers, body, classifier.capacity.bounds.images))
            (answer,) = await classifier.classify([content], also, asset)
        if isinstance(answer, Refused):
            raise answer
        return JSONResponse(classifier.as_json(answer, top))

    async def several(request: Request) -> Response:
        top, also, asset = _top(request), _also(request), asset_of(request)
        async with body_of(request, classifier.capacity) as body:
            uploads = await uploads_in(request.headers, body, classifier.capacity.bounds.images)
            answers = await classifier.classify([upload.content for upload in uploads], also, asset)
        told = [_item(classifier, upload, answer, top) for upload, answer in zip(uploads, answers, strict=True)]
        return JSONResponse({"answers": told})

    return [
        Route("/v1/classify", one, methods=["POST"]),
        Route("/v1/classify:batch", several, methods=["POST"]),
    ]


def _item(classifier: Classifier, upload: Upload, answer: Classified | Refused, top: int) -> dict[str, Any]:
    if isinstance(answer, Refused):
        return {"name": upload.name, "error": answer.as_json()}
    return {"name": upload.name, **classifier.as_json(answer, top)}


def _also(request: Request) -> Also:
    asked = request.query_params
    return Also(number_in(asked, "nearest", 0, 0, MOST_NEAREST), bool(number_in(asked, "place", 0, 0, 1)))


def _top(request: Request) -> int:
    said = request.query_params.get("top", str(USUAL_TOP))
    digits = said.isascii() and said.isdecimal() and len(said) <= 6
    if not digits or not 1 <= int(said) <= 100_000:
        raise Refused(400, "bad_top", f"top={said[:40]!r}: expected how many categories are told of, from 1 on")
    return int(said)
