"""What really ended in a file: bits and sparsity of each layer, read from the file and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from core.values import FLOAT_BITS, Layer, LayerPlan, LayerReport, Plan, Text, stored_bits, text

_BITS: dict[int, int] = {
    TensorProto.FLOAT: 32,
    TensorProto.DOUBLE: 64,
    TensorProto.FLOAT16: 16,
    TensorProto.BFLOAT16: 16,
    TensorProto.INT8: 8,
    TensorProto.UINT8: 8,
    TensorProto.INT4: 4,
    TensorProto.INT2: 2,
    TensorProto.UINT4: 4,
}
_INTEGER = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT4, TensorProto.INT2)
_MOVES = {"Identity", "Cast", "DequantizeLinear", "Transpose", "Reshape", "Squeeze", "Unsqueeze"}
"""Operators through which a stored weight is looked for, besides a Mul by a constant."""
_WEIGHT_INPUTS = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "Gemm": (1,),
    "MatMul": (1, 0),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "RNN": (1, 2),
    "Gather": (0,),
    "ConvInteger": (1,),
    "MatMulInteger": (1,),
    "QLinearConv": (3,),
    "QLinearMatMul": (3,),
    "QGemm": (3,),
    "MatMulIntegerToFloat": (1,),
    "DynamicQuantizeMatMul": (1,),
    "DynamicQuantizeLSTM": (1, 2),
    "MatMulNBits": (1,),
}
_INTEGER_OPERATORS = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QGemm"} | {
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
}


class _Graphs:
    """Nodes and constants of a file, bodies of If, Loop and Scan included."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes: dict[str, onnx.NodeProto] = {}
        self.producers: dict[str, onnx.NodeProto] = {}
        self.constants: dict[str, onnx.TensorProto] = {}
        self._collect(model.graph)

    def _collect(self, graph: onnx.GraphProto) -> None:
        self.constants.update((tensor.name, tensor) for tensor in graph.initializer)
        for node in graph.node:
            if node.name:
                self.nodes[node.name] = node
            for name in node.output:
                if name:
                    self.producers[name] = node
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value":
                    self.constants[node.output[0]] = attribute.t
                if attribute.HasField("g"):
                    self._collect(attribute.g)
                for body in attribute.graphs:
                    self._collect(body)

    def stored(self, name: str) -> onnx.TensorProto | None:
        """The constant that feeds this value, through conversions and scalings."""
        for _ in range(16):
            if name in self.constants:
                return self.constants[name]
            node = self.producers.get(name)
            if node is None or not node.input:
                return None
            if node.op_type == "Mul":
                name = node.input[0] if node.input[1] in self.constants else node.input[1]
            elif node.op_type in _MOVES:
                name = node.input[0]
            else:
                return None
        return None


def read_back(
    path: Path | str,
    layers: Sequence[Layer],
    plan: Plan | None = None,
    notes: Mapping[str, Text] | None = None,
) -> tuple[LayerReport, ...]:
    """Return what the file at `path` holds of each layer (of the original), in their order.

    Layers are found by node name. `plan` and `notes` (by layer id) only go into the reports beside the
    findings; a layer that differs from its plan without a note gets one. Raises OSError.
    """
    model = onnx.load(str(path))
    graphs = _Graphs(model)
    return tuple(_report(graphs, layer, plan or Plan(), (notes or {}).get(layer.id)) for layer in layers)


def _report(graphs: _Graphs, layer: Layer, plan: Plan, note: Text | None) -> LayerReport:
    planned = plan.layer(layer.id)
    node = graphs.nodes.get(layer.id)
    if node is None:
        return LayerReport(
            layer_id=layer.id,
            label=layer.label,
            op=layer.op,
            sparsity=0.0,
            weight_bits=FLOAT_BITS,
            activation_bits=FLOAT_BITS,
            bytes=0,
            before_bytes=layer.bytes,
            planned=planned,
            note=text("The file has no such layer."),
        )
    weights = _weights(graphs, node)
    zeros = count = size = 0
    bits = 0
    for tensor in weights:
        # a symmetric integer weight has its zero at 0; others are shifted
        array = numpy_helper.to_array(tensor)
        zeros += int(np.count_nonzero(array == _zero_point(graphs, node, tensor)))
        count += array.size
        bits = max(bits, _BITS.get(tensor.data_type, FLOAT_BITS))
    for tensor in _parameters(graphs, node):
        size += _bytes(tensor)
    sparsity = zeros / count if count else 0.0
    found = LayerReport(
        layer_id=layer.id,
        label=layer.label,
        op=layer.op,
        sparsity=sparsity,
        weight_bits=bits or FLOAT_BITS,
        activation_bits=_activation_bits(graphs, node, weights),
        bytes=size,
        before_bytes=layer.bytes,
        planned=planned,
        note=note,
    )
    return found if note is not None else _explained(found, planned, layer)


