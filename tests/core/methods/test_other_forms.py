"""Stacked products and transposed convolutions as matrices: held against onnxruntime, and compensated."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper
from runs import Data

from core.compress import compress
from core.context import Context
from core.evaluate.judge import Judge
from core.formats import open_model
from core.methods._matrices import outputs_at, patches, places
from core.methods._other_forms import correctable_form
from core.methods._taps import node_named
from core.values import Plan


def network(
    op: str, weight: tuple[int, ...], x: list[int | str], y: list[int | str], **attributes: object
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal(weight).astype(np.float32)}
    node = helper.make_node(op, ["x", "w"], ["y"], name="layer", **attributes)
    return networks.model_of([node], {"x": x}, {"y": y}, weights)


CASES = {
    "stack": network("MatMul", (3, 5, 4), [2, 3, 6, 5], [2, 3, 6, 4]),
    "one input for all": network("MatMul", (3, 5, 4), [6, 5], [3, 6, 4]),
    "two axes": network("MatMul", (2, 3, 5, 4), [7, 1, 3, 6, 5], [7, 2, 3, 6, 4]),
    "transposed": network("ConvTranspose", (3, 4, 3, 2), [2, 3, 5, 6], [2, 4, 7, 7]),
    "strides": network(
        "ConvTranspose", (3, 4, 3, 3), [2, 3, 5, 5], [2, 4, 10, 10], strides=[2, 2], pads=[1, 1, 1, 1],
        output_padding=[1, 1],
    ),
    "groups": network("ConvTranspose", (6, 2, 3), [2, 6, 7], [2, 6, 15], group=3, strides=[2], dilations=[1]),
    "dilations": network(
        "ConvTranspose", (4, 3, 3, 3), [1, 4, 5, 5], [1, 3, 8, 7], dilations=[2, 1], pads=[1, 0, 0, 0]
    ),
    "cut at the edges": network(
        "ConvTranspose", (2, 3, 2, 2), [1, 2, 6, 6], [1, 3, 8, 7], strides=[2, 2], pads=[2, 3, 2, 2]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_patches_times_matrices_are_the_outputs(name: str, tmp_path: Path) -> None:
    opened = open_model(networks.written(CASES[name], tmp_path), Context())
    form = correctable_form(node_named(opened.model, "layer"))
    assert form is not None
    rng = np.random.default_rng(1)
    x = rng.standard_normal([int(dim) for dim in opened.info.inputs[0].shape or ()]).astype(np.float32)
    session = ort.InferenceSession(str(opened.source), providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x})[0]
    weight = opened.model.graph.initializers["w"].const_value.numpy()  # type: ignore[union-attr]
    np.testing.assert_array_equal(form.weight(form.matrices(weight)), weight)
    at = places(form, y.shape, 11, rng)
    columns = patches(form, x, y.shape[2:], at)
    found = np.einsum("ngc,grc->ngr", columns, form.matrices(weight)).reshape(len(columns), -1)
    wanted = outputs_at(form, y, at)
    assert found.size
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_pads_by_itself_is_left_to_plain_rounding() -> None:
    for attributes in ({"auto_pad": "SAME_UPPER"}, {"output_shape": [1, 4, 5, 5]}):
        model = onnx.load_from_string(CASES["transposed"].SerializeToString())
        model.graph.node[0].attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )
        from onnx_ir import from_proto

        assert correctable_form(next(iter(from_proto(model).graph))) is None


def deep(kind: str) -> onnx.ModelProto:
    """The layer in question between two convolutions, or products, and a mean: four classes."""
    rng = np.random.default_rng(2)

    def random(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    weights = {"w1": random(16, 3, 3, 3), "w3": random(4, 16), "b3": np.zeros(4, np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], name="conv", pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
    ]
    if kind == "stack":
        weights["w2"] = random(16, 8, 8) * 3
        nodes.append(helper.make_node("MatMul", ["r", "w2"], ["t"], name="layer"))
    else:
        groups = 2 if kind == "groups" else 1
        weights["w2"] = random(16, 16 // groups, 3, 3) * 3
        nodes.append(
            helper.make_node("ConvTranspose", ["r", "w2"], ["t"], name="layer", group=groups, strides=[2, 2])
        )
    nodes += [
        helper.make_node("Relu", ["t"], ["u"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["u"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], name="fc", transB=1),
    ]
    return networks.model_of(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 4]}, weights)


@pytest.mark.parametrize("kind", ["stack", "transposed", "groups"])
@pytest.mark.parametrize("granularity", ["channel", "block"])
@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_they_are_compensated_in_a_run(kind: str, granularity: str, sparsity: float, tmp_path: Path) -> None:
    opened = open_model(networks.written(deep(kind), tmp_path), Context())
    data = Data({"x": networks.pictures(96)})
    judge = Judge(opened.source, Data({"x": networks.pictures(96, seed=9)}), Context())
    kl = []
    for on in (False, True):
        plan = Plan(methods={"compensate": {"on": on}}).with_layer(
            "layer", weight_bits=3, granularity=granularity, block_size=72, sparsity=sparsity
        )
        result = compress(opened, data, None, plan, tmp_path, None, Context())
        report = next(layer for layer in result.layers if layer.layer_id == "layer")
        assert report.weight_bits == 4 and report.sparsity >= sparsity - 0.01
        kl.append(judge.measure(Path(result.artefact), Context()).kl)
    assert kl[1] < 0.85 * kl[0]  # type: ignore[operator]
