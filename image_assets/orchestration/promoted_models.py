"""What an asset that trains models tells Dagster of the model it made: its files, whether it was promoted, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.orchestration.kept_plots import save_plot
from image_assets.orchestration.retrying import retried
from image_assets.store.models.model_history import read_history
from image_assets.store.store import Store

if TYPE_CHECKING:
    from image_assets.classifier.promotion.champion import Challenged
    from image_assets.classifier.training.evaluate import Evaluation

_PLOTS: dict[ModelAsset, str] = {"classifier": "", "cnn_classifier": "cnn_"}


def warn_unless_promoted(context: dg.AssetExecutionContext, settled: Challenged) -> None:
    """Say in the asset's log why the new model is not the champion; the same model again is no news."""
    if not settled.decision.promoted and settled.decision.reason != "same model":
        context.log.warning(f"the new model was not promoted: {settled.decision.explanation}")


def model_metadata(
    dataset: DatasetSpec, store: Store, asset: ModelAsset, evaluation: Evaluation, settled: Challenged
) -> dict[str, dg.MetadataValue | str | bool]:
    """The model's file, the decision with both models' figures, its confusions, and the plot of the asset's history."""
    from image_assets.classifier.promotion.history_plot import decision_markdown, history_plot
    from image_assets.classifier.report.evaluation import confusion_picture

    with retried():
        history = history_plot(read_history(store.objects(), models_prefix(dataset, asset)))
        plots = {
            "confusion": save_plot(store, dataset.name, f"{_PLOTS[asset]}confusion", confusion_picture(evaluation)),
            "history": save_plot(store, dataset.name, f"{_PLOTS[asset]}model_history", history),
        }
    return {
        "model": settled.challenger.file,
        "sha256": settled.challenger.sha256,
        "candidate": settled.challenger.candidate,
        "promoted": settled.decision.promoted,
        "champion": settled.champion.sha256,
        "promotion": dg.MetadataValue.md(decision_markdown(settled.decision)),
        **plots,
    }
