"""Find the layers of a normalised graph: nodes with trained weights, and what may be done to each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from math import prod

import numpy as np
import onnx_ir as ir

from core.errors import OpenError
from core.graph.labels import SCOPE_SEPARATOR, clean, distinct, label, weight_label
from core.graph.names import EXPORTED_NAME
from core.graph.nodes import bodies
from core.graph.roles import BIAS_INPUT, FLOAT_LAYERS, INTEGER_LAYERS, STANDARD, stored, weight_inputs
from core.graph.tensors import dims, elements, is_float, size_bytes
from core.graph.weights import axis_of_outputs
from core.values import FLOAT_BITS, Layer, Text, text

TOLD_IN_FLOAT = ("ConvTranspose", "LSTM", "GRU", "RNN", "Gather")
"""Operators of whose layers a remark says that they compute in float."""
MINIMUM_TABLE = 64
"""Elements from which on a gathered float table counts as an embedding."""

_BITS = {
    ir.DataType.FLOAT: 32,
    ir.DataType.DOUBLE: 64,
    ir.DataType.FLOAT16: 16,
    ir.DataType.BFLOAT16: 16,
    ir.DataType.INT8: 8,
    ir.DataType.UINT8: 8,
    ir.DataType.INT16: 16,
    ir.DataType.UINT16: 16,
    ir.DataType.INT4: 4,
    ir.DataType.UINT4: 4,
    ir.DataType.INT2: 2,
    ir.DataType.UINT2: 2,
    ir.DataType.FLOAT8E4M3FN: 8,
    ir.DataType.FLOAT8E5M2: 8,
}


def find_layers(model: ir.Model, macs: dict[str, int | None]) -> tuple[Layer, ...]:
    """Return the layers in the order of the graph; `macs` holds each node's cost by its name.

    A weight that is computed while the model runs makes no layer: there is nothing stored to cut.
    """
    found = [(node, scope, weights) for node, scope in walk(model.graph) if (weights := _weights(node))]
    shared = _groups([(node.name or "", weights) for node, _, weights in found])
    kinds = [_kind(node, weights) for node, _, weights in found]
    labels = distinct(_labels(found, kinds), [scope for _, scope, _ in found])
    with np.errstate(all="ignore"):  # sums of what is not a number, see _overflows
        return tuple(
            _layer(node, scope, weights, name, kind, macs.get(node.name or ""), shared.get(node.name or ""))
            for (node, scope, weights), name, kind in zip(found, labels, kinds, strict=True)
        )


def _labels(found: list[tuple[ir.Node, str, list[ir.Value]]], kinds: list[str]) -> list[str]:
    """Names of nodes; of weights where several nodes of a graph share a name; else kind and number."""
    plain = [label(_exported(node), weights[0].name or "", node.op_type) for node, _, weights in found]
    counts = Counter((name, scope) for name, (_, scope, _) in zip(plain, found, strict=True))
    users = Counter(weights[0].name for _, _, weights in found)
    result = []
    for index, (name, (node, scope, weights)) in enumerate(zip(plain, found, strict=True)):
        weight = weights[0].name or ""
        ambiguous = counts[name, scope] > 1 and users[weight] == 1
        better = weight_label(weight, node.op_type) if ambiguous else ""
        result.append(better or name or f"{kinds[index]} {index + 1}")
    return result


def _exported(node: ir.Node) -> str:
    return str(node.meta.get(EXPORTED_NAME, node.name or ""))


def walk(graph: ir.Graph, scope: str = "") -> Iterator[tuple[ir.Node, str]]:
    """Yield every node with the path of the bodies that hold it, '' in the main graph."""
    for node in graph:
        yield node, scope
        for name, body in bodies(node):
            step = f"{node.name}.{name.removesuffix('_branch')}"
            yield from walk(body, f"{scope}{SCOPE_SEPARATOR}{step}" if scope else step)


def _weights(node: ir.Node) -> list[ir.Value]:
    """The initializers that make this node a layer; [] if it is none. Raises OpenError for an empty one."""
    indices = weight_inputs(node)
    if not indices:
        return []
    values = [stored(node.inputs[index]) if index < len(node.inputs) else None for index in indices]
    weights = [value for value in values if value is not None]
    if len(weights) != len(indices):
        return []
    tensor = weights[0].const_value
    assert tensor is not None
    if len(dims(tensor)) < 2 or tensor.dtype not in _BITS:
        return []
    # integers that are used as they are: indices or counters, nothing trained
    direct = (
        node.domain in STANDARD and node.op_type in FLOAT_LAYERS and node.inputs[indices[0]] is weights[0]
    )
    if direct and not is_float(tensor.dtype):
        return []
    if node.op_type == "Gather":
        by_rows = _integer(node, "axis", 0) == 0
        if elements(tensor) < MINIMUM_TABLE or len(dims(tensor)) != 2 or not by_rows:
            return []
    elif elements(tensor) == 0:
        raise OpenError(
            text("Tensor '{tensor}' in the model is empty.", tensor=clean(weights[0].name or "")),
            text("Layer '{layer}' would multiply with nothing.", layer=clean(node.name or "")),
            text("The file is damaged or was not written correctly: download or export it again."),
        )
    return weights


def _groups(layers: list[tuple[str, list[ir.Value]]]) -> dict[str, str]:
    """Node name -> the shared weight's name, for nodes that share one."""
    users: dict[str, list[str]] = {}
    for name, weights in layers:
        for weight in weights:
            users.setdefault(weight.name or "", []).append(name)
    return {name: weight for weight, names in users.items() if len(set(names)) > 1 for name in names}


