"""ONNX files as they come: read with all that belongs to them, or refused with what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from image_assets.features.digest import extractor_digest
from image_assets.features.errors import EncoderError
from image_assets.features.model_files import file_digest
from image_assets.features.preprocessor_config import FILE_NAME

if TYPE_CHECKING:
    import onnx

_LARGEST = 2**31 - 1
"""Bytes that a model may have as one message: https://protobuf.dev/programming-guides/proto-limits/."""


def read_onnx(file: Path, origin: str) -> tuple[onnx.ModelProto, str]:
    """Read a model and the files of weights that it names.

    Args:
        file: The model.
        origin: How the dataset file calls it, for errors.

    Returns:
        The model with all its weights within it, and a digest of all bytes that it was read from.

    Raises:
        EncoderError: it is no ONNX file, a file of weights is missing, or it is too large.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(file), load_external_data=False)
    except DecodeError:
        raise _no_model(origin) from None
    except OSError as error:
        raise EncoderError(f"{origin}: cannot be read ({error})") from None
    if not model.ir_version or not model.graph.node or not model.opset_import:
        raise _no_model(origin)
    names = sorted(set(_names_of_weights(model.graph)))
    for name in names:
        if Path(name).name != name or not (file.parent / name).is_file():
            raise EncoderError(
                f"{origin}: its weights are in {name!r}, which does not lie beside it; put it there, or export the "
                "model as one file"
            )
    if names:
        _load_weights(model, file, origin)
    digests = {name: file_digest(file.parent / name) for name in names}
    own = file_digest(file)
    return model, extractor_digest(own, digests) if digests else own


def serialised(model: onnx.ModelProto, origin: str) -> bytes:
    """A model as bytes, as a runtime takes them. Raises `EncoderError` where it is too large for that."""
    from google.protobuf.message import EncodeError

    size = model.ByteSize()
    try:
        if size <= _LARGEST:
            return model.SerializeToString(deterministic=True)
    except (ValueError, EncodeError):
        pass
    raise EncoderError(f"{origin}: is larger than 2 GB, which cannot be used; export it in float16, or a smaller one")


def preprocessor_beside(file: Path) -> Path | None:
    """The `preprocessor_config.json` beside a model, or above a folder `onnx`, as models are published; if any."""
    folders = [file.parent, *([file.parent.parent] if file.parent.name == "onnx" else [])]
    return next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)


def files_beside(file: Path) -> list[Path]:
    """All files that a local model's features may depend on: of weights, and what says how pictures are prepared."""
    config = preprocessor_beside(file)
    return sorted({one for one in (*file.parent.iterdir(), config) if one is not None and one.is_file()})


def metadata_of(model: onnx.ModelProto) -> dict[str, str]:
    """The metadata of a model, key by key."""
    return {one.key: one.value for one in model.metadata_props}


def _load_weights(model: onnx.ModelProto, file: Path, origin: str) -> None:
    from onnx.external_data_helper import load_external_data_for_model

    try:
        load_external_data_for_model(model, str(file.parent))
    except Exception as error:  # noqa: BLE001  # a file that is too short and the like; onnx has its own for some
        raise EncoderError(f"{origin}: its weights cannot be read ({error})") from None


def _names_of_weights(graph: onnx.GraphProto) -> Iterator[str]:
    """The files that tensors of a graph lie in, relative to the model's own folder."""
    from onnx import AttributeProto
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    attributes = [attribute for node in graph.node for attribute in node.attribute]
    tensors = [*graph.initializer, *(one.t for one in attributes if one.type == AttributeProto.TENSOR)]
    yield from (ExternalDataInfo(tensor).location for tensor in tensors if uses_external_data(tensor))
    for attribute in attributes:
        if attribute.type == AttributeProto.GRAPH:
            yield from _names_of_weights(attribute.g)


def _no_model(origin: str) -> EncoderError:
    return EncoderError(f"{origin}: no ONNX model; expected a file as torch.onnx.export or skl2onnx write it")
