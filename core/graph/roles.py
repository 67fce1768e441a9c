"""Which inputs of which operator hold trained weights: the one table that all of `graph` reads."""

from __future__ import annotations

import onnx_ir as ir

STANDARD = ("", "ai.onnx")

FLOAT_LAYERS: dict[str, tuple[int, ...]] = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "Gemm": (1,),
    "MatMul": (1,),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "RNN": (1, 2),
    "Gather": (0,),
}
"""Operator -> indices of its weight inputs. MatMul may have its constant in front instead."""

INTEGER_LAYERS: dict[tuple[str, str], tuple[int, ...]] = {
    ("", "ConvInteger"): (1,),
    ("", "MatMulInteger"): (1,),
    ("", "QLinearConv"): (3,),
    ("", "QLinearMatMul"): (3,),
    ("com.microsoft", "MatMulNBits"): (1,),
    ("com.microsoft", "DynamicQuantizeMatMul"): (1,),
    ("com.microsoft", "DynamicQuantizeLSTM"): (1, 2),
    ("com.microsoft", "MatMulIntegerToFloat"): (1,),
    ("com.microsoft", "QGemm"): (3,),
}
"""Operators of files that are quantised already: (domain, operator) -> indices of the weights."""

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""Recurrent operators -> gates, which lie one after the other in the rows of their weights."""

BIAS_INPUT = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "LSTM": 3, "GRU": 3, "RNN": 3, "QLinearConv": 8}


def stored(value: ir.Value | None) -> ir.Value | None:
    """The initializer behind an input: itself, or the one that its DequantizeLinear reads."""
    if value is None:
        return None
    if value.is_initializer() and value.const_value is not None:
        return None if value.is_graph_input() else value
    producer = value.producer()
    if producer is not None and producer.op_type == "DequantizeLinear" and producer.inputs:
        source = producer.inputs[0]
        if source is not None and source.is_initializer() and source.const_value is not None:
            return source
    return None


def weight_inputs(node: ir.Node) -> tuple[int, ...]:
    """Indices of the inputs that hold weights, () if the node is no layer by its operator alone."""
    if node.domain in STANDARD and node.op_type in FLOAT_LAYERS:
        if node.op_type == "MatMul" and stored(node.inputs[1]) is None and stored(node.inputs[0]) is not None:
            return (0,)
        return FLOAT_LAYERS[node.op_type]
    domain = "" if node.domain in STANDARD else node.domain
    return INTEGER_LAYERS.get((domain, node.op_type), ())
