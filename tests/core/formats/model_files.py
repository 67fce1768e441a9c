"""ONNX files to order, and what is asked of every refusal."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.errors import OpenError, SecateurError
from core.formats import open_model
from core.graph.opened import OpenedModel

FLOAT = TensorProto.FLOAT
LONGEST_SENTENCE = 400


def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, FLOAT, shape)


def small(
    weight: np.ndarray | onnx.TensorProto | None = None, name: str = "fc", **changes
) -> onnx.ModelProto:
    """y = x·w with w (4, 3); `changes` replace parts of the graph."""
    if weight is None:
        weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    tensor = weight if isinstance(weight, onnx.TensorProto) else numpy_helper.from_array(weight, "w")
    parts = {
        "nodes": [helper.make_node("MatMul", ["x", "w"], ["y"], name=name)],
        "inputs": [value("x", "N", 4)],
        "outputs": [value("y", "N", 3)],
        "initializer": [tensor],
        **changes,
    }
    graph = helper.make_graph(parts["nodes"], "g", parts["inputs"], parts["outputs"], parts["initializer"])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def written(folder: Path, model: onnx.ModelProto | bytes, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def opened(path: Path) -> OpenedModel:
    return open_model(path, Context())


def refused(path: Path, *says: str, kind: type[SecateurError] = OpenError) -> str:
    """Opening fails with three readable sentences that hold `says`, quickly, and the file stays as it was."""
    before = b""
    with contextlib.suppress(OSError, ValueError):
        before = path.read_bytes() if path.is_file() and path.stat().st_size < 2**24 else b""
    started = time.monotonic()
    with pytest.raises(SecateurError) as caught:
        opened(path)
    assert time.monotonic() - started < 5
    error = caught.value
    assert type(error) is kind
    for sentence in (error.what, error.why, error.next_step):
        assert 0 < len(str(sentence)) < LONGEST_SENTENCE
        assert "Traceback" not in str(sentence)
    line = error.one_line()
    for word in says:
        assert word in line, line
    assert not before or path.read_bytes() == before
    return line


def external(location: str | None = "weights.bin", **entries: object) -> onnx.ModelProto:
    """The small model with its 48 bytes of weights elsewhere."""
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    facts = {} if location is None else {"location": location}
    facts |= {"offset": 0, "length": 48} | entries
    for key, written_value in facts.items():
        if written_value is not None:
            tensor.external_data.add(key=key, value=str(written_value))
    return small(tensor)


def weights(path: Path, size: int = 48) -> Path:
    path.write_bytes(np.arange(12, dtype=np.float32).tobytes()[:size])
    return path
