"""Small TF Hub modules, made on the spot, and a server that hands them out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import tensorflow as tf


def save_function(folder: Path, function: Callable[[Any], Any], size: int | None = None) -> str:
    """A TF2 module that does what `function` does to images of `size`, or of any size."""
    module: Any = tf.Module()
    module.__call__ = tf.function(function, input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)])
    tf.saved_model.save(module, str(folder))
    return str(folder)


def save_tf1_module(folder: Path, output: str = "default", signature: str = "default") -> str:
    """A module in the format of TF1's `hub.Module`: twice the mean of every channel."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        images = v1.placeholder(tf.float32, [None, 8, 8, 3])
        factor = v1.get_variable("factor", initializer=tf.constant(2.0), use_resource=True)
        features = tf.reduce_mean(images, [1, 2]) * factor
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        described = v1.saved_model.predict_signature_def({"images": images}, {output: features})
        builder.add_meta_graph_and_variables(session, tags=[], signature_def_map={signature: described})
        builder.save()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")  # marks the format: version 3
    return str(folder)


def archive(folder: Path) -> bytes:
    """A module's folder as the archive that a URL delivers."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return content.getvalue()


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """Serves bytes over HTTP, as a module's archive; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/module.tar.gz"
    finally:
        server.shutdown()
        server.server_close()
