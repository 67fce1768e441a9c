"""Shapes of all values for one sample, from onnx's shape inference on a copy without weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper

from core.graph.nodes import all_graphs
from core.graph.protos import GraphBytes
from core.graph.size_arithmetic import MOST_ELEMENTS, OPERATORS, NoSizeError, evaluate, of_shape
from core.graph.tensors import dims, elements, is_float, size_bytes

Shape = tuple[int, ...]

PEEK_BYTES, PEEK_FLOATS = 1024, 16
"""Constants up to this size take part with their content: they may be shapes, or the factors of a Resize."""

_SIDE, _LENGTH, _SAMPLES = 224, 128, 512
"""Guesses for open sizes: pixels of a picture's side, tokens of a sequence, samples of a signal."""


def sample_inputs(model: ir.Model) -> tuple[dict[str, Shape], bool]:
    """Return the inputs' shapes for one sample, and whether more than the batch had to be guessed."""
    shapes: dict[str, Shape] = {}
    symbols: dict[str, int] = {}
    guessed = False
    for value in model.graph.inputs:
        if value.shape is None or value.name is None:
            continue
        dims: list[int] = []
        for index, dim in enumerate(value.shape):
            if isinstance(dim, int) and dim > 0:
                dims.append(dim)
                continue
            symbol = dim.value if isinstance(dim, ir.SymbolicDim) and dim.value not in (None, "?") else None
            if index == 0 or (symbol is not None and symbols.get(symbol) == 1):
                size = 1
            elif symbol is not None and symbol in symbols:
                size = symbols[symbol]
            else:
                size = _guess(value, len(value.shape), index, symbol or "")
                guessed = guessed or size != 1
            if symbol is not None:
                symbols[symbol] = size
            dims.append(size)
        shapes[value.name] = tuple(dims)
    return shapes, guessed


def scaled_inputs(model: ir.Model, factor: int) -> dict[str, Shape]:
    """The inputs' shapes for one sample, open sizes so many times as large."""
    inputs, _ = sample_inputs(model)
    scaled: dict[str, Shape] = {}
    for value in model.graph.inputs:
        if value.shape is not None and value.name in inputs:
            fixed = [isinstance(dim, int) and dim > 0 for dim in value.shape]
            sizes = zip(inputs[value.name], fixed, strict=True)
            scaled[value.name] = tuple(size if stays else size * factor for size, stays in sizes)
    return scaled


_HOLDERS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


@dataclass(frozen=True)
class Sizes:
    """What is known of a model whose inputs have given shapes."""

    shapes: dict[str, Shape]
    """Of every value whose dimensions are all known, by name, bodies included."""
    contents: dict[str, np.ndarray]
    """Of small computed values: what the graph works out from its sizes."""


def infer_shapes(model: ir.Model, inputs: dict[str, Shape]) -> dict[str, Shape]:
    """Return the shape of every value whose dimensions are all known, by name, bodies included.

    Names are unique in a normalised model. Values that inference cannot work out are left out.
    """
    return work_out(model, inputs).shapes


def work_out(model: ir.Model, inputs: dict[str, Shape]) -> Sizes:
    """Infer shapes and compute what depends on them alone, in turns until nothing more becomes known."""
    nested = len(all_graphs(model.graph)) > 1
    proto = _without_weights(model, inputs, nested)
    shapes: dict[str, Shape] = dict(inputs)
    read = _read_by_arithmetic(proto.graph, nested)
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in read]
    contents = {tensor.name: numpy_helper.to_array(tensor) for tensor in constants}
    computed: dict[str, np.ndarray] = {}
    while True:
        try:
            proto = onnx.shape_inference.infer_shapes(proto, data_prop=True)
        except Exception:  # operators of other domains can stop it: nothing more is known then
            return Sizes(shapes, computed)
        _collect(proto.graph, shapes, nested)
        found = _evaluate(proto.graph, shapes, contents, nested)
        if not found:
            return Sizes(shapes, computed)
        computed |= found
        shapes |= {name: array.shape for name, array in found.items()}
        _settle(proto.graph, shapes, found)


def _read_by_arithmetic(graph: onnx.GraphProto, nested: bool) -> set[str]:
    """Names of values that the size arithmetic may look into. `nested`: whether any node has bodies."""
    read = {name for node in graph.node if node.op_type in OPERATORS for name in node.input}
    bodies = (body for node in graph.node for body in _bodies(node)) if nested else ()
    return read.union(*(_read_by_arithmetic(body, nested) for body in bodies))


def _collect(graph: onnx.GraphProto, shapes: dict[str, Shape], nested: bool) -> None:
    read: dict[bytes, Shape | None] = {}
    for info in (*graph.value_info, *graph.output):
        # most values are of a few kinds: a look at every dimension takes five times as long
        kind = info.type.SerializeToString()
        if kind not in read:
            read[kind] = _known(info.type.tensor_type)
        shape = read[kind]
        if shape is not None:
            shapes[info.name] = shape
    for node in graph.node if nested else ():
        for body in _bodies(node):
            _collect(body, shapes, nested)


def _known(kind: onnx.TypeProto.Tensor) -> Shape | None:
    """The shape, if it says all dimensions."""
    dims = tuple([dim.dim_value for dim in kind.shape.dim])
    if not dims or min(dims) <= 0:  # an unknown dimension, and a missing shape, read as zeros as well
        known = kind.HasField("shape") and min(dims, default=0) >= 0
        if not known or not all(dim.HasField("dim_value") for dim in kind.shape.dim):
            return None
    return dims


