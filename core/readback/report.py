"""The reports on the layers of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto

from core.formats.light import light_model
from core.readback.blocks import block_bits, block_numbers
from core.readback.graphs import Graphs
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
    TensorProto.UINT2: 2,
}
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
    with light_model(path) as model:
        graphs = Graphs(model)
        return tuple(_report(graphs, layer, plan or Plan(), (notes or {}).get(layer.id)) for layer in layers)


def _report(graphs: Graphs, layer: Layer, plan: Plan, note: Text | None) -> LayerReport:
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
    for name, tensor in weights.items():
        numbers = block_numbers(graphs, node) if node.op_type == "MatMulNBits" else graphs.numbers(name)
        zeros += numbers.size - int(np.count_nonzero(numbers))
        count += numbers.size
        bits = max(bits, _BITS.get(tensor.data_type, FLOAT_BITS))
    if node.op_type == "MatMulNBits":
        bits = block_bits(node)
    for tensor in graphs.parameters(list(node.input)):
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


def _weights(graphs: Graphs, node: onnx.NodeProto) -> dict[str, onnx.TensorProto]:
    """What is stored of the layer's weights, by the input that it feeds."""
    indices = _WEIGHT_INPUTS.get(node.op_type, ())
    names = [node.input[index] for index in indices if index < len(node.input)]
    found = {name: tensor for name in names if (tensor := graphs.stored(name)) is not None}
    return dict(list(found.items())[:1]) if node.op_type == "MatMul" else found


def _activation_bits(graphs: Graphs, node: onnx.NodeProto, weights: Mapping[str, onnx.TensorProto]) -> int:
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


def _bytes(tensor: onnx.TensorProto) -> int:
    count = int(np.prod(tensor.dims)) if tensor.dims else 1
    bits = _BITS.get(tensor.data_type, 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    return (count * bits + 7) // 8
