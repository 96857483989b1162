"""Models of timm: their features are those that timm gives, or they are refused at the door.

Where timm is not installed (`make test-timm` has an environment with it), only that being said is tested.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_assets.dataset import DatasetError, parse_dataset
from image_assets.features.errors import EncoderError
from image_assets.features.extractor import Extractor, build_extractor
from image_assets.features.timm_model import _installed
from image_assets.settings.encoders import TimmModel
from tests.features.onnx_models import pictures

VIT = "vit_small_patch14_dinov2.lvd142m"
SIDE = 56  # four by four patches: as few as the architecture takes without being another one
NET = "mobilenetv3_small_050.lamb_in1k"


def spec(model: str = VIT, **keys: Any) -> TimmModel:
    return TimmModel(kind="timm", model=model, **keys)


@pytest.fixture(scope="module")
def timm() -> Any:
    return pytest.importorskip("timm", reason="timm is not installed here")


@pytest.fixture(scope="module")
def vit(timm: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT as DINOv2's, with random weights, as timm writes them: of the size it comes in, with its many positions."""
    return saved(timm, tmp_path_factory.mktemp("vit") / "model.safetensors", VIT, num_classes=0)


@pytest.fixture(scope="module")
def net(timm: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small convolutional network with its classes."""
    return saved(timm, tmp_path_factory.mktemp("net") / "model.safetensors", NET)


def saved(timm: Any, file: Path, model: str, **keys: Any) -> Path:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model(model, pretrained=False, **keys)
    for values in network.buffers():  # means and deviations of batches, which are 0 and 1 in a new network
        if values.is_floating_point():
            values.add_(torch.rand_like(values) / 2)
    save_file(network.state_dict(), str(file))
    return file


def of_timm(timm: Any, model: str, file: Path, images: np.ndarray, **keys: Any) -> np.ndarray:
    """Features by timm alone: its weights, its transform, its model."""
    import torch

    network = timm.create_model(
        model, pretrained=True, num_classes=0, pretrained_cfg_overlay={"file": str(file)}, **keys
    ).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config(keys, model=network), is_training=False)
    rows = [network(transform(Image.fromarray(image)).unsqueeze(0)) for image in images]
    return torch.cat(rows).detach().numpy()


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))


def refusal(**keys: Any) -> str:
    with pytest.raises(EncoderError) as refused:
        build_extractor(spec(**keys))
    return str(refused.value)


def middle(extractor: Extractor, images: np.ndarray) -> np.ndarray:
    return np.stack([extractor.prepare(image) for image in images])


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    _installed.cache_clear()
    assert refusal() == 'extractor timm needs a package that is not installed (timm): pip install "image-assets[timm]"'
    _installed.cache_clear()


def test_what_is_fetched_needs_its_digest_and_a_digest_its_file() -> None:
    content = {"name": "birds", "categories": {"owl": 0}, "start_day": "2026-11-01"}
    for keys, said in (
        ({"weights": "https://example.org/model.safetensors"}, "weights that are fetched need their sha256"),
        ({"sha256": "0" * 64}, "sha256 is of weights"),
        ({"device": "gpu"}, "device"),
    ):
        with pytest.raises(DatasetError, match=said):
            parse_dataset({**content, "extractor": {"kind": "timm", "model": NET, **keys}}, "birds.yaml")


def test_features_of_a_vit_are_those_of_timm(timm: Any, vit: Path) -> None:
    extractor = build_extractor(spec(weights=str(vit), image_size=SIDE, device="cpu"))
    assert (extractor.name, extractor.shape, extractor.width) == ("timm", (SIDE, SIDE, 3), 384)
    images = pictures(9, SIDE)
    assert_same(extractor.infer(images), of_timm(timm, VIT, vit, images, img_size=SIDE))


def test_features_of_a_network_are_those_of_timm_and_its_classes_are_left_out(timm: Any, net: Path) -> None:
    extractor = build_extractor(spec(NET, weights=str(net)))
    assert (extractor.shape, extractor.width) == ((224, 224, 3), 1024)
    # As large as timm resizes to before it takes the middle: no pixel is made anew by either.
    side = int(np.floor(224 / timm.create_model(NET).pretrained_cfg["crop_pct"]))
    images = pictures(5, side)
    assert_same(extractor.infer(middle(extractor, images)), of_timm(timm, NET, net, images))


def test_a_picture_has_the_same_bytes_in_every_batch_and_on_every_thread(net: Path) -> None:
    extractor = build_extractor(spec(NET, weights=str(net), image_size=64))
    images = pictures(12, 64)
    whole = extractor.infer(images)
    with ThreadPoolExecutor(4) as threads:
        pieces = list(threads.map(lambda n: extractor.infer(images[n : n + 1 + n % 3]), range(12)))
    for n, piece in enumerate(pieces):
        assert np.array_equal(piece, whole[n : n + 1 + n % 3])
    assert extractor.infer(images[:0]).shape == (0, extractor.width)


def test_the_digest_is_of_the_tensors_and_of_what_pixels_become(net: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(net))
    torch.save(tensors, tmp_path / "same.pth")
    tensors["conv_stem.weight"][0, 0, 0, 0] += 1e-3
    save_file(tensors, str(tmp_path / "other.safetensors"))
    of = {
        name: build_extractor(spec(NET, image_size=64, weights=str(file))).digest
        for name, file in {"net": net, "same": tmp_path / "same.pth", "other": tmp_path / "other.safetensors"}.items()
    }
    assert of["net"] == of["same"]
    assert len({*of.values(), build_extractor(spec(NET, image_size=96, weights=str(net))).digest}) == 3


def test_what_does_not_fit_is_refused_with_what_to_do(vit: Path, net: Path, tmp_path: Path) -> None:
    assert "timm knows no such model; did you mean mobilenetv3_small_050" in refusal(model="mobilenetv3_smal_050")
    said = refusal(model=NET, weights=str(vit))
    assert f"{vit}: are not the weights of {NET}: missing " in said
    (tmp_path / "page.pth").write_text("<html>404</html>")
    assert "cannot be loaded as weights" in refusal(model=NET, weights=str(tmp_path / "page.pth"))
    digest = hashlib.sha256(net.read_bytes()).hexdigest()
    assert build_extractor(spec(NET, weights=str(net), sha256=digest, image_size=64)).width == 1024
    assert f"its SHA-256 is {digest}, expected {'0' * 64}" in refusal(model=NET, weights=str(net), sha256="0" * 64)
    (tmp_path / "net.npz").write_bytes(net.read_bytes())
    assert "expected weights in a file of .safetensors, .pth" in refusal(model=NET, weights=f"{tmp_path}/net.npz")
    assert VIT in refusal(weights=str(vit), image_size=8)  # less than a patch


def test_weights_that_lack_a_tensor_or_run_code_are_refused(net: Path, tmp_path: Path) -> None:
    import pickle

    from safetensors.torch import load_file, save_file

    tensors = load_file(str(net))
    del tensors["conv_stem.weight"]
    save_file(tensors, str(tmp_path / "cut.safetensors"))
    assert "missing conv_stem.weight; " in refusal(model=NET, weights=str(tmp_path / "cut.safetensors"))

    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "code.pth").write_bytes(pickle.dumps(Planted()))
    assert "cannot be loaded as weights" in refusal(model=NET, weights=str(tmp_path / "code.pth"))
    assert not (tmp_path / "ran").exists()


def test_a_gpu_that_is_not_there_is_refused_where_it_is_asked_for_by_name(net: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert "device is cuda, and no GPU can be used here; say auto" in refusal(
        model=NET, weights=str(net), device="cuda"
    )
    assert build_extractor(spec(NET, weights=str(net), image_size=64, device="auto")).width == 1024


def test_weights_come_from_the_hub_where_no_file_is_named(net: Path, tmp_path: Path) -> None:
    found = {f"/timm/{NET}/resolve/main/model.safetensors": net.read_bytes()}
    with hub_of(found) as (address, asked):
        told = subprocess.run(
            [sys.executable, "-c", _DIGEST_OF_THE_HUBS, NET],
            env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == build_extractor(spec(NET, weights=str(net), image_size=64)).digest
    assert set(found) <= {path for _, path in asked}


_DIGEST_OF_THE_HUBS = """
import sys
from image_assets.features.extractor import build_extractor
from image_assets.settings.encoders import TimmModel
print(build_extractor(TimmModel(kind="timm", model=sys.argv[1], image_size=64)).digest)
"""


@contextmanager
def hub_of(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A hub on this machine that has some files, its address, and what it was asked for."""
    asked: list[tuple[str, str]] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append((self.command, self.path))
            content = files.get(self.path)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()
