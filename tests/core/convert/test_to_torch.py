"""ONNX back to PyTorch: read with torch alone, answers held against onnxruntime, and trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from foreign_files import answers
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.convert.to_torch import export_program, write_program
from core.errors import ExportError, UnsupportedModelError
from core.values import Outcome, Plan, Result

# reading a program back, torch warns of its own deprecations
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")


def test_program_answers_alike_and_learns(digits_resnet: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.pt2"
    difference = write_program(digits_resnet, path, Context())
    assert 0 <= difference < 1e-3
    module = torch.export.load(path).module()
    shape = [one.dim_value for one in onnx.load(digits_resnet).graph.input[0].type.tensor_type.shape.dim]
    inputs = torch.randn(5, *shape[1:], generator=torch.Generator().manual_seed(1))
    (wanted,) = answers(digits_resnet, inputs)
    np.testing.assert_allclose(module(inputs).detach().numpy(), wanted, atol=1e-3)
    labels = torch.arange(5)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-4)
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(module(inputs), labels)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_eight_bit_weights_come_out_as_they_compute(tmp_path: Path) -> None:
    """y = x · dequantised w, worked out by hand: 127 × 0.02 and so on."""
    weight = np.array([[127, -64], [3, 0]], np.int8)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
    ]
    arrays = [numpy_helper.from_array(weight, "q"), numpy_helper.from_array(np.float32(0.02), "s")]
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [shape("x", TensorProto.FLOAT, ["N", 2])],
        [shape("y", TensorProto.FLOAT, ["N", 2])],
        arrays,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "q.onnx")
    write_program(tmp_path / "q.onnx", tmp_path / "q.pt2", Context())
    got = torch.export.load(tmp_path / "q.pt2").module()(torch.tensor([[1.0, 0.0], [0.0, 10.0], [1.0, 1.0]]))
    np.testing.assert_allclose(got.detach().numpy(), [[2.54, -1.28], [0.6, 0.0], [2.6, -1.28]], atol=1e-6)


def test_operator_without_a_function_is_named_and_nothing_written(tmp_path: Path) -> None:
    shape = helper.make_tensor_value_info
    weight = numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    nodes = [
        helper.make_node("DFT", ["x"], ["h"], name="spectrum"),
        helper.make_node("MatMul", ["h", "w"], ["y"]),
    ]
    ends = [[shape(name, TensorProto.FLOAT, dims)] for name, dims in (("x", [2, 4, 1]), ("y", [2, 4, 3]))]
    graph = helper.make_graph(nodes, "g", *ends, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "d.onnx")
    (tmp_path / "out.pt2").write_bytes(b"as it was")
    with pytest.raises(UnsupportedModelError, match="spectrum"):
        write_program(tmp_path / "d.onnx", tmp_path / "out.pt2", Context())
    assert (tmp_path / "out.pt2").read_bytes() == b"as it was"
    assert {one.name for one in tmp_path.iterdir()} == {"d.onnx", "out.pt2"}


def test_result_that_changed_since_it_was_judged_is_not_exported(digits_resnet: Path, tmp_path: Path) -> None:
    nothing = Outcome(measurements=(), size_bytes=1)
    result = Result(artefact=str(digits_resnet), sha256="0" * 64, plan=Plan(), before=nothing, after=nothing)
    with pytest.raises(ExportError):
        export_program(result, tmp_path / "out.pt2", Context())
    assert not (tmp_path / "out.pt2").exists()
