"""The embedded head and TF Hub modules through one interface; what is not what it says is refused before it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from pydantic import ValidationError

from image_assets.features import efficientnet_lite
from image_assets.features.digest import folder_digest
from image_assets.features.efficientnet_lite import LITE0
from image_assets.features.errors import HubModuleError, WeightsError
from image_assets.imagenet.classifiers import EmbeddedClassifier, HubClassifier, shared_classifier
from image_assets.imagenet.labels import imagenet_labels, softmax, top_classes
from image_assets.settings.imagenet import Imagenet
from tests.platform import small_dataset

tf = pytest.importorskip("tensorflow")
mobilenet_v1 = pytest.importorskip("tests.features.mobilenet_v1")
hub_modules = pytest.importorskip("tests.features.hub_modules")

pytestmark = [
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated"),
    pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated"),
]

SIDE = 8
TFLITE = "mobilenet_v1/mobilenet_v1_0.5_160_quant.tflite"
KERNEL = np.random.default_rng(0).normal(0, 4, (3, 1_001)).astype(np.float32)


def logits(images: Any) -> Any:
    return tf.reduce_mean(images, [1, 2]) @ tf.constant(KERNEL)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classification module: logits of 1,001 classes from the mean colour."""
    folder = tmp_path_factory.mktemp("hub") / "module"
    hub_modules.save_function(folder, logits, SIDE)
    return folder


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)


def expected_of(batch: np.ndarray) -> np.ndarray:
    """Probabilities of 1,001 classes, computed without TensorFlow."""
    return softmax((batch / 255).mean(axis=(1, 2)) @ KERNEL)


def test_the_embedded_head_knows_a_cat() -> None:
    classifier = shared_classifier(Imagenet(classifier="embedded"))
    pixels = classifier.prepare(skimage.data.chelsea())
    probabilities = classifier.classify(pixels[None])
    (best, *_), (score, *_) = (found[0] for found in top_classes(probabilities, 5))
    assert imagenet_labels()[best] in {"tabby, tabby cat", "tiger cat", "Egyptian cat"}
    assert score > 0.3
    assert (classifier.weights, probabilities.shape) == (LITE0.sha256, (1, 1_000))
    assert shared_classifier(Imagenet(classifier="embedded", top=3)) is classifier


def test_logits_become_probabilities_and_the_background_is_dropped(module: Path, batch: np.ndarray) -> None:
    classifier = HubClassifier(str(module), SIDE)
    np.testing.assert_allclose(classifier.classify(batch), expected_of(batch)[:, 1:], atol=1e-6)


def test_probabilities_of_a_thousand_classes_are_taken_as_they_are(tmp_path: Path, batch: np.ndarray) -> None:
    path = hub_modules.save_function(tmp_path / "module", lambda x: tf.nn.softmax(logits(x)[:, 1:]), SIDE)
    expected = softmax((batch / 255).mean(axis=(1, 2)) @ KERNEL[:, 1:])
    np.testing.assert_allclose(HubClassifier(path, SIDE).classify(batch), expected, atol=1e-6)


def test_a_batch_of_many_is_the_same_as_one_by_one(module: Path, batch: np.ndarray) -> None:
    classifier = HubClassifier(str(module), SIDE)
    one_by_one = [classifier.classify(batch[i : i + 1])[0] for i in range(len(batch))]
    np.testing.assert_allclose(classifier.classify(batch), one_by_one, atol=1e-6)


def test_the_golden_picture_of_mobilenet_gets_its_published_labels(shared_data: Path, tmp_path: Path) -> None:
    """The published weights and head as a module; the published result is that of the 8-bit model.

    Its labels belong together, as they would not were the background counted among the classes.
    """
    network = mobilenet_v1.MobileNetV1(mobilenet_v1.published_weights(shared_data / TFLITE))
    kernel, bias = (
        network.weights[f"MobilenetV1.Logits.Conv2d_1c_1x1.{name}"]
        for name in ("weights_quant.FakeQuantWithMinMaxVars", "Conv2D_bias")
    )
    head: Any = tf.Module()
    head.network = network
    head.__call__ = tf.function(
        lambda images: network(images) @ tf.reshape(kernel, [512, 1_001]) + bias,
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
    )
    tf.saved_model.save(head, str(tmp_path / "mobilenet"))
    folder = (shared_data / TFLITE).parent
    image = np.fromfile(folder / "banana_160.input", np.uint8).reshape(1, 160, 160, 3)
    golden = np.fromfile(folder / "banana_0.5_160.output", np.uint8) / 256
    found = HubClassifier(str(tmp_path / "mobilenet"), 160).classify(image)
    classes, _ = top_classes(found, 5)
    labels = [imagenet_labels()[one] for one in classes[0]]
    assert labels[0] == "canoe"
    assert "paddle, boat paddle" in labels
    np.testing.assert_array_equal(classes[0], np.argsort(-golden[1:], kind="stable")[:5])
    np.testing.assert_allclose(found[0], golden[1:], atol=0.05)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        pytest.param(lambda x: logits(x)[:, :999], r"expected 1000 or 1001 .*\[1, 999\]", id="999 outputs"),
        pytest.param(lambda x: tf.reduce_mean(x, [1, 2]), r"expected 1000 or 1001 .*\[1, 3\]", id="no classifier"),
        pytest.param(lambda x: logits(x) / 0, "NaN or infinity", id="no numbers"),
    ],
)
def test_a_module_that_gives_no_classes_is_refused(tmp_path: Path, function: Callable[[Any], Any], error: str) -> None:
    with pytest.raises(HubModuleError, match=error):
        HubClassifier(hub_modules.save_function(tmp_path / "module", function, SIDE), SIDE)


