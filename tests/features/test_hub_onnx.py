from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import skimage.data

from image_assets.features import hub_onnx
from image_assets.features.errors import HubModuleError
from image_assets.features.extractor import build_extractor
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.settings import stages
from tests.conftest import SHARED_DATA
from tests.features.extracting import extract

# Slow to import, an extra of the package: what needs it is in few modules.
tf = pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")
mobilenet_v1 = pytest.importorskip("tests.features.mobilenet_v1")
hub_modules = pytest.importorskip("tests.features.hub_modules")

# Of the packages about themselves; the pins in pyproject.toml answer them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated"),
    pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated"),
]

TFLITE = SHARED_DATA / "mobilenet_v1" / "mobilenet_v1_0.5_160_quant.tflite"


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with 512 features: with the published weights where they are at hand, else with random ones."""
    return mobilenet_v1.save_mobilenet_v1(tmp_path_factory.mktemp("hub") / "mobilenet_v1_050", TFLITE)


@pytest.fixture(scope="module")
def converted_before(tmp_path_factory: pytest.TempPathFactory, mobilenet: Path) -> Path:
    """A cache folder with the module's conversion."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_ASSETS_CACHE", str(cache))
        TfHubExtractor(str(mobilenet), 128, 512, "onnxruntime")
    return cache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own, empty at first."""
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def extractor(mobilenet: Path, converted_before: Path, monkeypatch: pytest.MonkeyPatch) -> TfHubExtractor:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(converted_before))
    return TfHubExtractor(str(mobilenet), 128, 512, "onnxruntime")


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The smallest of modules: the means of the channels."""
    return hub_modules.save_function(tmp_path_factory.mktemp("means"), lambda x: tf.reduce_mean(x, [1, 2]))


def images(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def alter(model: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    graph = onnx.load_from_string(model)
    change(graph)
    return graph.SerializeToString()


def add_to_features(amount: float) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        last = model.graph.node[-1]
        last.output[0] = "before"
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(amount, np.float32), "amount"))
        model.graph.node.append(onnx.helper.make_node("Add", ["before", "amount"], ["features"]))

    return change


def plant(monkeypatch: pytest.MonkeyPatch, change: Callable[[onnx.ModelProto], None]) -> None:
    """A converter that makes a mistake."""
    convert = hub_onnx.convert
    monkeypatch.setattr(hub_onnx, "convert", lambda *arguments: alter(convert(*arguments), change))


def test_a_dataset_file_chooses_the_runtime(mobilenet: Path, extractor: TfHubExtractor) -> None:
    spec = stages.TfHub(kind="tf_hub", module=str(mobilenet), image_size=128, width=512, runtime="onnxruntime")
    assert build_extractor(spec).digest == extractor.digest