def _bias(node: ir.Node) -> ir.TensorProtocol | None:
    if node.op_type == "MatMul":
        # exporters write a dense layer as MatMul + Add
        consumers = node.outputs[0].consumers()
        if len(consumers) == 1 and consumers[0].op_type == "Add":
            for value in consumers[0].inputs:
                constant = stored(value)
                if (
                    constant is not None
                    and constant.const_value is not None
                    and len(constant.const_value.shape) == 1
                ):
                    return constant.const_value
        return None
    index = BIAS_INPUT.get(node.op_type)
    if index is None or index >= len(node.inputs):
        return None
    constant = stored(node.inputs[index])
    return constant.const_value if constant is not None else None


def _layer(
    node: ir.Node,
    scope: str,
    weights: list[ir.Value],
    name: str,
    kind: str,
    macs: int | None,
    group: str | None,
) -> Layer:
    tensors = [weight.const_value for weight in weights if weight.const_value is not None]
    first = tensors[0]
    shape = dims(first)
    bias = _bias(node)
    every = [*tensors, *([bias] if bias is not None else [])]
    bits = _BITS[first.dtype]
    if node.op_type == "MatMulNBits":
        attribute = node.attributes.get("bits")
        bits = attribute.as_int() if attribute is not None else 4
    prunable, quantizable, why_not = _allowed(node, first, bits, group)
    values = [tensor.numpy() for tensor in tensors] if is_float(first.dtype) else []
    outputs, inputs = _channels(node, shape)
    return Layer(
        id=node.name or "",
        label=name,
        op=node.op_type,
        kind=kind,
        weights=tuple(weight.name or "" for weight in weights),
        shape=shape,
        out_channels=outputs,
        in_channels=inputs,
        params=sum(map(elements, every)),
        macs=macs,
        bytes=sum(map(size_bytes, every)),
        prunable=prunable,
        quantizable=quantizable,
        why_not=why_not,
        warnings=_damaged(name, values),
        weight_bits=FLOAT_BITS if bits >= FLOAT_BITS else bits,
        sparsity=_sparsity(values),
        group=group,
        scope=scope,
    )


