"""The small networks that are timed: they hold what onnxruntime would run in the real one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import networks
import numpy as np
import onnx_ir as ir
import pytest

from core.context import Context
from core.evaluate.profile import kernel_times
from core.evaluate.runner import Runner
from core.formats import open_model
from core.kernels.awake import AWAKE, wake
from core.kernels.clock import timed
from core.kernels.fragment import Constant, Kernel, fragment, kernel_of, narrowed

SHAPES = {"x": (1, 3, 8, 8)}


def kernels(model: ir.Model, shapes: dict[str, tuple[int, ...]]) -> dict[str, Kernel]:
    found = {node.name or "": kernel_of(node, shapes, True, 17) for node in model.graph}
    return {name: kernel for name, kernel in found.items() if kernel is not None}


@pytest.fixture
def conv(tmp_path: Path) -> Kernel:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    return next(iter(kernels(opened.model, SHAPES).values()))


def dense(op: str, rows: int, depth: int, width: int) -> Kernel:
    weight = Constant((depth, width), "<f4")
    return Kernel(op, (), ((rows, depth), weight), None, 17, True)


def operators(model: ir.Model) -> Counter[str]:
    return Counter(op for _, op in kernel_times(model, None, Context(), seconds=0.01).nodes)


def test_the_activation_function_and_the_weights_belong_to_the_kernel(conv: Kernel) -> None:
    assert conv.op == "Conv" and conv.shapes == ((1, 3, 8, 8),)
    assert conv.tail is not None and conv.tail[0] == "Relu"
    assert isinstance(conv.inputs[1], Constant) and conv.inputs[1].shape == (8, 3, 3, 3)
    assert conv.inputs[1].values == b""  # numbers do not matter: models with other ones share the time


def test_a_key_tells_shapes_attributes_and_settings_apart(conv: Kernel) -> None:
    same = Kernel(conv.op, conv.attributes, conv.inputs, conv.tail, conv.opset, True)
    assert same.key("int8") == conv.key("int8")
    others = [
        conv.key("float"),
        narrowed(conv, 50, True, False).key("int8"),  # type: ignore[union-attr]
        Kernel(conv.op, (), conv.inputs, conv.tail, conv.opset, True).key("int8"),
        Kernel(conv.op, conv.attributes, conv.inputs, None, conv.opset, True).key("int8"),
    ]
    assert len({conv.key("int8"), *others}) == 5


def test_integers_are_those_that_the_writers_make(conv: Kernel) -> None:
    network = fragment(conv, "int8")
    assert network is not None
    found = operators(network)
    assert found["QLinearConv"] == conv.copies
    assert found["QuantizeLinear"] == 1 and found["DequantizeLinear"] == conv.copies
    assert "Relu" not in found and "Conv" not in found
    wide = fragment(conv, "int16")
    assert wide is not None
    # there is no kernel on 16 bits
    assert operators(wide)["Conv"] == conv.copies


def test_products_in_blocks_and_as_integers() -> None:
    kernel = dense("MatMul", 4, 64, 32)
    blocks = fragment(kernel, "nbits-4-32-even")
    assert blocks is not None and operators(blocks)["MatMulNBits"] == kernel.copies
    integer = fragment(kernel, "int8")
    assert integer is not None and "MatMul" not in operators(integer)
    # a layer that has no integer kernel is not timed as one
    turned = Kernel("Gemm", (("transA", b"1"),), ((64, 4), Constant((64, 32), "<f4")), None, 17, True)
    assert fragment(turned, "float") is not None and fragment(turned, "int8") is None


def test_what_lies_between_layers_computes_on_integers_too() -> None:
    add = Kernel("Add", (), ((1, 8, 6, 6), (1, 8, 6, 6)), ("Relu", (), ()), 17, False)
    network = fragment(add, "int8")
    assert network is not None
    found = operators(network)
    assert found["QLinearAdd"] == add.copies and "Relu" not in found


def test_half_the_channels(conv: Kernel) -> None:
    first = narrowed(conv, 50, first=True, last=False)
    inner = narrowed(conv, 50, first=False, last=False)
    assert first is not None and inner is not None
    assert first.shapes == ((1, 3, 8, 8),)
    assert [each.shape for each in first.inputs[1:] if isinstance(each, Constant)] == [(4, 3, 3, 3), (4,)]
    # half of three channels is two
    assert inner.shapes == ((1, 2, 8, 8),) and inner.inputs[1].shape == (4, 2, 3, 3)  # type: ignore[union-attr]
    wide = narrowed(dense("MatMul", 4, 100, 64), 50, False, True)
    assert wide is not None
    # 100 inputs go in steps of 16, as the pruning cuts them: 64 stay; the last layer keeps its outputs
    assert wide.shapes == ((4, 64),) and wide.inputs[1].shape == (64, 64)  # type: ignore[union-attr]
    depthwise = Kernel(
        "Conv", (("group", b"32"),), ((1, 32, 5, 5), Constant((32, 1, 3, 3), "<f4")), None, 17, True
    )
    half = narrowed(depthwise, 50, False, False)
    assert half is not None and dict(half.attributes)["group"] == b"16"
    assert half.shapes == ((1, 16, 5, 5),) and half.inputs[1].shape == (16, 1, 3, 3)  # type: ignore[union-attr]
    assert fragment(half, "float") is not None


def test_a_kernel_with_four_times_the_work_takes_longer() -> None:
    small = timed(fragment(dense("MatMul", 64, 256, 256), "float"), 4, 1, Context())[0]  # type: ignore[arg-type]
    large = timed(fragment(dense("MatMul", 64, 512, 512), "float"), 4, 1, Context())[0]  # type: ignore[arg-type]
    assert 1.5 * small.ms < large.ms
    assert (small.form, small.enter_ms, small.leave_ms) == ("plain", 0.0, 0.0)


def test_conversions_stand_apart_from_the_work() -> None:
    kernel = dense("MatMul", 256, 512, 64)
    found, spread = timed(fragment(kernel, "int8"), kernel.copies, 1, Context())  # type: ignore[arg-type]
    assert found.form == "integer" and found.ms > 0 and found.enter_ms > 0
    assert spread >= 1.0
    assert np.isfinite([found.ms, found.enter_ms, found.leave_ms]).all()


def test_threads_are_woken_by_nodes_that_change_nothing_and_can_be_told_apart(conv: Kernel) -> None:
    sleeping, awake = fragment(conv, "int8"), fragment(conv, "int8")
    assert sleeping is not None and awake is not None
    wake(awake)
    names = [name for name, _ in kernel_times(awake, None, Context(), seconds=0.01).nodes]
    ours = [name for name in names if name.startswith(AWAKE)]
    assert ours == names[:3]  # before whatever is timed
    feeds = {"x_0": np.random.default_rng(0).standard_normal(SHAPES["x"], np.float32)}
    expected = Runner(sleeping).run(feeds)
    # the number that is added is the largest of a product, nothing here
    found = Runner(awake).run({**feeds, f"{AWAKE}_given": np.zeros((32, 256), np.float32)})
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