def _explained(found: LayerReport, planned: LayerPlan, layer: Layer) -> LayerReport:
    """The report with a remark where the file holds less than was planned."""
    if planned.weight_bits == FLOAT_BITS:
        same_bits = found.weight_bits == layer.weight_bits
    else:
        # fewer bits than a type has are kept in the next one
        same_bits = found.weight_bits == stored_bits(planned.weight_bits or FLOAT_BITS)
    same_bits = same_bits and found.activation_bits == (planned.activation_bits or FLOAT_BITS)
    # rounding to integers turns small weights into zeros too: more is not less
    enough = found.sparsity + 1e-3 >= planned.zeros
    if (same_bits and enough) or layer.weight_bits != FLOAT_BITS:
        return found
    return msgspec.structs.replace(found, note=text("The file differs from the plan here."))


def _weights(graphs: _Graphs, node: onnx.NodeProto) -> list[onnx.TensorProto]:
    indices = _WEIGHT_INPUTS.get(node.op_type, ())
    found = [graphs.stored(node.input[index]) for index in indices if index < len(node.input)]
    weights = [tensor for tensor in found if tensor is not None]
    return weights[:1] if node.op_type == "MatMul" else weights


def _activation_bits(graphs: _Graphs, node: onnx.NodeProto, weights: list[onnx.TensorProto]) -> int:
    """8 if the layer's activations reach it as integers, or through a DequantizeLinear of integers."""
    if node.op_type in _INTEGER_OPERATORS:
        return 8
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or not weights:
        return FLOAT_BITS
    for name in node.input[:2]:
        producer = graphs.producers.get(name)
        if producer is None or producer.op_type != "DequantizeLinear" or graphs.stored(name) is not None:
            continue
        zero_point = graphs.constants.get(producer.input[2]) if len(producer.input) > 2 else None
        if zero_point is None or zero_point.data_type in (TensorProto.UINT8, TensorProto.INT8):
            return 8
        return 16
    return FLOAT_BITS


def _zero_point(graphs: _Graphs, node: onnx.NodeProto, tensor: onnx.TensorProto) -> float:
    """What stands for zero in a stored tensor: the scalar zero point of its DequantizeLinear, else 0."""
    if tensor.data_type not in _INTEGER:
        return 0.0
    for name in node.input:
        producer = graphs.producers.get(name)
        if producer is None or producer.op_type != "DequantizeLinear" or graphs.stored(name) is not tensor:
            continue
        point = graphs.constants.get(producer.input[2]) if len(producer.input) > 2 else None
        if point is not None:
            values = numpy_helper.to_array(point).reshape(-1)
            return float(values[0]) if values.size and (values == values[0]).all() else float("nan")
    return 0.0


def _parameters(graphs: _Graphs, node: onnx.NodeProto) -> list[onnx.TensorProto]:
    """Every constant that only says what this layer's weights are: integers, scales, zero points, bias."""
    found: dict[str, onnx.TensorProto] = {}
    todo = list(node.input)
    while todo:
        name = todo.pop()
        if name in graphs.constants:
            found[name] = graphs.constants[name]
            continue
        producer = graphs.producers.get(name)
        if producer is None or (producer.op_type != "Mul" and producer.op_type not in _MOVES):
            continue
        if graphs.stored(name) is not None:
            todo.extend(producer.input)
    return list(found.values())


def _bytes(tensor: onnx.TensorProto) -> int:
    count = int(np.prod(tensor.dims)) if tensor.dims else 1
    bits = _BITS.get(tensor.data_type, 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    return (count * bits + 7) // 8