def _evaluate(
    graph: onnx.GraphProto, shapes: dict[str, Shape], contents: dict[str, np.ndarray], nested: bool
) -> dict[str, np.ndarray]:
    """Compute what is known now; `contents` holds everything that is known, and is added to."""
    found: dict[str, np.ndarray] = {}
    for node in graph.node:
        for body in _bodies(node) if nested else ():
            contents |= {item.name: numpy_helper.to_array(item) for item in body.initializer}
            found |= _evaluate(body, shapes, contents, nested)
        if node.op_type not in OPERATORS or not node.output or node.output[0] in contents:
            continue
        try:
            result = _result(node, shapes, contents)
        except NoSizeError:
            continue
        contents[node.output[0]] = found[node.output[0]] = result
    return found


def _result(node: onnx.NodeProto, shapes: dict[str, Shape], contents: dict[str, np.ndarray]) -> np.ndarray:
    if node.op_type in ("Shape", "Size") and node.domain in ("", "ai.onnx"):
        shape = shapes.get(node.input[0])
        if shape is None:
            raise NoSizeError(node.op_type)
        if node.op_type == "Size":
            return np.array(np.prod(shape, dtype=np.int64))
        bounds = {item.name: item.i for item in node.attribute}
        return of_shape(shape, bounds.get("start", 0), bounds.get("end"))
    if not node.input or any(name and name not in contents for name in node.input):
        raise NoSizeError(node.op_type)
    return evaluate(node, [contents[name] if name else None for name in node.input])


def _settle(graph: onnx.GraphProto, shapes: dict[str, Shape], found: dict[str, np.ndarray]) -> None:
    """Let what was computed stand as constants, and drop nodes whose outputs need no more inference."""
    outputs = {info.name for info in graph.output}
    for place in reversed(range(len(graph.value_info))):
        # what was noted while little was known would count more than the constant
        if graph.value_info[place].name in found:
            del graph.value_info[place]
    for place in reversed(range(len(graph.node))):
        node = graph.node[place]
        bodies = _bodies(node)
        for body in bodies:
            _settle(body, shapes, found)
        name = node.output[0] if node.output else ""
        if name in found:
            graph.initializer.append(numpy_helper.from_array(found[name], name))
        elif bodies or any(_open(name, shapes) or name in outputs for name in node.output if name):
            continue
        del graph.node[place]


def _open(name: str, shapes: dict[str, Shape]) -> bool:
    """Whether the shape is not known, or so small that the content may be a size yet to be computed."""
    return name not in shapes or prod(shapes[name]) <= MOST_ELEMENTS


def _bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    if not node.attribute:
        return []
    return [
        body
        for item in node.attribute
        if item.type in _HOLDERS
        for body in ([item.g] if item.HasField("g") else list(item.graphs))
    ]


def _may_be_sizes(tensor: ir.TensorProtocol) -> bool:
    if is_float(tensor.dtype):
        return elements(tensor) <= PEEK_FLOATS
    return size_bytes(tensor) <= PEEK_BYTES


def _without_weights(model: ir.Model, inputs: dict[str, Shape], nested: bool) -> onnx.ModelProto:
    graph = model.graph
    proto = onnx.ModelProto(ir_version=max(model.ir_version, 8))
    for domain, version in graph.opset_imports.items():
        proto.opset_import.append(onnx.helper.make_opsetid(domain, version))
    proto.graph.name = "shapes"
    encoded = GraphBytes()
    proto.graph.MergeFromString(b"".join([encoded.node(node) for node in graph]))
    if nested:
        _forget(proto.graph)
    for value in graph.inputs:
        info = ir.serde.serialize_value(value)
        if value.name in inputs:
            info.type.tensor_type.ClearField("shape")
            for size in inputs[value.name]:
                info.type.tensor_type.shape.dim.add().dim_value = size
        proto.graph.input.append(info)
    stored: list[bytes] = []
    for value in graph.initializers.values():
        tensor = value.const_value
        if tensor is None:
            continue
        if _may_be_sizes(tensor):
            stored.append(encoded.initializer(value.name or "", tensor))
        else:
            stored.append(encoded.input(value.name or "", tensor.dtype, dims(tensor)))
    proto.graph.MergeFromString(b"".join(stored))
    if nested:
        _hand_down(proto.graph, {tensor.name: tensor for tensor in proto.graph.initializer})
    for value in graph.outputs:
        info = ir.serde.serialize_value(value)
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.ClearField("shape")
        proto.graph.output.append(info)
    return proto


def _forget(graph: onnx.GraphProto) -> None:
    """Drop shapes that were stored for another batch size within bodies."""
    for node in graph.node:
        for body in _bodies(node):
            del body.value_info[:]
            for value in body.output:
                if value.type.HasField("tensor_type"):
                    value.type.tensor_type.ClearField("shape")
            _forget(body)


def _hand_down(graph: onnx.GraphProto, constants: dict[str, onnx.TensorProto]) -> None:
    """Copy small constants into the bodies that read them: inference looks up values no further out."""
    for node in graph.node:
        for body in _bodies(node):
            used = {name for inner in body.node for name in inner.input if name in constants}
            body.initializer.extend(constants[name] for name in sorted(used))
            _hand_down(body, constants)


def _guess(value: ir.Value, rank: int, index: int, symbol: str) -> int:
    """A plausible size for an open dimension that is not the batch."""
    if "batch" in symbol.lower():
        return 1
    if rank >= 4 and index >= rank - 3:
        return _SIDE
    if rank == 2 and value.dtype is not None and value.dtype.is_floating_point():
        return _SAMPLES
    if rank == 3 and value.name is not None and index == 1 and "state" in value.name.lower():
        return 1
    return _LENGTH
