from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from image_assets.features.onnx_graph import OnnxGraph
from image_assets.features.onnx_session import start_session
from image_assets.features.quantisation import (
    PAIR_LIMIT,
    WEIGHT_LIMIT,
    Encoding,
    QuantisedConvolution,
    expected_relu6,
    quantise_convolution,
)

WEIGHTS = st.one_of(st.just(0.0), st.floats(-8, 8, width=32).filter(lambda value: abs(value) > 1e-6))
KERNELS = st.tuples(st.integers(1, 4), st.integers(1, 6), st.just(1), st.just(1)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=WEIGHTS)
)


def quantise(kernel: np.ndarray, bias: float = 0.5, input_mean: float = 0.0) -> QuantisedConvolution:
    means = np.full(kernel.shape[1], input_mean)
    return quantise_convolution(kernel, np.full(len(kernel), bias), np.float32(6 / 255), means)


@given(low=st.floats(-100, 0), high=st.floats(0.01, 100))
def test_an_encoding_spans_its_range_and_holds_zero(low: float, high: float) -> None:
    encoding = Encoding.spanning(low, high)
    assert 0 <= encoding.zero_point <= 255
    ends = (np.array([0, 255]) - float(encoding.zero_point)) * float(encoding.scale)
    np.testing.assert_allclose(ends, [low, high], atol=float(encoding.scale) * 0.51)


@given(KERNELS)
def test_weights_are_rounded_to_the_nearest_step_and_two_of_one_sign_stay_within_16_bits(kernel: np.ndarray) -> None:
    quantised = quantise(kernel)
    flat = quantised.kernel.astype(int).reshape(len(kernel), -1)
    assert np.abs(flat).max() <= WEIGHT_LIMIT
    for sign in (1, -1):
        assert np.sort(np.maximum(sign * flat, 0), axis=1)[:, -2:].sum(axis=1).max() <= PAIR_LIMIT
    steps = quantised.scales.astype(np.float64)[:, None]
    error = flat * steps - kernel.reshape(len(kernel), -1)
    assert np.all(np.abs(error) <= steps * 0.5001)


@pytest.mark.parametrize(("weights", "expected"), [([1, -1], [127, -127]), ([1, 1], [64, 64]), ([3, 1], [96, 32])])
def test_a_lone_large_weight_gets_all_bits(weights: list[float], expected: list[int]) -> None:
    kernel = np.array(weights, float).reshape(1, 2, 1, 1)
    assert quantise(kernel).kernel.ravel().tolist() == expected


@given(KERNELS, st.floats(0, 6))
def test_the_expected_output_survives_the_rounding(kernel: np.ndarray, mean: float) -> None:
    quantised = quantise(kernel, input_mean=mean)
    steps = quantised.scales.astype(np.float64) * float(np.float32(6 / 255))
    output = (
        quantised.kernel.sum(axis=(1, 2, 3)) * quantised.scales.astype(np.float64)
    ) * mean + quantised.bias * steps
    np.testing.assert_allclose(output, kernel.sum(axis=(1, 2, 3)) * mean + 0.5, rtol=0, atol=steps.max() * 0.51)


def test_a_constant_channel_keeps_its_bias() -> None:
    quantised = quantise(np.zeros((1, 3, 1, 1)), bias=2.5)
    value = quantised.bias * quantised.scales.astype(np.float64) * float(np.float32(6 / 255))
    np.testing.assert_allclose(value, 2.5, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_runtime_multiplies_the_largest_activations_exactly(seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel = random.standard_normal((16, 64, 1, 1)) * random.choice([0.1, 1, 10], (16, 64, 1, 1))
    kernel[:8] = np.abs(kernel[:8])  # sums as large as they get
    weights = quantise(kernel).kernel[:, :, 0, 0]
    graph = OnnxGraph()
    graph.node("MatMulInteger", ["x", graph.constant("weights", np.ascontiguousarray(weights.T))], "sums")
    model = graph.serialise("product", {"x": (np.uint8, [1, 64])}, {"sums": (np.int32, [1, 16])})
    (sums,) = start_session(model).run(["sums"], {"x": np.full((1, 64), 255, np.uint8)})
    np.testing.assert_array_equal(np.asarray(sums)[0], 255 * weights.astype(int).sum(axis=1))


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (-2, 1), (3, 2), (7, 1.5), (2, 0), (-2, 0), (9, 0)])
def test_the_expectation_after_relu6_is_that_of_many_draws(mean: float, deviation: float) -> None:
    draws = np.random.default_rng(0).normal(mean, deviation, 200_000).clip(0, 6)
    found = expected_relu6(np.array([float(mean)]), np.array([float(deviation)]))
    assert math.isclose(found[0], draws.mean(), abs_tol=0.02)
