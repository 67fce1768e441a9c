"""Where activations become integers of 8 bits, so that onnxruntime computes on integers, or of 16.

QuantizeLinear/DequantizeLinear pairs (QDQ) are set around layers and around the operators between
them; onnxruntime fuses ``DQ -> Conv -> Q`` to QLinearConv and so on (its
``qdq_selector_action_transformer.cc`` is the reference for what fuses). Activations are uint8 with a
zero point, weights int8: on x86 with VNNI this pairing (U8S8) has the fastest kernels. For uint16 it has none
and computes in float between the conversions; chips that compute with 16 bits read the same file.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import onnx_ir as ir

from core.methods import METHODS
from core.methods._edit import (
    add_initializer,
    attribute_float,
    attribute_int,
    constant,
    make_node,
    replace_input,
)
from core.values import Described, Parameter, text
from core.wiring import integer_parts

PASS_THROUGH = {"MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"}
"""Operators that only move values: their output keeps scale and zero point of the input."""

BETWEEN = {"Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid"}
"""Operators with an integer kernel in onnxruntime, besides the layers."""

_BOUNDED_BY_ITSELF = {"Sigmoid": (0.0, 1.0)}


@dataclass(frozen=True)
class Range:
    """Smallest and largest value of an activation that its integers must express."""

    low: float
    high: float

    def grid(self, bits: int = 8) -> tuple[np.float32, np.unsignedinteger]:
        """Scale and zero point of asymmetric uint8 or uint16; zero is always exact."""
        low, high = min(0.0, self.low), max(0.0, self.high)
        most, unsigned = (1 << bits) - 1, np.uint8 if bits == 8 else np.uint16
        scale = np.float32((high - low) / most)
        if not np.isfinite(scale) or scale < np.finfo(np.float32).tiny:
            return np.float32(1.0), unsigned(0)
        return scale, unsigned(np.clip(np.rint(-low / float(scale)), 0, most))


@dataclass(frozen=True)
class Placement:
    """Which values of the main graph become integers, by name."""

    source: dict[str, str] = field(default_factory=dict)
    """Quantised value -> the value whose range it takes (itself, or what a pass-through moves)."""
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What an absorbed Relu or Clip, or the operator itself, allows."""
    absorbed: frozenset[str] = frozenset()
    """Names of values whose Relu or Clip the quantisation range replaces."""
    integer: frozenset[str] = frozenset()
    """Names of the nodes that will compute on integers."""
    bits: dict[str, int] = field(default_factory=dict)
    """Of each value whose range is measured: 8 or 16."""

    @property
    def calibrated(self) -> tuple[str, ...]:
        """The values whose range has to be measured."""
        return tuple(dict.fromkeys(self.source.values()))


def can_be_integer(node: ir.Node) -> bool:
    """Whether onnxruntime has an integer kernel for this layer, its activations being 8 bits.

    Conv (any groups and dimensions), Gemm without transA, scaled bias or odd bias shape, MatMul with a
    matrix on the right; in float32; in the main graph.
    """
    if node.domain not in ("", "ai.onnx") or node.op_type not in ("Conv", "Gemm", "MatMul"):
        return False
    weight = node.inputs[1]
    if weight is None or weight.dtype != ir.DataType.FLOAT or constant(weight) is None:
        return False
    if node.op_type == "MatMul":
        return weight.shape is not None and len(weight.shape) == 2
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and constant(bias) is None:
        return False
    if node.op_type == "Gemm":
        columns = int(constant(weight).shape[0 if attribute_int(node, "transB", 0) else 1])  # type: ignore[union-attr]
        plain = attribute_float(node, "alpha", 1.0) == 1.0 and attribute_float(node, "beta", 1.0) == 1.0
        fits = bias is None or constant(bias).size == columns  # type: ignore[union-attr]
        return plain and fits and not attribute_int(node, "transA", 0)
    return True


def place(model: ir.Model, layers: Mapping[str, int]) -> Placement:
    """Find the values to quantise so that these layers run on integers; bits (8 or 16) by node name.

    The layers' inputs, the outputs of convolutions, and everything between two such values that only
    passes through operators with integer kernels. Layers that `can_be_integer` refuses must not be named.
    A value takes the bits of the layers that read it, the most of them; else of the layer that makes it.
    """
    nodes = list(model.graph)
    places, needed = integer_parts(wires(nodes, layers), layers)
    integer = [nodes[position] for position in places]
    chosen = [node for node in integer if node.name in layers]
    placement = _placement(integer, needed, nodes)
    return replace(placement, bits=_bits(placement, chosen, layers))


def around(model: ir.Model, names: Container[str]) -> Placement:
    """The placement under which just these nodes, all of `BETWEEN`, compute on 8-bit integers."""
    nodes = list(model.graph)
    chosen = [node for node in nodes if (node.name or "") in names]
    needed: dict[str, None] = {}
    for node in chosen:
        needed.update(dict.fromkeys((*(_name(value) for value in _data_inputs(node)), _name(tail_of(node)))))
    placement = _placement(chosen, needed, nodes)
    return replace(placement, bits=dict.fromkeys(placement.calibrated, 8))


