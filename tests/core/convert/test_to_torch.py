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
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.values import Outcome, Plan, Result

# reading a program back, torch warns of its own deprecations
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")


def test_program_answers_alike_and_learns(digits_resnet: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.pt2"
    written = write_program(digits_resnet, path, Context())
    assert 0 <= written.difference < 1e-3
    assert written.batch is None, "any number of samples"
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


def test_sixteen_bit_activations_whose_type_only_the_zero_point_tells(tmp_path: Path) -> None:
    """x in steps of 0.5 from −1 on: 0.7 becomes 0.5, 20000 stays within 16 bits, −3 is cut off at −1."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("MatMul", ["d", "w"], ["y"], name="fc"),
    ]
    arrays = {"s": np.float32(0.5), "z": np.uint16(2), "w": np.array([[2.0]], np.float32)}
    ends = [value("x", TensorProto.FLOAT, "N", 1)], [value("y", TensorProto.FLOAT, "N", 1)]
    model = model_of(nodes, *ends, arrays)
    model.opset_import[0].version = 21
    model.ir_version = 10
    onnx.save(model, tmp_path / "q.onnx")
    write_program(tmp_path / "q.onnx", tmp_path / "q.pt2", Context())
    got = torch.export.load(tmp_path / "q.pt2").module()(torch.tensor([[0.7], [20000.0], [-3.0]]))
    np.testing.assert_allclose(got.detach().numpy(), [[1.0], [40000.0], [-2.0]])


def model_of(nodes: list[onnx.NodeProto], inputs: list, outputs: list, arrays: dict) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "g", inputs, outputs, [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def value(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("grows", [True, False], ids=["any", "fixed"])
def test_sizes_that_are_computed_are_settled(tmp_path: Path, grows: bool) -> None:
    """x (N, 6) becomes (N, 2, 3) by a target made of Shape, Gather, Mul and Concat; then y = x·w by hand.

    With a second target of which two sizes follow the samples, the number of samples has to be fixed.
    """
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Mul", ["one", "two"], ["k"]),
        helper.make_node("Concat", ["n", "k", "three"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["m"], name="fc"),
    ]
    if grows:
        nodes.append(helper.make_node("Identity", ["m"], ["y"]))
    else:
        nodes += [
            helper.make_node("Concat", ["n", "n", "two", "one"], ["wide"], axis=0),
            helper.make_node("Expand", ["m", "wide"], ["e"]),
            helper.make_node("ReduceMax", ["e"], ["y"], axes=[0], keepdims=0),
        ]
    arrays = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "two": np.array([2]),
        "three": np.array([3]),
        "w": np.array([[1.0], [10.0], [100.0]], np.float32),
    }
    ends = [value("x", TensorProto.FLOAT, "N", 6)], [value("y", TensorProto.FLOAT, "N", 2, 1)]
    onnx.save(model_of(nodes, *ends, arrays), tmp_path / "m.onnx")
    written = write_program(tmp_path / "m.onnx", tmp_path / "m.pt2", Context())
    assert written.batch == (None if grows else 2)
    assert len(written.notes()) == (1 if grows else 2)
    module = torch.export.load(tmp_path / "m.pt2").module()
    x = torch.tensor([[1.0, 2, 3, 4, 5, 6], [0, 0, 1, 1, 0, 0]])
    got = module(x).detach().numpy()
    np.testing.assert_allclose(got, [[[321], [654]], [[100], [1]]])
    if grows:
        assert module(torch.zeros(7, 6)).shape == (7, 2, 1)


def test_branch_that_a_setting_decides(tmp_path: Path) -> None:
    """y = x·w where the rate is 16000, else −x·w: the program is made for the rate tried, and says so."""
    branches = [
        helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "w"], ["p"], name=f"fc_{name}"),
                helper.make_node(op, ["p"], ["q"]),
            ],
            name,
            [],
            [value("q", TensorProto.FLOAT, "N", 1)],
        )
        for name, op in (("then", "Identity"), ("else", "Neg"))
    ]
    nodes = [
        helper.make_node("Equal", ["rate", "usual"], ["is_usual"]),
        helper.make_node("If", ["is_usual"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    ends = (
        [value("x", TensorProto.FLOAT, "N", 2), value("rate", TensorProto.INT64)],
        [value("y", TensorProto.FLOAT, "N", 1)],
    )
    arrays = {"usual": np.array(16000), "w": np.array([[2.0], [-3.0]], np.float32)}
    onnx.save(model_of(nodes, *ends, arrays), tmp_path / "m.onnx")
    written = write_program(tmp_path / "m.onnx", tmp_path / "m.pt2", Context())
    assert (written.batch, written.settings) == (None, ("rate = 16000",))
    assert "rate = 16000" in str(written.notes()[-1])
    module = torch.export.load(tmp_path / "m.pt2").module()
    x = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    np.testing.assert_allclose(module(x, torch.tensor(16000)).detach().numpy(), [[2], [-3], [-1]])
    (weight,) = list(module.parameters())
    module(x, torch.tensor(16000)).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), [[2], [2]])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("silero_vad.onnx", ("sr = 16000",)),  # Ifs within Ifs
        pytest.param("silero_vad_op18_ifless.onnx", ("sr = 16000",), marks=pytest.mark.slow),
        ("basic_pitch_nmp.onnx", ()),
        ("magika_standard_v3_3.onnx", ()),
        ("ch_ppocr_mobile_v2.0_cls_infer.onnx", ()),
    ],
)
def test_networks_that_people_use(
    shared_models: Path, tmp_path: Path, name: str, settings: tuple[str, ...]
) -> None:
    """Held against onnxruntime on other inputs than those it was verified on, and trained a step."""
    path = tmp_path / "net.pt2"
    written = write_program(shared_models / name, path, Context())
    assert written.settings == settings
    runner = Runner(shared_models / name)
    feeds = example_feeds(runner, written.batch or 3, seed=5)
    module = torch.export.load(path).module()
    found = module(*(torch.from_numpy(np.array(array)) for array in feeds.values()))
    found = found if isinstance(found, tuple | list) else (found,)
    for got, wanted in zip(found, runner.run(feeds), strict=True):
        np.testing.assert_allclose(got.detach().numpy(), wanted, atol=1e-3 * max(1.0, np.abs(wanted).max()))
    found[0].square().mean().backward()
    moved = [one for one in module.parameters() if one.grad is not None and one.grad.abs().max() > 0]
    assert moved, "it learns"


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
