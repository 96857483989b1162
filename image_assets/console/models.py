"""The models: which answers, which others are kept, what was decided about each; and having another one answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.models import model_of, models_of
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.by_hand import (
    KeptModel,
    ModelCommandError,
    find_model,
    promote_model,
    roll_back,
)
from image_assets.classifier.report.places import ReportMissingError, read_report, report_name, reports_prefix
from image_assets.classifier.unseen import short_unseen, unseen_of
from image_assets.console.guard import may_write, require_token
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.store.models.model_champion import Champion
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store

# A report has its styles and pictures in itself; it has no scripts, and may do nothing.
_OF_A_REPORT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
_DECISIONS = 100


@dataclass(frozen=True)
class Choosing:
    """What models are chosen with.

    Attributes:
        dataset: Whose models.
        store: Where they are; who switches them opens it to write.
        token: That changes need.
    """

    dataset: DatasetSpec
    store: Store
    token: str = field(repr=False)

    def promote(self, digest: str) -> Champion:
        """Have a model answer from now on. Raises as `promote_model`."""
        return self._switched(lambda objects, prefix, *rest: promote_model(objects, prefix, digest, *rest))

    def roll_back(self) -> Champion:
        """Have the predecessor of the one that answers now answer again. Raises as `roll_back`."""
        return self._switched(roll_back)

    def expect(self, current: str) -> None:
        """Refuse where another model answers than somebody saw who decides."""
        objects, prefix = self.store.objects(), classifier_prefix(self.dataset)
        now = find_model(objects, prefix, "champion")
        if current and not now.startswith(current[: len(now)]):
            raise Refused(409, "changed_meanwhile", f"{now} is the current model by now; look again and decide")

    def _switched(self, switch: Callable[..., Champion]) -> Champion:
        objects, prefix = Store.to_write(self.store.url).objects(), classifier_prefix(self.dataset)
        extractor = shared_extractor(self.dataset.extractor).digest
        return switch(objects, prefix, extractor, self.dataset.categories, dt.datetime.now(dt.UTC))


def models_routes(choosing: Choosing) -> list[Route]:
    """Their addresses."""
    dataset, store = choosing.dataset, choosing.store

    async def page(request: Request) -> Response:
        try:
            found = await run_in_threadpool(models_of, dataset, store)
        except ModelCommandError:
            return html_page(request, "models.html", title=f"Models of {dataset.name}", models=(), history=())
        reports = await run_in_threadpool(_with_reports, dataset, store, found.models)
        return html_page(
            request,
            "models.html",
            title=f"Models of {dataset.name}",
            models=[_row(one, one.digits in reports) for one in found.models],
            history=found.history[: -_DECISIONS - 1 : -1],
            may_write=may_write(request, choosing.token),
        )

    async def report(request: Request) -> Response:
        model = await run_in_threadpool(model_of, dataset, store, request.path_params["digest"])
        name = report_name(model.digits, "html")
        try:
            content = await run_in_threadpool(read_report, store.objects(), dataset.name, name)
        except ReportMissingError as error:
            raise Refused(404, "no_report", str(error)) from None
        return HTMLResponse(content, headers={"content-security-policy": _OF_A_REPORT})

    async def listed(request: Request) -> Response:
        del request
        return JSONResponse((await run_in_threadpool(models_of, dataset, store)).as_json())

    async def promote(request: Request) -> Response:
        return await switched(request, lambda: choosing.promote(request.path_params["digest"]))

    async def rollback(request: Request) -> Response:
        return await switched(request, choosing.roll_back)

    async def switched(request: Request, switch: Callable[[], Champion]) -> Response:
        require_token(request, choosing.token)
        await run_in_threadpool(choosing.expect, request.query_params.get("current", ""))
        return JSONResponse((await run_in_threadpool(switch)).model_dump(mode="json"))

    return [
        Route("/models", page),
        Route("/models/{digest}/report", report),
        Route("/v1/models", listed),
        Route("/v1/models:rollback", rollback, methods=["POST"]),
        Route("/v1/models/{digest}:promote", promote, methods=["POST"]),
    ]


def _with_reports(dataset: DatasetSpec, store: Store, models: tuple[KeptModel, ...]) -> set[str]:
    """Those of the models that there is a report of."""
    # By the listing: a report has megabytes, and a page names many.
    there = {key.rpartition("/")[2] for key in sizes_below(store.objects(), reports_prefix(dataset.name))}
    return {one.digits for one in models if report_name(one.digits, "html") in there}


def _row(model: KeptModel, reported: bool) -> dict[str, Any]:
    """A model as the page shows it; only the current one has no way to become it."""
    manifest, metrics = model.manifest, model.manifest.metrics if model.manifest else {}
    return {
        "digits": model.digits,
        "role": model.role,
        "problem": model.problem,
        "day": manifest.data_day if manifest else None,
        "kind": (manifest.candidate or manifest.kind) if manifest else "",
        "figures": [f"{metrics[name]:.1%}" if name in metrics else "–" for name in ("accuracy", "macro_f1")],
        "unseen": short_unseen(unseen_of(manifest)) if manifest else "–",
        "decision": model.decision,
        "reported": reported,
    }