@dataclass(frozen=True)
class Wire:
    """As `core.wiring` wants a node to be."""

    name: str
    kind: Literal["layer", "between", "other"]
    inputs: tuple[str, ...]
    output: str
    conv: bool
    tailed: bool


def wires(nodes: Sequence[ir.Node], layers: Container[str]) -> list[Wire]:
    """One for each node, in order; what is no layer of these names is 'between' or 'other'."""
    found = []
    for node in nodes:
        kind: Literal["layer", "between", "other"] = "between" if _between(node) else "other"
        if node.name in layers:
            kind = "layer"
        # what a layer computes with besides its first input are its weights
        values = node.inputs[:1] if kind == "layer" else _data_inputs(node)
        tail = tail_of(node) if node.outputs else None
        found.append(
            Wire(
                name=node.name or "",
                kind=kind,
                inputs=tuple(_name(value) for value in values),
                output=_name(tail),
                conv=node.op_type == "Conv",
                tailed=bool(node.outputs) and tail is not node.outputs[0],
            )
        )
    return found


def _bits(placement: Placement, chosen: list[ir.Node], layers: Mapping[str, int]) -> dict[str, int]:
    made: dict[str, int] = {}
    read: dict[str, int] = {}
    for node in chosen:
        bits = layers[node.name or ""]
        source = placement.source[_name(node.inputs[0])]
        read[source] = max(read.get(source, 0), bits)
        made[placement.source.get(_name(tail_of(node)), "")] = bits
    # what lies between layers takes the most of all, so that both ends of a sum agree
    between = max(layers.values(), default=8)
    return {name: read.get(name) or made.get(name) or between for name in placement.calibrated}


def _placement(integer: list[ir.Node], needed: Mapping[str, None], nodes: list[ir.Node]) -> Placement:
    source: dict[str, str] = {name: name for name in needed}
    bounds: dict[str, tuple[float, float]] = {}
    absorbed = set()
    order = {id(node): position for position, node in enumerate(nodes)}
    for node in sorted(integer, key=lambda item: order[id(item)]):
        tail = tail_of(node)
        name = _name(tail)
        if name not in needed:
            continue
        if tail is not node.outputs[0]:
            absorbed.add(name)
            bounds[name] = _activation_bounds(tail.producer())  # type: ignore[assignment]
        elif node.op_type in _BOUNDED_BY_ITSELF:
            bounds[name] = _BOUNDED_BY_ITSELF[node.op_type]
        elif node.op_type in PASS_THROUGH:
            source[name] = source[_name(node.inputs[0])]
    return Placement(
        source=source,
        bounds=bounds,
        absorbed=frozenset(absorbed),
        integer=frozenset(node.name or "" for node in integer),
    )


def insert(model: ir.Model, placement: Placement, ranges: Mapping[str, Range]) -> None:
    """Put the QDQ pairs into this (private) model; absorbed Relu and Clip go.

    `ranges` holds one for each of `placement.calibrated`. Zero points are written even where 0 is the
    default: without them Gemm is not fused.
    """
    by_name = {value.name: value for value in _values(model) if value.name in placement.source}
    shared: dict[str, tuple[ir.Value, ir.Value]] = {}
    zero_points: dict[tuple[int, int], ir.Value] = {}
    for name, source in placement.source.items():
        value = by_name[name]
        if source not in shared:
            measured = bounded(ranges[source], placement.bounds.get(source))
            scale, zero_point = measured.grid(placement.bits[source])
            point = placement.bits[source], int(zero_point)
            if point not in zero_points:
                zero_points[point] = add_initializer(model, "z", np.asarray(zero_point))
            shared[source] = add_initializer(model, "s", np.asarray(scale)), zero_points[point]
        _insert_pair(model, value, shared[source], placement, name)


