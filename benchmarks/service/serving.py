"""What is served: a dataset of photos with a model, the console over it, and its peer; each by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH, Inputs, quiet_environment

DAY = "2026-11-20"
_STARTS = 300


@dataclass(frozen=True)
class Network:
    """What both services take features with.

    Attributes:
        module: The SavedModel.
        side: Pixels of its input.
        extractor: The same for a dataset file.
    """

    module: Path
    side: int
    extractor: dict[str, object]


def mobilenet(inputs: Inputs) -> Network:
    """MobileNetV1 0.50 at 128 pixels, which is hardly any work: what it shows is what lies around a model."""
    module = inputs.module.absolute()
    said = {"kind": "tf_hub", "module": str(module), "image_size": IMAGE_SIZE, "width": WIDTH, "runtime": "onnxruntime"}
    return Network(module, IMAGE_SIZE, said)


def efficientnet_lite0(inputs: Inputs) -> Network:
    """EfficientNet-Lite0 at 224 pixels; its SavedModel is written once, by a process of its own."""
    module = inputs.module.absolute().with_name("efficientnet_lite0")
    if not (module / "saved_model.pb").exists():
        command = [sys.executable, "-m", "benchmarks.service.lite0", str(module)]
        subprocess.run(command, check=True, env=quiet_environment(inputs))
    return Network(module, 224, {"kind": "efficientnet_lite0"})


NETWORKS = {"mobilenet": mobilenet, "efficientnet_lite0": efficientnet_lite0}


@dataclass(frozen=True)
class Place:
    """A project that was run.

    Attributes:
        folder: With its project file.
        inputs: Where conversions are kept.
        network: Of its features.
    """

    folder: Path
    inputs: Inputs
    network: Network

    def image_assets(self, *words: str) -> None:
        """Run a command on it, to its end."""
        subprocess.run(
            [sys.executable, "-m", "image_assets.cli", *words], cwd=self.folder, env=self._environment(), check=True
        )

    def _environment(self) -> dict[str, str]:
        return quiet_environment(self.inputs)

    @contextmanager
    def served(self, *words: str) -> Iterator[Served]:
        """A module of this project as a service, which prints its URL in JSON; stopped at the end."""
        command = [sys.executable, "-m", *words]
        with subprocess.Popen(command, cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"{' '.join(words)} did not start")
                url = json.loads(line)["url"]
                _until_ready(url)
                yield Served(f"{url}/v1/classify", process.pid)
            finally:
                process.terminate()


@dataclass(frozen=True)
class Served:
    """A service: what classifies, and its process."""

    url: str
    pid: int


def project(folder: Path, photos: Path, inputs: Inputs, network: Network) -> Place:
    """A dataset of folders of photos with a network, loaded and trained; made once."""
    place = Place(folder, inputs, network)
    if (folder / "ready").exists():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    categories = sorted(one.name for one in photos.iterdir() if one.is_dir())
    said = {
        "name": "service",
        "categories": {name: number for number, name in enumerate(categories)},
        "start_day": DAY,
        "extractor": network.extractor,
        "classifier": {"report": {"enabled": False}},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    (folder / "image-assets.yaml").write_text("dataset: dataset.yaml\nlanding: landing\nstore: store\n")
    for name in categories:
        place.image_assets("land", "--day", DAY, "--category", name, str(photos.absolute() / name))
    place.image_assets("run", "--day", DAY)
    (folder / "ready").touch()
    return place


def _until_ready(url: str) -> None:
    """Until a service answers; who has no address for that has answered itself before it said where it is."""
    end = time.monotonic() + _STARTS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=30):
                return
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return
        except OSError:
            pass  # not yet
        time.sleep(0.1)
    raise RuntimeError(f"{url} is not ready after {_STARTS} s")
