import numpy as np
import onnx_ir as ir
from onnx import TensorProto, helper

from core.methods._edit import add_initializer
from core.methods._tidy import tidy


def test_an_inner_value_that_is_called_like_a_new_constant_gets_another_name():
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["k"], "first"), helper.make_node("Neg", ["k"], ["y"], "second")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    model = ir.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    add_initializer(model, "k", np.zeros(1, np.float32))
    tidy(model)
    first, second = model.graph
    assert first.outputs[0].name != "k"
    assert second.outputs[0].name == "y"
    assert "k" in model.graph.initializers
