"""Which nodes of a file work on integers as it is stored: quantised networks, our own results among them.

A network in QDQ form has each operator in float between a DequantizeLinear and a QuantizeLinear, which
onnxruntime fuses into one on integers (`docs/quantization.md`); so an operator that has an integer kernel and
reads nothing but what comes from integers, and makes nothing but what becomes integers, counts as one.
"""

from __future__ import annotations

import onnx_ir as ir

from core.graph.roles import INTEGER_LAYERS, STANDARD, stored

FUSED = frozenset({
    "Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "LeakyRelu",
    "Sigmoid", "MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze",
})  # fmt: skip
"""Operators that onnxruntime computes on integers between conversions, or moves below them."""
_MOVED = frozenset({"Reshape", "Squeeze", "Unsqueeze"})
"""Their inputs behind the first are sizes."""
_MAKE_FLOAT = frozenset({"Gemm", "MatMul"})
"""Their kernels may read integers and hand on float; others compute in float unless integers are wanted."""
_WITH_WEIGHTS = frozenset({"Conv", "Gemm"})


def stored_precision(model: ir.Model) -> dict[str, int]:
    """Bits of the integers that nodes of the main graph compute on, 8 or 16, by name; others: float.

    A conversion has the bits of what it hands on: QuantizeLinear those of its integers, DequantizeLinear
    those where a node on integers reads it.
    """
    found: dict[str, int] = {}
    for node in model.graph:
        bits = _bits(node, found)
        if bits is not None:
            found[node.name or ""] = bits
    for node in reversed(model.graph):
        if node.op_type == "DequantizeLinear" and node.name in found:
            readers = [found.get(use.node.name or "") for use in node.outputs[0].uses()]
            if not any(readers):
                found.pop(node.name or "", None)
    return found


def _bits(node: ir.Node, found: dict[str, int]) -> int | None:
    domain = "" if node.domain in STANDARD else node.domain
    if (domain, node.op_type) in INTEGER_LAYERS:
        return 8 if node.op_type != "MatMulNBits" else None
    if domain == "com.microsoft" and node.op_type.startswith("QLinear"):
        return 8
    if domain or not node.inputs:
        return None
    if node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear"):
        return _width(node.outputs[0], node)
    if node.op_type == "DequantizeLinear":
        source = node.inputs[0]
        return None if source is None or source.const_value is not None else _width(source, None)
    if node.op_type in ("Relu", "Clip"):
        return _of_kernel(node.inputs[0], found)
    if node.op_type not in FUSED:
        return None
    only_first = node.op_type in _MOVED or node.op_type in _WITH_WEIGHTS
    values = [value for value in (node.inputs[:1] if only_first else node.inputs) if value is not None]
    widths = [_reads(value, found) for value in values if stored(value) is None and value.const_value is None]
    if not widths or None in widths or not (node.op_type in _MAKE_FLOAT or _is_quantised(node.outputs[0])):
        return None
    return max(width for width in widths if width is not None)


def _reads(value: ir.Value, found: dict[str, int]) -> int | None:
    """Bits of the integers that a value comes from, None if it comes in float."""
    producer = value.producer()
    if producer is None:
        return None
    return found.get(producer.name or "") if producer.op_type == "DequantizeLinear" else None


def _is_quantised(value: ir.Value) -> bool:
    """Whether all that a node makes becomes integers at once, or behind the Relu or Clip that it takes in."""
    users = list(value.uses())
    if len(users) == 1 and users[0].node.op_type in ("Relu", "Clip"):
        users = list(users[0].node.outputs[0].uses())
    return bool(users) and all(user.node.op_type == "QuantizeLinear" for user in users)


def _of_kernel(value: ir.Value | None, found: dict[str, int]) -> int | None:
    """Bits of the node that a Relu or Clip is taken in by."""
    producer = value.producer() if value is not None else None
    fused = producer is not None and producer.op_type in FUSED
    return found.get(producer.name or "") if producer is not None and fused else None


def _width(value: ir.Value, node: ir.Node | None) -> int:
    """8 or 16: of what QuantizeLinear makes, or of a value that a DequantizeLinear reads."""
    maker = node or value.producer()
    zero = None
    if maker is not None and maker.op_type == "QuantizeLinear" and len(maker.inputs) > 2:
        zero = maker.inputs[2]
    dtype = zero.dtype if zero is not None else value.dtype
    return 16 if dtype in (ir.DataType.UINT16, ir.DataType.INT16) else 8