def assert_as_tensorflow(module: Path, extractor: TfHubExtractor) -> None:
    pictures = [skimage.data.chelsea(), skimage.data.astronaut(), skimage.data.coffee(), *images(5, 128)]
    expected = extract(TfHubExtractor(str(module), 128, 512), pictures)
    found = extract(extractor, pictures)
    assert (found.shape, found.dtype) == ((8, 512), np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_the_features_are_those_of_tensorflow(mobilenet: Path, extractor: TfHubExtractor) -> None:
    assert_as_tensorflow(mobilenet, extractor)


def test_the_features_of_random_weights_are_those_of_tensorflow(tmp_path: Path) -> None:
    module = mobilenet_v1.save_mobilenet_v1(tmp_path / "module")
    assert_as_tensorflow(module, TfHubExtractor(str(module), 128, 512, "onnxruntime"))


def test_the_published_weights_agree_with_the_published_result(shared_data: Path, mobilenet: Path) -> None:
    """The golden output is that of the 8-bit model; the float model differs by its rounding only."""
    image = np.fromfile(TFLITE.parent / "banana_160.input", np.uint8).reshape(1, 160, 160, 3)
    golden = np.fromfile(TFLITE.parent / "banana_0.5_160.output", np.uint8) / 256
    features = TfHubExtractor(str(mobilenet), 160, 512, "onnxruntime").infer(image)
    head = mobilenet_v1.MobileNetV1(mobilenet_v1.published_weights(TFLITE))
    found = head.probabilities(tf.constant(features))[0]
    np.testing.assert_array_equal(np.argsort(-found)[:5], np.argsort(-golden, kind="stable")[:5])
    np.testing.assert_allclose(found, golden, atol=0.05)


@pytest.mark.parametrize("output", ["default", "feature_vector"])
def test_a_module_in_tf1_format_is_converted_too(tmp_path: Path, output: str) -> None:
    extractor = TfHubExtractor(hub_modules.save_tf1_module(tmp_path / "tf1", output), 8, 3, "onnxruntime")
    pixels = np.broadcast_to(np.array([255, 51, 0], np.uint8), (8, 8, 3))
    np.testing.assert_allclose(extract(extractor, [pixels]), [[2, 0.4, 0]], atol=1e-6)


def dense(folder: Path) -> str:
    """A module whose function captured a constant, which is neither a variable nor in its graph."""
    kernel = tf.constant(np.random.default_rng(0).normal(size=(768, 300)).astype(np.float32))
    return hub_modules.save_function(folder, lambda x: tf.reshape(x, [-1, 768]) @ kernel)


@pytest.mark.parametrize("rows", [1, 7, 32])
def test_a_row_depends_on_no_other(extractor: TfHubExtractor, tmp_path: Path, rows: int) -> None:
    for one in (extractor, TfHubExtractor(dense(tmp_path / "dense"), 16, 300, "onnxruntime")):
        batch = images(32, one.shape[0])
        whole = one.infer(batch)
        parts = [one.infer(batch[i : i + rows]) for i in range(0, len(batch), rows)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        np.testing.assert_array_equal(one.infer(batch[::-1])[::-1], whole)


def test_several_threads_get_what_one_gets(extractor: TfHubExtractor) -> None:
    batch = images(12, 128)
    batches = [batch[i : i + 4] for i in (0, 4, 8)] * 4
    expected = [extractor.infer(one) for one in batches]
    with ThreadPoolExecutor(6) as pool:
        for found, single in zip(pool.map(extractor.infer, batches), expected, strict=True):
            np.testing.assert_array_equal(found, single)


def test_no_images_give_no_rows_and_other_arrays_are_refused(extractor: TfHubExtractor) -> None:
    assert extractor.infer(images(0, 128)).shape == (0, 512)
    with pytest.raises(ValueError, match=r"uint8 \[N, 128, 128, 3\]"):
        extractor.infer(images(1, 64))


def test_the_digest_says_what_runs_the_module(mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path) -> None:
    assert TfHubExtractor(str(mobilenet), 128, 512).digest != extractor.digest
    shutil.copytree(mobilenet, tmp_path / "copy")
    assert TfHubExtractor(str(tmp_path / "copy"), 128, 512, "onnxruntime").digest == extractor.digest


ANOTHER_PROCESS = """
import sys
import numpy as np
from image_assets.features.tf_hub import TfHubExtractor
extractor = TfHubExtractor(sys.argv[1], 128, 512, "onnxruntime")
np.save(sys.argv[2], extractor.infer(np.load(sys.argv[3])))
print([name for name in ("tensorflow", "tensorflow_hub", "tf2onnx", "onnx") if name in sys.modules])
"""


def run_in_another_process(module: str, folder: Path, batch: np.ndarray) -> tuple[np.ndarray, str]:
    """The features, and which of the heavy packages were imported."""
    np.save(folder / "batch.npy", batch)
    command = [sys.executable, "-c", ANOTHER_PROCESS, module, folder / "features.npy", folder / "batch.npy"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return np.load(folder / "features.npy"), result.stdout.strip()


def test_what_is_converted_runs_without_tensorflow(mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path) -> None:
    features, imported = run_in_another_process(str(mobilenet), tmp_path, images(3, 128))
    assert imported == "[]"
    np.testing.assert_array_equal(features, extractor.infer(images(3, 128)))


@pytest.mark.long
def test_a_conversion_leaves_no_tensorflow_behind(mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path) -> None:
    batch = images(3, 128)
    expected = extractor.infer(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "empty"))
        features, imported = run_in_another_process(str(mobilenet), tmp_path, batch)
    assert imported == "[]"
    np.testing.assert_array_equal(features, expected)


def test_what_a_conversion_in_another_process_refuses_is_told_here(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom image_assets.features.tf_hub import TfHubExtractor\n"
        "TfHubExtractor(sys.argv[1], 8, 3, 'onnxruntime')"
    )
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "saved_model.pb").write_bytes(b"none")
    result = subprocess.run([sys.executable, "-c", code, tmp_path / "module"], capture_output=True, text=True)
    assert "HubModuleError" in result.stderr
    assert "cannot load this module" in result.stderr
    assert "_make_apart" in result.stderr


def test_what_was_downloaded_and_converted_runs_without_tensorflow_and_without_the_server(
    mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "downloads"))
    with hub_modules.served(hub_modules.archive(mobilenet)) as url:
        assert TfHubExtractor(url, 128, 512, "onnxruntime").digest == extractor.digest
    features, imported = run_in_another_process(url, tmp_path, images(3, 128))
    assert imported == "[]"
    np.testing.assert_array_equal(features, extractor.infer(images(3, 128)))


def test_a_module_that_is_converted_again_gives_the_same_bits(
    mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "another machine's"))
    again = TfHubExtractor(str(mobilenet), 128, 512, "onnxruntime")
    np.testing.assert_array_equal(again.infer(images(3, 128)), extractor.infer(images(3, 128)))


