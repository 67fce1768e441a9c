"""A model without its large weights, and these as the arrays that they are: nothing is copied.

Protobuf holds every weight twice while it writes a message, and whoever parses it twice more. Of a network of
half a gigabyte that is most of the memory that a run takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import onnx
import onnx_ir as ir

from core.varint import varint

LEAST_BYTES = 1 << 20
"""Smaller weights stay within."""
_SIMPLE = (
    ir.DataType.FLOAT,
    ir.DataType.DOUBLE,
    ir.DataType.FLOAT16,
    ir.DataType.INT8,
    ir.DataType.UINT8,
    ir.DataType.INT32,
    ir.DataType.INT64,
)
WAITED_FOR_BYTES = 64 << 20
"""Of a Gemm's weights, from which a run of one sample waits for them to come out of memory, however they lie
there: on 411 MB as they are it took 83 ms, on what onnxruntime had laid out as it likes them 103."""
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_INITIALIZER, _RAW_DATA, _GRAPH = b"\x2a", b"\x4a", b"\x3a"
"""Tags of GraphProto.initializer, TensorProto.raw_data, ModelProto.graph. Source: onnx.proto."""


def leaves(tensor: ir.TensorProtocol) -> bool:
    """Whether it is large and plain enough to be taken out of a model."""
    return tensor.nbytes >= LEAST_BYTES and tensor.dtype in _SIMPLE


def take_apart(model: ir.Model) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The model with references to a file that there is not, and what belongs there, by name.

    Weights that a run may override (they are inputs too) stay within; `model` stays as it is.
    """
    light = model.clone()
    open_values = {value.name for value in light.graph.inputs}
    arrays: dict[str, np.ndarray] = {}
    for name, value in light.graph.initializers.items():
        tensor = value.const_value
        if tensor is None or not leaves(tensor) or name in open_values:
            continue
        array = np.ascontiguousarray(tensor.numpy())
        arrays[name] = array
        shape = ir.Shape(array.shape)
        value.const_value = ir.ExternalTensor("apart", 0, array.nbytes, tensor.dtype, shape=shape, name=name)
    return ir.serde.serialize_model(light), arrays


def with_fed_weights(model: ir.Model, timed: bool = False) -> tuple[ir.Model, dict[str, np.ndarray]]:
    """A copy in which large float weights of products are inputs, and what to feed them with, by name.

    onnxruntime copies constants while it loads them, but computes on what it is fed where that lies.
    `timed`: only those that make no difference to the time of a run of one sample.
    """
    operators = _operators(timed)
    light = model.clone()
    open_values = {value.name for value in light.graph.inputs}
    arrays: dict[str, np.ndarray] = {}
    for name, value in list(light.graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or tensor.nbytes < LEAST_BYTES or tensor.dtype != ir.DataType.FLOAT:
            continue
        if name in open_values or not all(use.node.op_type in operators for use in value.uses()):
            continue
        if timed and tensor.nbytes < WAITED_FOR_BYTES:
            continue
        arrays[name] = np.ascontiguousarray(tensor.numpy())
        light.graph.initializers.pop(name)
        value.const_value = None
        value.type, value.shape = ir.TensorType(tensor.dtype), ir.Shape(arrays[name].shape)
        light.graph.inputs.append(value)
    return light, arrays


def _operators(timed: bool) -> tuple[str, ...]:
    """Whose weights are fed. What a Gemm multiplies has a row for each sample, a MatMul's may have many."""
    return ("Gemm",) if timed else _PRODUCTS


def feed_products(
    proto: onnx.ModelProto, arrays: Mapping[str, np.ndarray], timed: bool = False
) -> dict[str, np.ndarray]:
    """As `with_fed_weights` for a parsed file that was taken apart, in place: those of `arrays` that are fed.

    Only of matrix products, of which onnxruntime makes copies as well; convolutions are faster on constants.
    """
    operators = set(_operators(timed)) - {"Conv", "ConvTranspose"}
    used: dict[str, set[str]] = {}
    stack = [(proto.graph, True)]
    while stack:
        graph, main = stack.pop()
        for node in graph.node:
            for name in node.input:
                used.setdefault(name, set()).add(node.op_type if main else "")
            for attribute in node.attribute:
                stack += [(body, False) for body in [attribute.g, *attribute.graphs]]
    outputs = {value.name for value in proto.graph.output} | {value.name for value in proto.graph.input}
    fed = {}
    for tensor in list(proto.graph.initializer):
        name = tensor.name
        products = used.get(name, {""}) <= operators
        if timed and name in arrays and arrays[name].nbytes < WAITED_FOR_BYTES:
            continue
        if name in arrays and products and name not in outputs and tensor.data_type == onnx.TensorProto.FLOAT:
            fed[name] = arrays[name]
            proto.graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
            proto.graph.initializer.remove(tensor)
    return fed


def encoded(model: ir.Model) -> Iterator[bytes | memoryview]:
    """The ONNX file of the model in pieces, of which only small ones are made."""
    proto, arrays = take_apart(model)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in arrays]
    heads = {
        tensor.name: onnx.TensorProto(
            name=tensor.name, data_type=tensor.data_type, dims=tensor.dims
        ).SerializeToString()
        for tensor in proto.graph.initializer
        if tensor.name in arrays
    }
    within = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(within)
    graph = proto.graph.SerializeToString()
    proto.ClearField("graph")
    framed = _framed(heads, arrays)
    yield proto.SerializeToString()
    yield _GRAPH + varint(len(graph) + sum(len(head) + arrays[name].nbytes for name, head in framed.items()))
    yield graph
    for name, head in framed.items():
        yield head
        yield arrays[name].reshape(-1).view(np.uint8).data


def _framed(heads: Mapping[str, bytes], arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """All of each tensor's entry but its numbers, which come last."""
    framed = {}
    for name, head in heads.items():
        size = arrays[name].nbytes
        inner = head + _RAW_DATA + varint(size)
        framed[name] = _INITIALIZER + varint(len(inner) + size) + inner
    return framed
