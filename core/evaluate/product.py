"""How fast onnxruntime multiplies by a matrix on this computer: in float, and in blocks of few bits."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from core.evaluate.threads import physical_cores

CONTRIB = "com.microsoft"
ACCURACY_LEVEL = 4
"""Activations become int8 inside the kernel; without it products may take ten times as long."""

_ROUNDS, _SECONDS = 40, 0.15


@cache
def blocks_speedup(rows: int, depth: int, width: int, bits: int, block: int, asymmetric: bool) -> float:
    """Time of a float product (rows, depth) × (depth, width) over that of `MatMulNBits` with such a weight.

    Measured in turns on random numbers; the quickest run of each counts, because others only disturb.
    """
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((rows, depth)).astype(np.float32)}
    plain = _session(_float_product(depth, width, rng))
    blocks = _session(_block_product(depth, width, bits, block, asymmetric, rng))
    best = [np.inf, np.inf]
    end = time.perf_counter() + _SECONDS
    for turn in range(_ROUNDS):
        for index, session in enumerate((plain, blocks)):
            start = time.perf_counter()
            session.run(None, feeds)
            if turn:
                best[index] = min(best[index], time.perf_counter() - start)
        if time.perf_counter() > end and turn >= 3:
            break
    return float(best[0] / best[1])


def _session(graph: onnx.GraphProto) -> ort.InferenceSession:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = physical_cores()
    options.log_severity_level = 4
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _float_product(depth: int, width: int, rng: np.random.Generator) -> onnx.GraphProto:
    weight = rng.standard_normal((depth, width)).astype(np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return _graph(node, depth, width, {"w": weight})


def _block_product(
    depth: int, width: int, bits: int, block: int, asymmetric: bool, rng: np.random.Generator
) -> onnx.GraphProto:
    count = -(-depth // block)
    constants: dict[str, np.ndarray] = {
        "w": rng.integers(0, 256, (width, count, block * bits // 8)).astype(np.uint8),
        "s": rng.uniform(0.01, 0.02, (width, count)).astype(np.float32),
    }
    if asymmetric:
        constants["z"] = rng.integers(0, 256, (width, -(-count * bits // 8))).astype(np.uint8)
    node = helper.make_node(
        "MatMulNBits",
        ["x", *constants],
        ["y"],
        domain=CONTRIB,
        K=depth,
        N=width,
        bits=bits,
        block_size=block,
        accuracy_level=ACCURACY_LEVEL,
    )
    return _graph(node, depth, width, constants)


def _graph(node: onnx.NodeProto, depth: int, width: int, constants: dict[str, np.ndarray]) -> onnx.GraphProto:
    return helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", depth])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
