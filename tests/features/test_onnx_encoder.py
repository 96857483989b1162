"""Models that people bring as ONNX files: their features are those of the model, or the file is refused at the door."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skimage.data
import yaml
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from image_assets.dataset import DatasetError, load_dataset, parse_dataset
from image_assets.features.errors import EncoderError
from image_assets.features.extractor import Extractor, build_extractor
from image_assets.features.onnx_session import release_arenas
from image_assets.settings.encoders import OnnxModel
from tests.features.onnx_models import MEAN, STD, WIDTH, SmallNet, normalised, pictures

NORMALISED = {"mean": MEAN, "std": STD}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def built(file: Path, **keys: Any) -> Extractor:
    return build_extractor(OnnxModel(kind="onnx", file=str(file), **keys))


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))


def first(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2)


def test_a_dataset_file_chooses_a_model_and_says_what_it_takes(tmp_path: Path) -> None:
    net = SmallNet()
    file = net.save(tmp_path / "model.onnx")
    content = {
        "name": "birds",
        "categories": {"owl": 0},
        "start_day": "2026-11-01",
        "extractor": {"kind": "onnx", "file": str(file), "mean": list(MEAN), "std": list(STD)},
    }
    (tmp_path / "birds.yaml").write_text(yaml.safe_dump(content))
    extractor = build_extractor(load_dataset(tmp_path / "birds.yaml").extractor)
    assert (extractor.name, extractor.shape, extractor.width) == ("onnx", (16, 16, 3), WIDTH)
    assert_same(extractor.infer(pictures()), net.by_reference(first(normalised(pictures()))))


@pytest.mark.parametrize(
    ("layout", "shape", "said"),
    [
        pytest.param("NCHW", ("N", 3, 16, 16), {}, id="channels first"),
        pytest.param("NHWC", ("N", 16, 16, 3), {}, id="channels last"),
        pytest.param("NHWC", (1, 16, 16, 3), {}, id="one picture at a time"),
        pytest.param("NCHW", ("N", 3, "H", "W"), {"image_size": 16}, id="any size"),
        pytest.param("NCHW", ("N", 3, 16, "W"), {}, id="any width"),
        pytest.param("NCHW", ("N", "C", "H", "W"), {"image_size": 16, "layout": "NCHW"}, id="nothing known"),
        pytest.param("flat", ("N", 768), {}, id="rows"),
        pytest.param("flat", ("N", "numbers"), {"image_size": 16}, id="rows of any size"),
    ],
)
def test_every_layout_gives_the_features_of_the_model(
    file: Path, layout: str, shape: tuple[int | str, ...], said: dict[str, Any]
) -> None:
    net = SmallNet(layout, shape)
    extractor = built(net.save(file), **NORMALISED, **said)
    images = normalised(pictures())
    inputs = {"NCHW": first(images), "NHWC": images, "flat": images.reshape(len(images), -1)}[layout]
    expected = np.concatenate([net.by_reference(inputs[i : i + 1]) for i in range(len(inputs))])
    assert_same(extractor.infer(pictures()), expected)
    assert extractor.infer(pictures(0)).shape == (0, WIDTH)


def test_a_model_may_take_bytes_or_half_floats(file: Path) -> None:
    net = SmallNet("NHWC", ("N", 16, 16, 3), TensorProto.UINT8)
    assert_same(built(net.save(file)).infer(pictures()), net.by_reference(pictures()))
    net = SmallNet("NCHW", ("N", 3, 16, 16), TensorProto.FLOAT16)
    found = built(net.save(file), rescale=1 / 255).infer(pictures())
    assert_same(found, net.by_reference(first((pictures() / np.float32(255)).astype(np.float16))))


def test_channels_may_be_wanted_the_other_way_round(file: Path) -> None:
    net = SmallNet()
    found = built(net.save(file), colours="BGR", mean=(103.5, 116.3, 123.7), std=(1, 1, 1), rescale=1).infer(pictures())
    levels = (pictures()[..., ::-1] - np.array([103.5, 116.3, 123.7])).astype(np.float32)
    assert_same(found, net.by_reference(first(levels)))


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_value_within_the_graph_is_pooled(file: Path, pooling: str, opset: int) -> None:
    net = SmallNet(opset=opset)
    found = built(net.save(file), output="map", pooling=pooling, **NORMALISED).infer(pictures())
    maps = net.by_reference(first(normalised(pictures())), "map")
    assert_same(found, maps.mean((2, 3)) if pooling == "mean" else maps.max((2, 3)))


def tokens(file: Path) -> np.ndarray:
    """A model whose output is a row of 4 tokens of 192 numbers; what it gives for `pictures()`."""
    nodes = [helper.make_node("Reshape", ["pixels", "shape"], ["last_hidden_state"])]
    graph = helper.make_graph(
        nodes,
        "tokens",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 16, 16, 3])],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["N", 4, 192])],
        [numpy_helper.from_array(np.array([-1, 4, 192]), "shape")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), str(file))
    return (pictures() / 255).astype(np.float32).reshape(-1, 4, 192)


def test_tokens_become_their_mean_or_the_first_of_them(file: Path) -> None:
    rows = tokens(file)
    assert_same(built(file, rescale=1 / 255, pooling="first").infer(pictures()), rows[:, 0])
    assert_same(built(file, rescale=1 / 255, pooling="mean").infer(pictures()), rows.mean(1))
    with pytest.raises(EncoderError, match=r"gives a row of tokens for a picture, \[1, 4, 192\].*extractor's pooling"):
        built(file, rescale=1 / 255)


def test_models_of_scikit_learn_give_what_it_gives(file: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx", reason="the extra `export` is not installed")
    flat = normalised(pictures(60, 8)).reshape(60, -1)
    reduction = PCA(5, random_state=0).fit(flat)
    shape = [("pixels", skl2onnx.common.data_types.FloatTensorType([None, 192]))]
    file.write_bytes(skl2onnx.to_onnx(reduction, initial_types=shape).SerializeToString())
    extractor = built(file, **NORMALISED)
    assert (extractor.shape, extractor.width) == ((8, 8, 3), 5)
    assert_same(extractor.infer(pictures(60, 8)), reduction.transform(flat))
    classifier = LogisticRegression(max_iter=200).fit(flat, np.arange(60) % 3)
    model = skl2onnx.to_onnx(classifier, initial_types=shape, options={"zipmap": False})
    file.write_bytes(model.SerializeToString())
    assert_same(built(file, **NORMALISED).infer(pictures(60, 8)), classifier.predict_proba(flat))
    with pytest.raises(EncoderError, match="is the extractor's output right"):
        built(file, **NORMALISED, output="label")


CONFIG = {
    "crop_size": {"height": 16, "width": 16},
    "do_center_crop": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": list(MEAN),
    "image_std": list(STD),
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 20},
}


@pytest.mark.parametrize("where", ["beside it", "above it", "named", "in its metadata"])
def test_what_a_model_takes_is_read_from_where_it_is_said(tmp_path: Path, where: str) -> None:
    net = SmallNet(shape=("N", 3, "H", "W"))
    if where == "in its metadata":
        net.metadata = {"preprocessor_config": json.dumps(CONFIG)}
    file = net.save(tmp_path / "onnx" / "model.onnx")
    config = {"beside it": file.parent, "above it": tmp_path, "named": tmp_path / "other"}.get(where)
    if config:
        config.mkdir(exist_ok=True)
        (config / "preprocessor_config.json").write_text(json.dumps(CONFIG))
    named = {"preprocessor": str(tmp_path / "other" / "preprocessor_config.json")} if where == "named" else {}
    extractor = built(file, **named)
    photo = skimage.data.chelsea()  # 451 × 300
    expected = np.asarray(Image.fromarray(photo).resize((30, 20), Image.Resampling.BICUBIC))[2:18, 7:23]
    assert np.abs(extractor.prepare(photo).astype(int) - expected).mean() < 1.5
    assert_same(extractor.infer(pictures()), net.by_reference(first(normalised(pictures()))))
    assert built(file, **named, fit="squash").digest != extractor.digest


def test_onnx_own_metadata_say_colours_and_range(file: Path) -> None:
    net = SmallNet(metadata={"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "Normalized_1_1"})
    expected = net.by_reference(first((pictures()[..., ::-1] / 127.5 - 1).astype(np.float32)))
    assert_same(built(net.save(file)).infer(pictures()), expected)
    net.metadata = {"Image.BitmapPixelFormat": "Gray8"}
    with pytest.raises(EncoderError, match=r"Image.BitmapPixelFormat = Gray8.*expected Rgb8 or Bgr8"):
        built(net.save(file), rescale=1)


def test_keys_of_the_dataset_file_come_before_what_files_say(file: Path) -> None:
    net = SmallNet(metadata={"Image.NominalPixelRange": "NominalRange_0_255"})
    assert_same(built(net.save(file)).infer(pictures()), net.by_reference(first(pictures().astype(np.float32))))
    halves = built(file, rescale=0.5).infer(pictures())
    assert_same(halves, net.by_reference(first((pictures() / 2).astype(np.float32))))


def test_the_digest_follows_the_file_and_every_setting_that_changes_a_feature(file: Path, tmp_path: Path) -> None:
    SmallNet().save(file)
    found = built(file, **NORMALISED).digest
    shutil.copy(file, tmp_path / "copy.onnx")
    assert built(tmp_path / "copy.onnx", **NORMALISED, layout="NCHW", image_size=16, fit="squash").digest == found
    others = [
        {"rescale": 1},
        {**NORMALISED, "fit": "crop"},
        {**NORMALISED, "filter": "bicubic"},
        {**NORMALISED, "resize_to": 20},
        {**NORMALISED, "colours": "BGR"},
        {**NORMALISED, "output": "map", "pooling": "mean"},
        {**NORMALISED, "output": "map", "pooling": "max"},
        {**NORMALISED, "mirrored": True},
    ]
    SmallNet(seed=1).save(tmp_path / "other.onnx")
    digests = {built(file, **one).digest for one in others} | {built(tmp_path / "other.onnx", **NORMALISED).digest}
    assert len(digests - {found}) == len(others) + 1


def test_weights_may_lie_beside_the_model_and_count_for_the_digest(tmp_path: Path) -> None:
    def saved(name: str, seed: int) -> Path:
        file = tmp_path / name / "model.onnx"
        file.parent.mkdir()
        settings = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 0}
        onnx.save(SmallNet(seed=seed).model(), str(file), **settings)
        return file

    one, other = saved("one", 0), saved("other", 1)
    inputs = first(normalised(pictures()))
    assert_same(built(one, **NORMALISED).infer(pictures()), SmallNet(seed=0).by_reference(inputs))
    assert one.read_bytes() == other.read_bytes()
    assert built(one, **NORMALISED).digest != built(other, **NORMALISED).digest
    (tmp_path / "one" / "model.onnx_data").unlink()
    with pytest.raises(EncoderError, match=r"weights are in 'model.onnx_data', which does not lie beside it"):
        built(one, **NORMALISED)


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N", 4]))


@pytest.mark.parametrize(
    ("net", "keys", "said"),
    [
        pytest.param(SmallNet(), {"layout": "NHWC"}, r"'pixels' is float32 \[N, 3, 16, 16\], which does not fit the "
                     "layout NHWC", id="layout"),
        pytest.param(SmallNet(shape=("N", "a", "b", "c")), {}, "does not say where the channels stand", id="no layout"),
        pytest.param(SmallNet(shape=("N", 1, 16, 16)), {}, "has no three channels", id="grey"),
        pytest.param(SmallNet(), {"image_size": 32}, r"takes squares of 16 pixels, .* would be made 32", id="size"),
        pytest.param(SmallNet(shape=("N", 3, "H", "W")), {}, "give the extractor.s image_size", id="no size"),
        pytest.param(SmallNet("flat", ("N", "n")), {"image_size": 9}, "cannot run on 1 pictures of 9", id="wrong size"),
        pytest.param(SmallNet("flat", ("N", 700)), {}, "700 numbers are no square of pixels", id="no square"),
        pytest.param(SmallNet(shape=("N", 3, 16, 24)), {}, "only squares", id="oblong"),
        pytest.param(SmallNet(shape=(4, 3, 16, 16)), {}, "4 pictures at once", id="fixed batch"),
        pytest.param(SmallNet(shape=("N", 3, 2, 16, 16)), {}, r"given as \[N, 3, height, width\]", id="five"),
        pytest.param(SmallNet(dtype=TensorProto.INT64), {}, r"is int64 \[.*given as float32, float16", id="dtype"),
        pytest.param(SmallNet(), {"input": "pixel"}, r"no input 'pixel'; did you mean pixels\?", id="input"),
        pytest.param(SmallNet(), {"output": "feature"}, r"no output 'feature'; did you mean features\?", id="output"),
        pytest.param(SmallNet(outputs=("features", "map")), {}, r"outputs are 'features' .*, 'map'", id="two outputs"),
        pytest.param(SmallNet(), {"output": "class"}, "found int64 .*is the extractor's output right", id="a class"),
        pytest.param(SmallNet(), {"output": "map"}, r"gives a map .* \[1, 6, 16, 16\]; say how", id="a map"),
        pytest.param(SmallNet(), {"output": "map", "pooling": "first"}, "has no first token", id="first of a map"),
        pytest.param(SmallNet(), {"pooling": "mean"}, "which pooling is not for", id="pooling of a vector"),
        pytest.param(SmallNet(), {"resize_to": 8}, "resized to 8 pixels and then cut to 16", id="cut from less"),
        pytest.param(SmallNet("NHWC", ("N", 16, 16, 3), TensorProto.UINT8), {}, "takes bytes", id="bytes normalised"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_refused_with_what_was_found(
    file: Path, net: SmallNet, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(EncoderError, match=said) as refused:
        built(net.save(file), **NORMALISED, **keys)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_model_that_takes_more_than_pictures_is_refused(file: Path) -> None:
    model = SmallNet().model()
    two_inputs(model)
    onnx.save(model, str(file))
    with pytest.raises(EncoderError, match=r"takes 2 inputs: 'pixels' \(float32 .*'mask' \(float32 \[N, 4\]\)"):
        built(file, **NORMALISED)


def test_nothing_is_guessed_of_the_numbers_that_pixels_become(file: Path) -> None:
    with pytest.raises(EncoderError, match=r"nothing says what numbers it takes pixels as.*mean and std"):
        built(SmallNet().save(file))


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08", b"<html>", bytes(range(256))])
def test_other_files_are_no_models(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(EncoderError, match=f"{file}: no ONNX model"):
        built(file, **NORMALISED)


def test_a_cut_off_model_and_an_operator_of_nobody_are_refused(file: Path) -> None:
    SmallNet().save(file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(EncoderError, match=r"no ONNX model|does not take it"):
        built(file, **NORMALISED)
    model = SmallNet().model()
    model.graph.node[3].op_type = "Magic"
    onnx.save(model, str(file))
    with pytest.raises(EncoderError, match=r"onnxruntime does not take it .*Magic"):
        built(file, **NORMALISED)


def test_a_model_that_mixes_the_pictures_of_a_batch_is_refused(file: Path) -> None:
    model = SmallNet().model()
    model.graph.node[-2].output[0] = "before"
    model.graph.node.extend([
        helper.make_node("ReduceMean", ["before"], ["batch"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["before", "batch"], ["features"]),
    ])  # fmt: skip
    del model.graph.node[-3]
    onnx.save(model, str(file))
    with pytest.raises(EncoderError, match=r"depend on the other pictures of a batch, by up to .*for inference"):
        built(file, **NORMALISED)


def test_features_that_are_no_numbers_are_refused(file: Path) -> None:
    model = SmallNet().model()
    model.graph.node[-2].output[0] = "before"
    model.graph.node[-1].input[0] = "before"
    model.graph.node.append(helper.make_node("Log", ["before"], ["features"]))
    onnx.save(model, str(file))
    with pytest.raises(EncoderError, match="NaN or infinity"):
        built(file, **NORMALISED)


def test_threads_and_batches_leave_no_trace(file: Path) -> None:
    extractor = built(SmallNet().save(file), **NORMALISED)
    images = pictures(24)
    whole = extractor.infer(images)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda i: extractor.infer(images[i : i + 1]), range(24)))
        parts = list(pool.map(lambda i: extractor.infer(images[i : i + 7]), range(0, 24, 7)))
    np.testing.assert_array_equal(np.concatenate(rows), whole)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    release_arenas()
    np.testing.assert_array_equal(extractor.infer(images), whole)


def test_a_model_that_was_refused_is_not_asked_to_free_memory(file: Path) -> None:
    with pytest.raises(EncoderError, match="cannot run on 1 pictures of 9") as refused:
        built(SmallNet("flat", ("N", "n")).save(file), **NORMALISED, image_size=9)
    release_arenas()
    # The traceback holds the session: only so is it still there to be asked.
    assert refused.value.__traceback__


def test_a_key_that_cannot_be_is_refused_with_the_dataset_file(file: Path) -> None:
    whole = {"name": "birds", "categories": {"owl": 0}, "start_day": "2026-11-01"}
    for keys, said in (
        ({"file": "https://example.org/model.onnx"}, "a file that is fetched needs its sha256"),
        ({"file": "model.onnx", "std": [1, 0, 1]}, "deviations must be above 0"),
        ({"file": "model.onnx", "fit": "pad", "resize_to": 300}, "resize_to is for crop and squash"),
        ({}, r"extractor\.onnx\.file: missing; allowed keys here: .*image_size"),
        ({"file": "model.onnx", "colour": "BGR"}, r"extractor\.onnx\.colour: unknown key; did you mean colours\?"),
    ):
        with pytest.raises(DatasetError, match=said):
            parse_dataset({**whole, "extractor": {"kind": "onnx", **keys}}, "birds.yaml")
