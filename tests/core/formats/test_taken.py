"""A large file's bytes go while its weights are copied, and nothing but what was copied goes."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from memory import most_bytes
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.formats import open_model, taken

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="memory goes back on Linux")


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files go the way of large ones."""
    monkeypatch.setattr(taken, "_WORTH_BYTES", 1)


def dense(width: int, layers: int, branch: bool = False) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.standard_normal((width, width), np.float32), f"w{index}")
        for index in range(layers)
    ]
    nodes = [
        helper.make_node("MatMul", [f"v{index}", f"w{index}"], [f"v{index + 1}"], f"n{index}")
        for index in range(layers)
    ]
    if branch:
        bodies = {}
        for name, op in (("then_branch", "Neg"), ("else_branch", "Abs")):
            made = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            bodies[name] = helper.make_graph([helper.make_node(op, [f"v{layers}"], [name])], name, [], [made])
        nodes.append(helper.make_node("If", ["which"], ["y"], "if", **bodies))
    last = "y" if branch else f"v{layers}"
    inputs = [helper.make_tensor_value_info("v0", TensorProto.FLOAT, ["N", width])]
    if branch:
        inputs.append(helper.make_tensor_value_info("which", TensorProto.BOOL, []))
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", width])]
    graph = helper.make_graph(nodes, "dense", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("branch", [False, True], ids=["plain", "left to onnx_ir half-way"])
def test_every_weight_is_the_file_s(branch: bool, tmp_path: Path, in_pieces: None) -> None:
    model = dense(180, 4, branch)  # weights of 130 kB that begin and end in the middle of pages
    onnx.save(model, tmp_path / "m.onnx")
    opened = open_model(tmp_path / "m.onnx", Context())
    assert len(model.graph.initializer) == 4
    for tensor in model.graph.initializer:
        value = opened.model.graph.initializers[tensor.name].const_value
        assert value is not None and not value.numpy().flags.writeable
        np.testing.assert_array_equal(value.numpy(), numpy_helper.to_array(tensor))


def test_what_lies_beside_stays(tmp_path: Path, in_pieces: None) -> None:
    content = np.random.default_rng(1).integers(0, 256, 3 * taken.LEAST_BYTES, np.uint8).tobytes()
    path = tmp_path / "bytes"
    path.write_bytes(content)
    data = taken.read_whole(path)
    assert isinstance(data, mmap.mmap) and data[:] == content
    offset, length = 5000, 2 * taken.LEAST_BYTES + 36
    found = taken.take(data, np.dtype("<f4"), offset, length)
    assert found.tobytes() == content[offset : offset + length]
    assert data[:offset] == content[:offset] and data[offset + length :] == content[offset + length :]
    # and its own whole pages are gone
    assert data[2 * mmap.PAGESIZE : 3 * mmap.PAGESIZE] == bytes(mmap.PAGESIZE)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel")
def test_a_file_is_in_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(dense(1500, 4), path)
    onnx.save(dense(8, 1), tmp_path / "small.onnx")
    open_model(tmp_path / "small.onnx", Context())
    _, most = most_bytes(lambda: open_model(path, Context()))
    assert most < 1.3 * path.stat().st_size
