"""FastAPI with the SavedModel, as its tutorial has it: a file of a form, decoded by Pillow, answered by itself."""

from __future__ import annotations

import argparse
import io
import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image, ImageOps

from image_assets.classifier.places import classifier_prefix
from image_assets.dataset import load_dataset
from image_assets.store.models.model_files import load_model_of
from image_assets.store.models.model_store import read_champion
from image_assets.store.store import Store


def main() -> None:
    """Serve until stopped; where it is, is printed once it has answered itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--dataset", "--store", "--module", "--side"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    app = app_of(options.dataset, options.store, Path(options.module), int(options.side))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def app_of(dataset: str, store: str, module: Path, side: int) -> Any:
    """The application: the classifier is the dataset's own, the features are TensorFlow's."""
    import tensorflow as tf
    from fastapi import FastAPI, File, HTTPException

    features = tf.saved_model.load(str(module))
    objects, prefix = Store.to_read(store).objects(), classifier_prefix(load_dataset(dataset))
    model, manifest = load_model_of(objects, prefix, read_champion(objects, prefix).sha256)
    names = {label: name for name, label in manifest.classes.items()}

    def predict(content: bytes) -> dict[str, Any]:
        picture = ImageOps.pad(Image.open(io.BytesIO(content)).convert("RGB"), (side, side), Image.Resampling.BILINEAR)
        found = features(tf.constant(np.asarray(picture, np.float32)[None] / 255)).numpy()
        (shares,) = model.predict_proba(found)
        return {
            "category": names[int(model.classes[shares.argmax()])],
            "categories": {names[int(label)]: float(share) for label, share in zip(model.classes, shares, strict=True)},
        }

    app = FastAPI()

    @app.post("/v1/classify")
    def classify(file: bytes = File()) -> dict[str, Any]:
        try:
            return predict(file)
        except OSError as error:
            raise HTTPException(422, str(error)) from None

    blank = io.BytesIO()
    Image.new("RGB", (200, 200)).save(blank, "JPEG")
    predict(blank.getvalue())
    return app


if __name__ == "__main__":
    main()