def quantize_bias(
    model: ir.Model, node: ir.Node, activation_scale: np.float32, weight_scale: np.ndarray
) -> None:
    """Make the bias int32 with scale s_x * s_w, as the integer kernels add it."""
    bias_value = node.inputs[2] if len(node.inputs) > 2 else None
    bias = constant(bias_value)
    if bias_value is None or bias is None:
        return
    scale = (np.float32(activation_scale) * weight_scale.astype(np.float32)).astype(np.float32)
    flat = bias.astype(np.float64).reshape(-1)
    q = np.clip(np.rint(flat / scale.astype(np.float64)), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    q_value = add_initializer(model, "b", q)
    attributes = {"axis": 0} if scale.ndim else {}
    dequantize = make_node(
        "DequantizeLinear", [q_value, add_initializer(model, "t", scale)], "bf", attributes
    )
    model.graph.insert_before(node, dequantize)
    node.replace_input_with(2, dequantize.outputs[0])


def smallest_weight_scale(bias: np.ndarray, activation_scale: float) -> np.ndarray:
    """The weight scale under which an int32 bias would overflow, one per channel."""
    return (np.abs(bias.astype(np.float64)).reshape(-1) / (activation_scale * 2.0**30)).astype(np.float32)


def bounded(measured: Range, bounds: tuple[float, float] | None) -> Range:
    """The measured range within what the activation function lets through."""
    if bounds is None:
        return measured
    return Range(
        float(np.clip(measured.low, bounds[0], bounds[1])),
        float(np.clip(measured.high, bounds[0], bounds[1])),
    )


def _insert_pair(
    model: ir.Model,
    value: ir.Value,
    parameters: tuple[ir.Value, ir.Value],
    placement: Placement,
    name: str,
) -> None:
    producer = value.producer()
    before = value
    if name in placement.absorbed and producer is not None:
        before = producer.inputs[0]  # type: ignore[assignment]
    from_integer = name in placement.absorbed or (
        producer is not None and (producer.name or "") in placement.integer
    )
    readers = [
        use.node
        for use in value.uses()
        # a float neighbour of a float value has no use for the rounded one
        if from_integer or (use.node.name or "") in placement.integer
    ]
    integer = parameters[1].dtype or ir.DataType.UINT8
    quantize = make_node(
        "QuantizeLinear", [before, *parameters], f"{name}_q", dtype=integer, shape=value.shape
    )
    dequantize = make_node(
        "DequantizeLinear", [quantize.outputs[0], *parameters], f"{name}_d", shape=value.shape
    )
    if producer is not None:
        producer.graph.insert_after(producer, [quantize, dequantize])  # type: ignore[union-attr]
    else:
        model.graph.insert_before(model.graph[0], [quantize, dequantize])
    result = dequantize.outputs[0]
    for node in readers:
        replace_input(node, value, result)
    if from_integer:
        for index, output in enumerate(model.graph.outputs):
            if output is value:
                model.graph.outputs[index] = result
                value.name, result.name = f"{name}_f", name
    if name in placement.absorbed and producer is not None:
        model.graph.remove(producer, safe=True)


def _between(node: ir.Node) -> bool:
    if node.domain not in ("", "ai.onnx") or len(node.outputs) != 1:
        return False
    if node.op_type in PASS_THROUGH:
        return True
    return node.op_type in BETWEEN and all(constant(value) is None for value in _data_inputs(node))


def _data_inputs(node: ir.Node) -> list[ir.Value]:
    """Inputs that carry activations; shapes and axes of a Reshape or Squeeze are none."""
    inputs = node.inputs[:1] if node.op_type in PASS_THROUGH else node.inputs
    return [value for value in inputs if value is not None]


def tail_of(node: ir.Node) -> ir.Value:
    """The value after a Relu or Clip that quantisation can absorb, else the node's own output."""
    value = node.outputs[0]
    if node.op_type in PASS_THROUGH or node.op_type in _BOUNDED_BY_ITSELF or value.is_graph_output():
        return value
    uses = list(value.uses())
    if len(uses) == 1 and _activation_bounds(uses[0].node) is not None and uses[0].idx == 0:
        return uses[0].node.outputs[0]
    return value


def _activation_bounds(node: ir.Node | None) -> tuple[float, float] | None:
    """What a Relu or a Clip with constant bounds around zero lets through, None for anything else."""
    if node is None or node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type == "Relu":
        return 0.0, float("inf")
    if node.op_type != "Clip":
        return None
    edges = [-float("inf"), float("inf")]
    for index, attribute in ((0, "min"), (1, "max")):
        if attribute in node.attributes:
            edges[index] = node.attributes[attribute].as_float()
        elif len(node.inputs) > index + 1 and node.inputs[index + 1] is not None:
            bound = constant(node.inputs[index + 1])
            if bound is None:
                return None
            edges[index] = float(bound.reshape(-1)[0])
    # the grid always holds zero, so a Clip that excludes zero cannot be replaced by it
    return (edges[0], edges[1]) if edges[0] <= 0.0 <= edges[1] else None


def _name(value: ir.Value | None) -> str:
    return (value.name or "") if value is not None else ""


def _values(model: ir.Model) -> Iterator[ir.Value]:
    yield from model.graph.inputs
    for node in model.graph:
        yield from node.outputs


METHODS.add(
    Described(
        name="quantize_activations",
        label=text("Quantise activations"),
        help=text("Sets 8-bit conversions around layers so that onnxruntime computes on integers."),
        parameters=(
            Parameter(
                name="float_ends",
                label=text("First and last layer in float"),
                help=text(
                    "Where they hold next to none of the work they compute in float: more exact and as fast. "
                    "Off for chips that know integers only."
                ),
                kind="switch",
                default=True,
            ),
        ),
    ),
    insert,
)
