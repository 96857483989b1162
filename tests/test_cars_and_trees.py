"""Cars and trees on real photos: the bundled dataset's procedure with the two most frequent labels that have photos.

The photos of the test data show 134 people and 26 tables, 11 of both, and no tree, so these take the place of cars and
trees; everything else is the bundled file's. The metrics are compared with those that scikit-learn computes here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from image_assets.classifier.places import classifier_prefix
from image_assets.dataset import BUNDLED, parse_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.features.table import feature_matrix
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, SELECTED_IMAGES
from image_assets.store.models.model_store import load_model
from image_assets.store.models.sklearn_model import SklearnModel
from tests.platform import FIRST, Platform

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def ran(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    content = yaml.safe_load((BUNDLED / "cars_and_trees.yaml").read_text(encoding="utf-8"))
    content["categories"] = {"person": 0, "table": 1, "both": 2}
    content["source"] |= {
        "categories_from": {"person": ["Person"], "table": ["Table"]},
        "annotations": str(shared_data / "open_images"),
    }
    content["extractor"] = {"kind": "efficientnet_lite0"}
    # The elastic net of the file, in a smaller grid and with fewer steps: a test is not to take minutes.
    (net,) = content["classifier"]["candidates"]
    content["classifier"] = {
        "candidates": [net | {"regularisation": [0.01], "max_iterations": 50}],
        "selection": {"folds": 3},
    }
    platform = Platform(parse_dataset(content, "people_and_tables.yaml"), tmp_path_factory.mktemp("cars"))
    for subset in ("train", "validation"):
        shutil.copytree(shared_data / "open_images" / subset, platform.landing / str(FIRST) / subset)
    result = platform.run(FIRST)
    assert not result.errors, result.errors
    return platform


@pytest.fixture(scope="module")
def split(ran: Platform) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels, and which are held out, all from the tables, by rules written down once more."""
    groups = dict(ran.rows(DUPLICATE_GROUPS).select("image_id", "group_id").iter_rows())
    assert ran.rows(LABEL_CONFLICTS).is_empty(), "the test data is to have none"
    rows = ran.rows(IMAGE_FEATURES).sort("image_id")
    names = [groups.get(one, one) for one in rows["image_id"]]
    aside = np.array([int(name, 16) % 16**13 < 0.25 * 16**13 for name in names])
    return feature_matrix(rows), rows["label"].to_numpy(), aside


def test_an_image_with_both_labels_is_told_apart(ran: Platform) -> None:
    selected = ran.rows(SELECTED_IMAGES).filter(pl.col("category").is_not_null())
    assert dict(selected["category"].value_counts().iter_rows()) == {"person": 123, "table": 15, "both": 11}
    both = selected.filter(category="both")
    assert {tuple(one) for one in both["categories"].to_list()} == {("person", "table")}
    assert set(ran.rows(IMAGE_FEATURES)["label"]) == {0, 1, 2}


def test_the_metrics_are_those_of_scikit_learn(ran: Platform, split: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    features, labels, aside = split
    digest = shared_extractor(ran.dataset.extractor).digest
    model, manifest = load_model(ran.store.objects(), classifier_prefix(ran.dataset), digest)
    truth, answers = labels[aside], model.predict(features[aside])
    probabilities = model.predict_proba(features[aside])
    found: dict[str, Any] = manifest.metrics
    assert found["held_out"] == aside.sum()
    assert found["trained"] == (~aside).sum()
    weighted: Any = {"average": "weighted", "zero_division": 0}
    expected = {
        "accuracy": metrics.accuracy_score(truth, answers),
        "macro_f1": metrics.f1_score(truth, answers, average="macro"),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, answers),
        "weighted_precision": metrics.precision_score(truth, answers, **weighted),
        "weighted_recall": metrics.recall_score(truth, answers, **weighted),
        "auc": metrics.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    # The probabilities are float32, whose logarithms are summed in another order.
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities), abs=1e-7)
    assert found["confusion"] == metrics.confusion_matrix(truth, answers).tolist()
    # Four of five show a person and no table, so accuracy says little: the probabilities know more than the shares do.
    shares = np.bincount(labels[~aside]) / (~aside).sum()
    assert found["log_loss"] < -np.log(shares[truth]).mean()


def test_the_model_is_the_elastic_net_that_scikit_learn_fits(
    ran: Platform, split: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    features, labels, aside = split
    model, manifest = load_model(ran.store.objects(), classifier_prefix(ran.dataset))
    assert manifest.kind == "logistic_regression"
    assert isinstance(model, SklearnModel)
    fitted = model.pipeline.named_steps["classify"]
    scores = pl.read_csv((ran.files / ran.dataset.name / "plots/candidates.csv").read_bytes())
    assert scores.height == 3
    # The pictures come from two folders, so how certain the best is to be was then chosen by leaving each out.
    chosen, _, temperature = manifest.candidate.removesuffix(")").partition(", temperature ")
    assert scores["candidate"][0] == f"{chosen})"
    assert float(temperature) > 1
    again = LogisticRegression(
        C=fitted.C, l1_ratio=fitted.l1_ratio, solver=fitted.solver, max_iter=fitted.max_iter, random_state=0
    )
    root = FunctionTransformer(lambda rows: np.sign(rows) * np.sqrt(np.abs(rows)))
    independent = make_pipeline(root, StandardScaler(), again).fit(features[~aside], labels[~aside])
    expected = independent.predict_proba(features[aside]) ** (1 / float(temperature))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(features[aside]), expected, atol=1e-6)
