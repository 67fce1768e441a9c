"""What `plain_model` reads is what `ir.serde` reads, down to who uses a value; the rest is left to it."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.formats.plain import plain_model
from core.formats.proto_checks import Facts
from core.formats.to_ir import to_ir
from core.formats.wire import split

FLOAT = TensorProto.FLOAT


def read(tensor: onnx.TensorProto) -> ir.TensorProtocol:
    return ir.serde.deserialize_tensor(tensor)


def facts_of(model: ir.Model) -> list[object]:
    """Everything that a message written from the model does not say."""
    places = {id(node): index for index, node in enumerate(model.graph)}
    found: list[object] = [dict(model.graph.opset_imports), model.graph.name, model.graph.doc_string]
    values = {id(value): value for value in (*model.graph.inputs, *model.graph.initializers.values())}
    for node in model.graph:
        values |= {id(value): value for value in (*node.inputs, *node.outputs) if value is not None}
        attributes = [(name, item.type, item.doc_string) for name, item in node.attributes.items()]
        found.append(
            (node.name, node.domain, node.overload, node.doc_string, node.metadata_props, attributes)
        )
        found.append([value is not None and value.name for value in node.inputs])
        assert node.graph is model.graph
    for value in values.values():
        producer = value.producer()
        found.append((value.name, value.index(), producer and places[id(producer)]))
        found.append([(places[id(use.node)], use.idx) for use in value.uses()])
        found.append((value.is_graph_input(), value.is_graph_output(), value.is_initializer()))
        found.append(
            (value.type, value.shape, value.doc_string, value.metadata_props, value.const_value is None)
        )
    return found


def everything() -> onnx.ModelProto:
    """Left-out inputs and outputs, texts, notes, typed and raw numbers, a weight that is an input too."""
    rng = np.random.default_rng(0)
    weight = numpy_helper.from_array(rng.normal(size=(8, 3, 4, 4)).astype(np.float32), "w")  # 1536 bytes
    bias = helper.make_tensor("b", FLOAT, [8], rng.normal(size=8).astype(np.float32))  # float_data
    half = numpy_helper.from_array(np.arange(6, dtype=np.float16).reshape(2, 3), "half")
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 2, 2], strides=[1, 1]),
        helper.make_node("Clip", ["c", "", "high"], ["d"], doc_string="said by the exporter"),
        helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(np.array([2.0], np.float32))),
        helper.make_node("Mul", ["d", "k"], ["m"], domain="ai.onnx"),
        helper.make_node("Dropout", ["m"], ["y", ""], seed=3),
        helper.make_node("LeakyRelu", ["m"], ["l"], alpha=0.25),
        helper.make_node("Resize", ["l", "", "", "sizes"], ["z"], mode="nearest"),
        helper.make_node(
            "Thing", ["m", "m", "half"], ["t", "u"], domain="own", words=["a", "b"], few=[0.5, 1]
        ),
        helper.make_node("Conv", ["d", "w2"], ["v"], name="conv2", strides=[1, 1], pads=[1, 1, 2, 2]),
    ]
    nodes[0].metadata_props.add(key="namespace", value="encoder")
    nodes[5].attribute[0].doc_string = "slope"
    w2 = numpy_helper.from_array(np.ones((1, 8, 1, 1), np.float32), "w2")
    high = numpy_helper.from_array(np.array(6, np.float32), "high")
    sizes = numpy_helper.from_array(np.array([1, 8, 4, 4]), "sizes")
    graph = helper.make_graph(
        nodes,
        "all of it",
        [
            helper.make_tensor_value_info(name, FLOAT, dims)
            for name, dims in (("x", ["N", 3, 8, None]), ("b", [8]))
        ],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in ("y", "z", "t", "x", "v")],
        [weight, bias, half, w2, high, sizes],
        doc_string="a graph",
        value_info=[
            helper.make_tensor_value_info("c", FLOAT, ["N", 8, 8, "wide"], "of a value"),
            helper.make_tensor_value_info("w2", FLOAT, [1, 8, 1, 1]),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="by hand")
    model.metadata_props.add(key="k", value="v")
    model.doc_string = "a model"
    return model


def with_body() -> onnx.ModelProto:
    def branch(op: str) -> onnx.GraphProto:
        inner = [helper.make_node(op, ["x"], [op])]
        return helper.make_graph(inner, op, [], [helper.make_tensor_value_info(op, FLOAT, None)])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg"))
    boolean = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    infos = [boolean, helper.make_tensor_value_info("x", FLOAT, [2])]
    graph = helper.make_graph([node], "g", infos, [helper.make_tensor_value_info("y", FLOAT, [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize("model", [everything(), networks.cnn()], ids=["everything", "cnn"])
def test_a_plain_graph_is_what_onnx_ir_makes_of_it(model: onnx.ModelProto) -> None:
    plain = plain_model(model, read, read)
    usual = ir.serde.deserialize_model(model)
    assert plain is not None
    assert facts_of(plain) == facts_of(usual)
    assert ir.serde.serialize_model(plain) == ir.serde.serialize_model(usual)


def test_bodies_functions_and_annotations_are_left_to_onnx_ir() -> None:
    assert plain_model(with_body(), read, read) is None
    for change in (
        lambda model: model.functions.add(name="f", domain="own"),
        lambda model: model.graph.quantization_annotation.add(tensor_name="c"),
        lambda model: model.graph.node[0].device_configurations.add(configuration_id="two"),
        lambda model: model.configuration.add(name="two"),
    ):
        model = everything()
        change(model)
        assert plain_model(model, read, read) is None


def test_weights_are_read_only_arrays_that_do_not_need_the_file() -> None:
    model = everything()
    data = model.SerializeToString()
    parts = split(data)
    assert len(parts.places) == 1  # of w alone: the others are shorter than a kilobyte
    read_back = to_ir(onnx.ModelProto.FromString(bytes(parts.rest)), parts, data, Path("m.onnx"), Facts())
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = {name: value.const_value for name, value in read_back.graph.initializers.items()}
    assert list(found) == list(expected)
    for name, tensor in found.items():
        assert isinstance(tensor, ir.Tensor)
        array = tensor.raw
        assert isinstance(array, np.ndarray)
        np.testing.assert_array_equal(array, expected[name], strict=True)
        assert tensor.name == name and tensor.shape == list(expected[name].shape) and array.flags.aligned
        assert not np.shares_memory(array, np.frombuffer(data, np.uint8))
    assert not any(found[name].raw.flags.writeable for name in ("w", "w2", "high", "sizes"))
    constant = next(node for node in read_back.graph if node.op_type == "Constant").attributes["value"]
    assert constant.as_tensor().numpy().tolist() == [2.0]


def test_a_graph_with_bodies_is_read_as_well() -> None:
    model = with_body()
    data = model.SerializeToString()
    found = to_ir(model, split(data), data, Path("m.onnx"), Facts())
    branches = {name: item.as_graph() for name, item in next(iter(found.graph)).attributes.items()}
    assert {name: next(iter(body)).op_type for name, body in branches.items()} == {
        "then_branch": "Relu",
        "else_branch": "Neg",
    }