def test_the_digest_follows_weights_and_settings(module: Path, tmp_path: Path) -> None:
    other = hub_modules.save_function(tmp_path / "other", lambda x: logits(x) * 2)
    one = HubClassifier(str(module), SIDE)
    assert one.digest == HubClassifier(str(module), SIDE).digest
    assert one.weights == folder_digest(module)
    assert len({one.digest, HubClassifier(other, SIDE).digest, HubClassifier(other, 16).digest}) == 3


# What is not what it says (S4)


@pytest.fixture
def trap(tmp_path: Path) -> tuple[Path, Path]:
    """A module that leaves a file when it runs, and that file."""
    canary = tmp_path / "canary"

    def function(images: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(canary), "was here")]):
            return logits(images)

    hub_modules.save_function(tmp_path / "trap", function, SIDE)
    return tmp_path / "trap", canary


def test_without_a_digest_a_module_is_trusted_and_the_trap_is_armed(trap: tuple[Path, Path]) -> None:
    folder, canary = trap
    HubClassifier(str(folder), SIDE)
    assert canary.exists()


def put(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        file = folder / name
        file.write_bytes(change(file.read_bytes() if file.exists() else b""))

    return tamper


HTML = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
TAMPERED = {
    "another module": lambda folder: None,
    "HTML for the graph": put("saved_model.pb", lambda _: HTML),
    "graph cut short": put("saved_model.pb", lambda content: content[: len(content) // 2]),
    "graph with one bit flipped": put("saved_model.pb", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    "empty graph": put("saved_model.pb", lambda _: b""),
    "HTML for the weights": put("variables/variables.data-00000-of-00001", lambda _: HTML),
    "one file more": put("assets/extra.txt", lambda _: b"x"),
    "weights lost": lambda folder: (folder / "variables" / "variables.index").unlink(),
}


@pytest.mark.parametrize("fault", TAMPERED)
def test_a_module_with_another_digest_is_refused_before_anything_of_it_runs(
    trap: tuple[Path, Path], module: Path, fault: str
) -> None:
    folder, canary = trap
    expected = folder_digest(module if fault == "another module" else folder)
    (folder / "assets").mkdir(exist_ok=True)
    TAMPERED[fault](folder)
    found = folder_digest(folder)
    with pytest.raises(WeightsError, match=f"{folder}: not the expected.*{expected}.*{found}.*imagenet.sha256"):
        HubClassifier(str(folder), SIDE, expected)
    assert not canary.exists()


def test_the_module_with_the_expected_digest_is_taken(module: Path, batch: np.ndarray) -> None:
    classifier = HubClassifier(str(module), SIDE, folder_digest(module))
    assert classifier.classify(batch).shape == (5, 1_000)


def test_html_for_weights_is_no_module_even_without_a_digest(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(HTML)
    with pytest.raises(HubModuleError, match="cannot load this module"):
        HubClassifier(str(tmp_path), SIDE)


@pytest.mark.parametrize("content", [HTML, b"", b"\x80\x02cos\nsystem\n(S'touch canary'\ntR."])
def test_weights_of_the_embedded_head_that_are_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """A page, nothing, and a pickle that would run a command."""
    package = tmp_path / "weights_that_are_others"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "weights.pth").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(efficientnet_lite.Variant, "package", package.name)
    monkeypatch.setattr(efficientnet_lite.Variant, "file", "weights.pth")
    with pytest.raises(WeightsError, match=f"not the expected weights.*{LITE0.sha256}"):
        EmbeddedClassifier()
    assert not (tmp_path / "canary").exists()


# The dataset file


def test_nothing_is_labelled_by_default() -> None:
    assert not small_dataset().imagenet.wanted
    assert small_dataset(imagenet={"classifier": "embedded"}).imagenet.top == 5


@pytest.mark.parametrize(
    ("section", "error"),
    [
        ({"classifier": "tf_hub"}, "needs module and image_size"),
        ({"classifier": "tf_hub", "module": "m"}, "needs image_size"),
        ({"classifier": "embedded", "module": "m"}, "module: only classifier tf_hub"),
        ({"sha256": "0" * 64}, "sha256: only classifier tf_hub takes this, not none"),
        ({"classifier": "tf_hub", "module": "m", "image_size": 8, "sha256": "short"}, "sha256"),
        ({"classifier": "embedded", "top": 0}, "top"),
        ({"classifier": "embedded", "confident": 1.0}, "confident"),
    ],
)
def test_a_section_that_does_not_fit_together_is_refused(section: dict[str, object], error: str) -> None:
    with pytest.raises(ValidationError, match=error):
        Imagenet.model_validate(section)
