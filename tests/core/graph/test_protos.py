"""Encoded by hand or by protobuf, a graph's messages are the same."""

from __future__ import annotations

import networks
import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper

from core.graph.protos import GraphBytes, node_proto, tensor_proto


def test_nodes_are_those_of_onnx_ir_without_their_names() -> None:
    model = networks.cnn()
    inner = helper.make_graph(
        [helper.make_node("Relu", ["y"], ["r"])], "body", [], [helper.make_empty_tensor_value_info("r")]
    )
    words = helper.make_node(
        "Own", ["y", "", "y"], ["a" * 300, "", "名"], domain="own", words=["a", "b"], half=0.5, body=inner
    )
    model.graph.node.append(words)
    model.graph.node.append(helper.make_node("Own", ["y"], ["b"], domain="own", half=0.25))
    graph = ir.serde.deserialize_model(model).graph
    encoded = GraphBytes()
    found = onnx.GraphProto.FromString(b"".join([encoded.node(node) for node in graph]))
    assert [len(node.input) for node in found.node][-2:] == [3, 1]
    for node, made in zip(graph, found.node, strict=True):
        expected = node_proto(node)
        assert (expected.name, made.name) == (node.name or "", "")
        expected.ClearField("name")
        assert made == expected


def test_weights_are_inputs_or_keep_what_is_in_them() -> None:
    arrays = [
        np.array(3, np.int64),
        np.arange(6, dtype=np.float16).reshape(2, 3),
        np.zeros((0, 4), np.float32),
    ]
    tensors = [ir.Tensor(array) for array in arrays] + [ir.StringTensor([b"yes", b"no"], shape=ir.Shape([2]))]
    encoded = GraphBytes()
    pieces = [encoded.initializer(f"w{index}", tensor) for index, tensor in enumerate(tensors)]
    pieces += [encoded.input("x", ir.DataType.FLOAT, (2, 300)), encoded.input("x2", ir.DataType.INT64, ())]
    found = onnx.GraphProto.FromString(b"".join(pieces))
    assert list(found.initializer) == [tensor_proto(t, f"w{index}") for index, t in enumerate(tensors)]
    assert list(found.input) == [
        helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 300]),
        helper.make_tensor_value_info("x2", onnx.TensorProto.INT64, []),
    ]
