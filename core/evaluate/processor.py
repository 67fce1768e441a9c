"""What this computer's integer kernels do with 8-bit numbers, found out by asking them."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

_DEPTH, _WIDTH = 64, 16


@cache
def saturates() -> bool:
    """Whether onnxruntime's kernels for uint8 activations and int8 weights overflow on this processor.

    x86 processors without VNNI add pairs of products in 16 bits, which end at 32,767, while two products
    may reach 2 · 255 · 127 = 64,770; what goes beyond is cut off. The largest product possible is computed
    once: that needs no list of processors, and holds for whatever kernel onnxruntime chooses here.
    """
    weight = np.full((_DEPTH, _WIDTH), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [1, _DEPTH])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, _WIDTH])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    found = session.run(None, {"a": np.full((1, _DEPTH), 255, np.uint8)})[0]
    return bool((found != 255 * 127 * _DEPTH).any())
