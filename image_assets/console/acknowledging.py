"""`/v1/acknowledgements`: what people say of checks that did not pass, until they pass."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.console.body import body_of
from image_assets.console.changing import Changing
from image_assets.console.guard import require_token
from image_assets.console.marks import user_here
from image_assets.console.refusals import Refused
from image_assets.console.selection import Day, said_in
from image_assets.health.acknowledged import MOST_CHARACTERS, Acknowledgement, Acknowledgements, NotToBeAcknowledged
from image_assets.health.check_book import CheckState, latest_states
from image_assets.settings.section import Strict
from image_assets.store.store import Store


class OfCheckSaid(Strict):
    """A check, as a request names it."""

    check: str = Field(description="Asset and check, as image_features/no_missing_features.")
    day: Day | None = Field(default=None, description="null for a check of the whole dataset.")
    category: str | None = None


class AcknowledgementSaid(OfCheckSaid):
    """What is said of it."""

    comment: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    by: str | None = Field(default=None, min_length=1, max_length=100)


@dataclass(frozen=True)
class Acknowledging(Changing):
    """What checks are acknowledged with."""

    def say(self, said: AcknowledgementSaid) -> Acknowledgement:
        """Acknowledge what a check found. Raises `Refused` where there is nothing that can be."""
        try:
            return self._kept().say(self._found(said), said.comment, said.by or user_here())
        except NotToBeAcknowledged as error:
            raise Refused(409, "not_to_be_acknowledged", str(error)) from None

    def take_back(self, said: OfCheckSaid) -> bool:
        """Have nothing said of a check; whether anything was."""
        return self._kept().take_back(self._found(said).identity)

    def _kept(self) -> Acknowledgements:
        return Acknowledgements(Store.to_write(self.store.url), self.dataset.name)

    def _found(self, said: OfCheckSaid) -> CheckState:
        for one in latest_states(self.store, self.dataset):
            day, category = (one.partition.date, one.partition.category) if one.partition else (None, None)
            if (one.name, day, category) == (said.check, said.day, said.category):
                return one
        where = f" of {said.category} on {said.day}" if said.day else ""
        raise Refused(404, "unknown_check", f"{said.check}{where} was never evaluated")


def acknowledging_routes(acknowledging: Acknowledging) -> list[Route]:
    """Its addresses."""

    async def say(request: Request) -> Response:
        require_token(request, acknowledging.token)
        async with body_of(request, acknowledging.capacity) as body:
            said = await run_in_threadpool(acknowledging.say, said_in(AcknowledgementSaid, body))
        return JSONResponse(said.as_json())

    async def withdraw(request: Request) -> Response:
        require_token(request, acknowledging.token)
        async with body_of(request, acknowledging.capacity) as body:
            withdrawn = await run_in_threadpool(acknowledging.take_back, said_in(OfCheckSaid, body))
        return JSONResponse({"withdrawn": withdrawn})

    return [
        Route("/v1/acknowledgements", say, methods=["POST"]),
        Route("/v1/acknowledgements:withdraw", withdraw, methods=["POST"]),
    ]