def test_a_module_is_converted_once_for_each_of_its_settings(
    means: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TfHubExtractor(means, 16, 3, "onnxruntime")
    kept = list(cache.iterdir())
    TfHubExtractor(means, 16, 3, "onnxruntime")
    assert len(kept) == 1
    assert list(cache.iterdir()) == kept
    TfHubExtractor(means, 20, 3, "onnxruntime")
    assert len(list(cache.iterdir())) == 2
    # Its features may be others by an ulp, and were not compared: another version begins anew.
    version = hub_onnx.importlib.metadata.version
    monkeypatch.setattr(hub_onnx.importlib.metadata, "version", lambda name: version(name) + ".post1")
    TfHubExtractor(means, 16, 3, "onnxruntime")
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("damage", ["another constant", "truncated", "empty"])
def test_a_damaged_conversion_is_never_run(means: str, cache: Path, damage: str) -> None:
    batch = images(4, 16)
    expected = TfHubExtractor(means, 16, 3, "onnxruntime").infer(batch)
    [file] = cache.iterdir()
    content = file.read_bytes()
    damaged = {"another constant": alter(content, add_to_features(1)), "truncated": content[:-1], "empty": b""}[damage]
    file.write_bytes(damaged)
    np.testing.assert_array_equal(TfHubExtractor(means, 16, 3, "onnxruntime").infer(batch), expected)
    [again] = cache.iterdir()
    assert again.stem.endswith(hashlib.sha256(again.read_bytes()).hexdigest())
    assert again.read_bytes() != damaged


@pytest.mark.parametrize(
    ("scale", "amount", "allowed"),
    [
        pytest.param(1, 0.9e-4, True, id="as much as is allowed"),
        pytest.param(1, 1.1e-4, False, id="more than that"),
        pytest.param(10, 0.9e-3, True, id="as much of large features"),
        pytest.param(10, 1.1e-3, False, id="more of large features"),
        pytest.param(0.01, 1.1e-4, False, id="more of small features"),
        pytest.param(1, np.nan, False, id="no number"),
    ],
)
def test_features_that_deviate_are_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, scale: float, amount: float, allowed: bool
) -> None:
    # The white comparison image has the largest features, `scale`.
    module = hub_modules.save_function(tmp_path / "module", lambda x: tf.reduce_mean(x, [1, 2]) * scale)
    plant(monkeypatch, add_to_features(amount))
    if allowed:
        TfHubExtractor(module, 16, 3, "onnxruntime")
        return
    with pytest.raises(HubModuleError, match=rf"{module}: .*deviate .* by {amount:.2g};.*`runtime: tensorflow`"):
        TfHubExtractor(module, 16, 3, "onnxruntime")
    assert not cache.exists()


def test_a_wrong_weight_is_found(mobilenet: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(model: onnx.ModelProto) -> None:
        # Of the last layer, which gives the features: what is wrong early may end in a channel that stays dark.
        kernel = max((t for t in model.graph.initializer if len(t.dims) == 4), key=lambda t: t.dims[0] * t.dims[1])
        values = onnx.numpy_helper.to_array(kernel).copy()
        values[:, 0] += 0.1
        kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))

    plant(monkeypatch, change)
    with pytest.raises(HubModuleError, match="deviate"):
        TfHubExtractor(str(mobilenet), 128, 512, "onnxruntime")
    assert not cache.exists()


def test_a_module_that_cannot_be_converted_is_refused_with_its_operation(tmp_path: Path, cache: Path) -> None:
    module = hub_modules.save_function(tmp_path / "module", lambda x: tf.math.lgamma(tf.reduce_mean(x, [1, 2]) + 1))
    with pytest.raises(HubModuleError, match=r"cannot be converted.*Lgamma.*`runtime: tensorflow`"):
        TfHubExtractor(module, 16, 3, "onnxruntime")
    assert not cache.exists()
    assert TfHubExtractor(module, 16, 3).infer(images(2, 16)).shape == (2, 3)


def test_a_module_that_looks_something_up_in_a_table_is_refused(tmp_path: Path) -> None:
    class Lookup(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            content = tf.lookup.KeyValueTensorInitializer(tf.range(2, dtype=tf.int64), tf.constant([1.0, 2.0]))
            self.table = tf.lookup.StaticHashTable(content, -1.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 16, 16, 3], tf.float32)])
        def __call__(self, x: Any) -> Any:
            return self.table.lookup(tf.cast(tf.reduce_mean(x, [1, 2]), tf.int64))

    tf.saved_model.save(Lookup(), str(tmp_path / "lookup"))
    with pytest.raises(HubModuleError, match=r"cannot be converted.*`runtime: tensorflow`"):
        TfHubExtractor(str(tmp_path / "lookup"), 16, 3, "onnxruntime")


def test_a_module_of_another_width_is_refused(mobilenet: Path) -> None:
    with pytest.raises(HubModuleError, match=rf"{mobilenet}: expected 1001 features.*found .*\[1, 512\]"):
        TfHubExtractor(str(mobilenet), 128, 1001, "onnxruntime")


def test_a_cache_that_cannot_be_written_is_an_error_that_says_what_to_set(
    means: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "file"))
    with pytest.raises(HubModuleError, match=rf"{tmp_path / 'file'}.*IMAGE_ASSETS_CACHE"):
        TfHubExtractor(means, 16, 3, "onnxruntime")
