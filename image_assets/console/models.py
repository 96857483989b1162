"""The models: which answer, which others are kept, what was decided about each; and having another one answer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.models import Models, all_models, models_as_json
from image_assets.classifier.promotion.by_hand import KeptModel, ModelCommandError
from image_assets.classifier.report.places import (
    ReportMissingError,
    newest_name,
    read_report,
    report_name,
    reports_prefix,
)
from image_assets.classifier.unseen import short_unseen, unseen_of
from image_assets.console.guard import may_write, require_token
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.console.selection import asset_in
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.networks.denoising.record import DENOISING
from image_assets.predictions.choosing import go_back, located, promote
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

    def promote(self, digest: str, current: str) -> Champion:
        """Have a model answer from now on. Raises as `promote_model`.

        Args:
            digest: The beginning of its digest.
            current: That of the model whose place it is to take, as somebody saw it who decides; may be empty.
        """
        asset, digits = located(self.dataset, self.store, digest)
        self._expect(asset, current)
        return promote(self.dataset, Store.to_write(self.store.url), asset, digits)

    def roll_back(self, asset: ModelAsset, current: str) -> Champion:
        """Have the predecessor of an asset's model that answers now answer again. Raises as `roll_back`."""
        self._expect(asset, current)
        return go_back(self.dataset, Store.to_write(self.store.url), asset)

    def _expect(self, asset: ModelAsset, current: str) -> None:
        """Refuse where another model answers than somebody saw who decides."""
        _, now = located(self.dataset, self.store, "champion", asset)
        if current and not now.startswith(current[: len(now)]):
            raise Refused(409, "changed_meanwhile", f"{now} is the current model by now; look again and decide")


def models_routes(choosing: Choosing) -> list[Route]:
    """Their addresses."""
    dataset, store = choosing.dataset, choosing.store

    async def page(request: Request) -> Response:
        try:
            found = await run_in_threadpool(all_models, dataset, store)
        except ModelCommandError:
            found = ()
        reports = await run_in_threadpool(_reports, dataset, store)
        return html_page(
            request,
            "models.html",
            title=f"Models of {dataset.name}",
            groups=[_group(one, reports) for one in found],
            asked=dataset.predictions.model,
            denoising=newest_name("html", DENOISING) in reports,
            may_write=may_write(request, choosing.token),
        )

    async def report(request: Request) -> Response:
        asset, digits = await run_in_threadpool(located, dataset, store, request.path_params["digest"])
        return await shown(report_name(digits, "html", asset), asset)

    async def denoising(request: Request) -> Response:
        del request
        return await shown(newest_name("html", DENOISING), DENOISING)

    async def shown(name: str, asset: str) -> Response:
        try:
            content = await run_in_threadpool(read_report, store.objects(), dataset.name, name, asset)
        except ReportMissingError as error:
            raise Refused(404, "no_report", str(error)) from None
        return HTMLResponse(content, headers={"content-security-policy": _OF_A_REPORT})

    async def listed(request: Request) -> Response:
        del request
        return JSONResponse(models_as_json(await run_in_threadpool(all_models, dataset, store)))

    async def chosen(request: Request) -> Response:
        return await switched(request, partial(choosing.promote, request.path_params["digest"]))

    async def rollback(request: Request) -> Response:
        asset = asset_in(request.query_params, dataset.name, dataset.model_assets) or dataset.predictions.model
        return await switched(request, partial(choosing.roll_back, asset))

    async def switched(request: Request, switch: Callable[[str], Champion]) -> Response:
        require_token(request, choosing.token)
        champion = await run_in_threadpool(switch, request.query_params.get("current", ""))
        return JSONResponse(champion.model_dump(mode="json"))

    return [
        Route("/models", page),
        Route(f"/models/{DENOISING}/report", denoising),
        Route("/models/{digest}/report", report),
        Route("/v1/models", listed),
        Route("/v1/models:rollback", rollback, methods=["POST"]),
        Route("/v1/models/{digest}:promote", chosen, methods=["POST"]),
    ]


def _reports(dataset: DatasetSpec, store: Store) -> set[str]:
    """The names of the reports that there are."""
    # By the listing: a report has megabytes, and a page names many.
    return {key.rpartition("/")[2] for key in sizes_below(store.objects(), reports_prefix(dataset.name))}


def _group(found: Models, reports: Collection[str]) -> dict[str, Any]:
    """The models of an asset as the page shows them."""
    rows = [_row(one, report_name(one.digits, "html", found.asset) in reports) for one in found.models]
    return {
        "asset": found.asset,
        "current": next((one.digits for one in found.models if one.role == "champion"), ""),
        "models": rows,
        "history": found.history[: -_DECISIONS - 1 : -1],
    }


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