def _channels(node: ir.Node, shape: tuple[int, ...]) -> tuple[int, int]:
    """(output channels, input channels of one group) of the first weight."""
    if node.op_type == "ConvTranspose":
        return shape[1] * _integer(node, "group", 1), shape[0] // max(1, _integer(node, "group", 1))
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return shape[0] * shape[1], shape[2] if len(shape) > 2 else 1
    axis = axis_of_outputs(node, len(shape))
    if node.op_type == "Gather":
        return shape[1], shape[0]
    if node.op_type in ("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"):
        other = len(shape) - 1 if axis == len(shape) - 2 else len(shape) - 2
        return shape[axis], shape[other]
    return shape[0], shape[1]


def _allowed(
    node: ir.Node, tensor: ir.TensorProtocol, bits: int, group: str | None
) -> tuple[bool, bool, tuple[Text, ...]]:
    """(prunable, quantizable, reasons and remarks)."""
    domain, op = "" if node.domain == "ai.onnx" else node.domain, node.op_type
    if (domain, op) in INTEGER_LAYERS or not is_float(tensor.dtype):
        return False, False, (text("Its weights are stored in {bits} bits already.", bits=bits),)
    if tensor.dtype != ir.DataType.FLOAT:
        return (
            False,
            False,
            (
                text(
                    "Its weights are {dtype}; only 32-bit floating point can be compressed.",
                    dtype=tensor.dtype.name,
                ),
            ),
        )
    remarks = []
    if group is not None:
        remarks.append(text("It shares a weight with other layers; they are changed together."))
    if op == "ConvTranspose":
        remarks.append(
            text("onnxruntime computes transposed convolutions in float: fewer bits save space, not time.")
        )
    elif op in ("LSTM", "GRU", "RNN"):
        remarks.append(
            text(
                "onnxruntime computes {op} layers of this form in float: fewer bits save space, not time.",
                op=op,
            )
        )
    elif op == "Gather":
        remarks.append(
            text("A table that is looked up, not multiplied: only its entries can be stored in fewer bits.")
        )
    elif op == "MatMul" and len(dims(tensor)) > 2:
        remarks.append(text("A stack of matrices: only the weights can be stored in fewer bits."))
    return True, True, tuple(remarks)


def _damaged(name: str, values: list[np.ndarray]) -> tuple[Text, ...]:
    bad = sum(int(array.size - np.count_nonzero(np.isfinite(array))) for array in values if _overflows(array))
    if not bad:
        return ()
    return (
        text(
            "Layer '{layer}' holds {count} weights that are not numbers (NaN or infinite).",
            layer=name,
            count=bad,
        ),
    )


def _overflows(array: np.ndarray) -> bool:
    # one pass without a temporary: a NaN or an infinity survives a sum
    return not math.isfinite(np.sum(array, dtype=np.float64))


def _sparsity(values: list[np.ndarray]) -> float:
    count = sum(array.size for array in values)
    return sum(array.size - int(np.count_nonzero(array)) for array in values) / count if count else 0.0


def _integer(node: ir.Node, name: str, default: int) -> int:
    attribute = node.attributes.get(name)
    return attribute.as_int() if attribute is not None else default


def _kind(node: ir.Node, weights: list[ir.Value]) -> str:
    """For people: 'Conv 3×3', 'Depthwise 3×3', 'Conv 1-d 5', 'Dense', 'LSTM', 'Embedding'."""
    op = node.op_type
    tensor = weights[0].const_value
    assert tensor is not None
    shape = dims(tensor)
    if op in ("Conv", "ConvTranspose", "ConvInteger", "QLinearConv"):
        groups = _integer(node, "group", 1)
        kernel = "×".join(str(dim) for dim in shape[2:])
        dimension = f"{len(shape) - 2}-d " if len(shape) != 4 else ""
        if op == "ConvTranspose":
            word = "Transposed"
        elif groups > 1 and shape[1] == 1:
            word = "Depthwise"
        elif groups > 1:
            word = "Grouped"
        else:
            word = "Conv"
        return f"{word} {dimension}{kernel}".strip()
    if "LSTM" in op:
        return "LSTM"
    if op == "Gather":
        return "Embedding"
    if op in ("GRU", "RNN"):
        return op
    if op == "MatMul" and len(shape) > 2 and prod(shape[:-2]) > 1:
        return "Dense stack"
    return "Dense"
