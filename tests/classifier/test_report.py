from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from image_assets.classifier.report.evaluation import confusion_picture, evaluation_markdown
from image_assets.classifier.training.calibration import Bin
from image_assets.classifier.training.evaluate import ClassFigures, Evaluation


def evaluation(classes: int, share_right: float = 0.8, converged: bool = True) -> Evaluation:
    counts = np.random.default_rng(0).poisson(2, (classes, classes))
    np.fill_diagonal(counts, int(share_right * 200))
    figures = [
        ClassFigures(name=f"class_{i}", precision=0.5, recall=0.25, f1=1 / 3, support=1200) for i in range(classes)
    ]
    return Evaluation(
        accuracy=0.9,
        macro_f1=0.876,
        balanced_accuracy=0.8,
        majority_accuracy=0.4,
        weighted_precision=0.9,
        weighted_recall=0.9,
        auc=0.97,
        log_loss=0.3,
        calibration_error=0.02,
        reliability=(Bin(certainty=0.9, accuracy=0.88, images=100),),
        held_out=int(counts.sum()),
        trained=4000,
        converged=converged,
        per_class=tuple(figures),
        confusion=tuple(tuple(row) for row in counts.tolist()),
    )


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_plot_grows_with_the_classes(classes):
    height, width, _ = pixels(confusion_picture(evaluation(classes))).shape
    per_class = 25 if classes > 12 else 60
    assert min(height, width) > per_class * classes
    assert max(height, width) < 600 + per_class * classes * 1.2


def test_plot_of_very_many_classes_stays_a_picture():
    height, width, _ = pixels(confusion_picture(evaluation(150))).shape
    assert max(height, width) < 3200


def test_rare_class_is_coloured_like_a_frequent_one():
    def bright_pixels(*confusion: tuple[int, int]) -> int:
        image = pixels(confusion_picture(evaluation(2).model_copy(update={"confusion": confusion})))
        return int(np.sum((image[..., 0] > 220) & (image[..., 2] < 100)))

    both_right = bright_pixels((2000, 0), (0, 2))
    frequent_right = bright_pixels((2000, 0), (1, 1))
    assert both_right > 1.5 * frequent_right


def test_same_figures_give_the_same_bytes():
    assert confusion_picture(evaluation(3)) == confusion_picture(evaluation(3))


def test_class_without_images_is_drawn():
    one = evaluation(3)
    empty = one.model_copy(update={"confusion": ((0, 0, 0), *one.confusion[1:])})
    assert pixels(confusion_picture(empty)).size > 0


def test_summary_has_the_headline_and_a_line_per_class():
    text = evaluation_markdown(evaluation(4))
    assert "Accuracy 90.0%" in text
    assert "macro F1 0.876" in text
    assert "most frequent class: 40.0%" in text
    assert text.count("| class_") == 4
    assert "| class_3 | 0.500 | 0.250 | 0.333 | 1,200 |" in text
    assert "max_iterations" not in text


def test_summary_says_when_training_was_cut_short():
    assert "max_iterations" in evaluation_markdown(evaluation(2, converged=False))
