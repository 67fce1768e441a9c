"""A network with one node in it, several times, as the engine would write it: timed in place of a layer.

Several times with other weights each, because a node alone finds its weights in the nearest cache and the
other threads asleep, which in the real network it does not.

The values are random, because no kernel's time depends on them; shapes, attributes, what is fused to the node
and how its weights are stored are those of the real network, and come out of the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.graph.build import build
from core.graph.opset import raise_opset
from core.kernel_model import FLOAT, INT8, INT8_SHIFTED, INT16
from core.methods._edit import constant
from core.methods.assemble import assemble, placement_for
from core.methods.matmul_nbits import choose_kernels
from core.methods.prune_channels import multiple_of
from core.methods.quantize_activations import Range, around, insert, tail_of
from core.methods.resolve import Step, base_model, resolve
from core.values import LayerPlan, Plan, digest

NAME = "kernel"
"""How the names of the node in question begin."""
_COPIES = 4
_COPIED_BYTES = 8 << 20
"""Weights that are larger are in no cache anyway."""
ENTER, LEAVE = "enter", "leave"
"""Of the conversions at the ends."""
_SMALL = 64
"""Constants of whole numbers up to this size are taken as they are: axes, shapes, bounds."""
_INT8_OPSET = 17


@dataclass(frozen=True)
class Constant:
    """An input that is stored: its shape, and its values where they say what is computed."""

    shape: tuple[int, ...]
    dtype: str
    values: bytes = b""

    def array(self, rng: np.random.Generator) -> np.ndarray:
        if self.values:
            return np.frombuffer(self.values, self.dtype).reshape(self.shape).copy()
        values = rng.standard_normal(self.shape, np.float32)
        values *= np.float32(0.1)
        return values.astype(self.dtype, copy=False)


@dataclass(frozen=True)
class Kernel:
    """All that decides how long a node takes, its setting and the computer apart."""

    op: str
    attributes: tuple[tuple[str, bytes], ...]
    inputs: tuple[tuple[int, ...] | Constant | None, ...]
    """For each input the shape of its activations, the constant, or None where it is left out."""
    tail: tuple[str, tuple[tuple[str, bytes], ...], tuple[Constant | None, ...]] | None
    """Operator, attributes and further inputs of the activation function that the kernel takes in."""
    opset: int
    layer: bool

    def key(self, setting: str) -> str:
        """The digest of the node and its setting."""
        return digest(
            self.op,
            self.attributes,
            _plain(self.inputs),
            self.tail and _plain(self.tail),
            self.opset,
            setting,
        )

    @property
    def copies(self) -> int:
        """How often the fragment holds it."""
        stored = sum(4 * prod(each.shape) for each in self.inputs if isinstance(each, Constant))
        return _COPIES if stored <= _COPIED_BYTES else 1

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the activations that come in."""
        return tuple(each for each in self.inputs if isinstance(each, tuple))


def kernel_of(node: ir.Node, shapes: Mapping[str, tuple[int, ...]], layer: bool, opset: int) -> Kernel | None:
    """The kernel of a node of the main graph; None where a shape is missing or it has bodies of its own."""
    inputs: list[tuple[int, ...] | Constant | None] = []
    for index, value in enumerate(node.inputs):
        if value is None:
            inputs.append(None)
            continue
        array = constant(value)
        if array is not None:
            inputs.append(_constant(array, layer and index > 0))
        elif value.name in shapes and value.dtype in (None, ir.DataType.FLOAT):
            inputs.append(shapes[value.name or ""])
        else:
            return None
    attributes = _attributes(node)
    if attributes is None or not any(isinstance(each, tuple) for each in inputs):
        return None
    return Kernel(node.op_type, attributes, tuple(inputs), _tail_of(node), opset, layer)


def narrowed(kernel: Kernel, percent: int, first: bool, last: bool) -> Kernel | None:
    """The kernel with so many percent of its channels, rounded up as the pruning does.

    `first` keeps its inputs (those of the network), `last` its outputs. None for what cannot be cut.
    """
    weight, data = kernel.inputs[1] if len(kernel.inputs) > 1 else None, kernel.inputs[0]
    if not kernel.layer or not isinstance(weight, Constant) or not isinstance(data, tuple):
        return None
    attributes = dict(kernel.attributes)
    group = int(_decoded(attributes.get("group", b"1")))
    size = list(weight.shape)
    if kernel.op == "Conv":
        outs, ins, channel = 0, 1, 1
    elif kernel.op in ("Gemm", "MatMul") and len(size) == 2:
        transposed = bool(_decoded(attributes.get("transB", b"0")))
        outs, ins, channel = (0, 1, len(data) - 1) if transposed else (1, 0, len(data) - 1)
    else:
        return None
    if data[channel] != size[ins] * group:
        return None
    if group > 1:
        if first or last or size[1] != 1 or size[0] != group:
            return None
        kept_in = kept_out = _cut(group, percent)
        attributes["group"] = msgspec.json.encode(kept_out)
        size[outs] = kept_out
    else:
        kept_in = size[ins] if first else _cut(size[ins], percent)
        kept_out = size[outs] if last else _cut(size[outs], percent)
        size[ins], size[outs] = kept_in, kept_out
    shape = (*data[:channel], kept_in, *data[channel + 1 :])
    more = [
        replace(each, shape=(*each.shape[:-1], kept_out))
        if isinstance(each, Constant) and each.shape
        else each
        for each in kernel.inputs[2:]
    ]
    inputs = (shape, replace(weight, shape=tuple(size)), *more)
    return replace(kernel, inputs=inputs, attributes=tuple(sorted(attributes.items())))


def fragment(kernel: Kernel, setting: str) -> ir.Model | None:
    """The network to time: float32 in and out, conversions at its ends named `ENTER` and `LEAVE`.

    None where the engine would not write this node in this setting. Raises SecateurError for a node that
    nothing can be made of.
    """
    model = _network(kernel)
    if setting == FLOAT:
        return model
    if not kernel.layer:
        if kernel.opset < _INT8_OPSET:
            model = raise_opset(model, _INT8_OPSET)
        placement = around(model, [f"{NAME}_{index}" for index in range(kernel.copies)])
        insert(model, placement, dict.fromkeys(placement.calibrated, Range(-1.0, 1.0)))
        return _named_ends(model)
    opened = build(model, Path("kernel.onnx"), "", 0, _Facts(kernel.opset), Context())
    plan = _plan(setting)
    steps = choose_kernels(opened.model, resolve(opened, plan), plan)
    if not steps or not all(_as_wanted(step, setting) for step in steps):
        return None
    base = base_model(opened, steps)
    ranges = dict.fromkeys(placement_for(base, steps).calibrated, Range(-1.0, 1.0))
    return _named_ends(assemble(base, steps, ranges))


@dataclass(frozen=True)
class _Facts:
    opset: int
    custom_operators: tuple[str, ...] = ()


def _plan(setting: str) -> Plan:
    methods: dict[str, dict[str, str | int | float | bool]] = {
        "quantize_weights": {"search": False, "merge": False},
        "quantize_activations": {"float_ends": False},
        "matmul_nbits": {"use": "always"},
    }
    if setting.startswith("nbits"):
        _, bits, block, grid = setting.split("-")
        layer = LayerPlan(
            weight_bits=int(bits), granularity="block", block_size=int(block), symmetric=grid == "even"
        )
    else:
        wide = 16 if setting == INT16 else 8
        layer = LayerPlan(weight_bits=8, activation_bits=wide, symmetric=setting != INT8_SHIFTED)
    return Plan(defaults=layer, methods=methods)


def _as_wanted(step: Step, setting: str) -> bool:
    if setting.startswith("nbits"):
        return bool(step.kernel)
    return step.activation_bits == (8 if setting in (INT8, INT8_SHIFTED) else 16)


def _network(kernel: Kernel) -> ir.Model:
    rng = np.random.default_rng(0)
    graph = ir.Graph([], [], nodes=[], opset_imports={"": kernel.opset}, name="kernel")

    def stored(each: Constant, name: str) -> ir.Value:
        tensor = ir.Tensor(each.array(rng), name=name)
        value = ir.Value(
            name=name, shape=ir.Shape(each.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        graph.register_initializer(value)
        return value

    def given(each: tuple[int, ...] | None, index: int) -> ir.Value | None:
        if each is None:
            return None
        value = ir.Value(name=f"x_{index}", shape=ir.Shape(each), type=ir.TensorType(ir.DataType.FLOAT))
        graph.inputs.append(value)
        return value

    activations = [
        None if isinstance(each, Constant) else given(each, i) for i, each in enumerate(kernel.inputs)
    ]
    for copy in range(kernel.copies):
        values = [
            stored(each, f"c_{copy}_{index}") if isinstance(each, Constant) else activations[index]
            for index, each in enumerate(kernel.inputs)
        ]
        node = _node(kernel.op, kernel.attributes, values, f"{NAME}_{copy}")
        graph.append(node)
        result = node.outputs[0]
        if kernel.tail is not None:
            op, attributes, more = kernel.tail
            bounds = [None if each is None else stored(each, f"t_{copy}_{i}") for i, each in enumerate(more)]
            graph.append(_node(op, attributes, [result, *bounds], f"tail_{copy}"))
            result = graph[-1].outputs[0]
        result.name = f"y_{copy}"
        result.type = ir.TensorType(ir.DataType.FLOAT)
        graph.outputs.append(result)
    return ir.Model(graph, ir_version=10)


def _node(
    op: str, attributes: tuple[tuple[str, bytes], ...], values: list[ir.Value | None], name: str
) -> ir.Node:
    attrs = [ir.convenience.convert_attribute(key, _decoded(value)) for key, value in attributes]
    result = ir.Value(name=f"{name}_r", type=ir.TensorType(ir.DataType.FLOAT))
    return ir.Node("", op, values, attrs, outputs=[result], name=name)


def _named_ends(model: ir.Model) -> ir.Model:
    """The conversions next to inputs and outputs by names that the profile repeats."""
    for value in model.graph.inputs:
        for use in list(value.uses()):
            if use.node.op_type == "QuantizeLinear":
                use.node.name = f"{ENTER}_{value.name}"
                for behind in use.node.outputs[0].uses():
                    behind.node.name = f"{ENTER}_{value.name}_d"
    for index, value in enumerate(model.graph.outputs):
        maker = value.producer()
        if maker is not None and maker.op_type == "DequantizeLinear":
            maker.name = f"{LEAVE}_{index}"
    return model


def _tail_of(node: ir.Node) -> tuple[str, tuple[tuple[str, bytes], ...], tuple[Constant | None, ...]] | None:
    tail = tail_of(node)
    maker = tail.producer()
    if tail is node.outputs[0] or maker is None:
        return None
    arrays = [constant(value) for value in maker.inputs[1:]]
    more = tuple(None if array is None else _constant(array, False) for array in arrays)
    return maker.op_type, _attributes(maker) or (), more


def _attributes(node: ir.Node) -> tuple[tuple[str, bytes], ...] | None:
    found = []
    for name, attribute in node.attributes.items():
        if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS):
            return None
        encoded = _encoded(attribute.value)
        if encoded is None:
            return None
        found.append((name, encoded))
    return tuple(sorted(found))


def _constant(array: np.ndarray, weight: bool) -> Constant:
    small = array.size <= _SMALL and not (weight and array.ndim > 0)
    return Constant(tuple(array.shape), array.dtype.str, array.tobytes() if small else b"")


def _encoded(value: object) -> bytes | None:
    if isinstance(value, int | float | str):
        return msgspec.json.encode(value)
    if isinstance(value, list | tuple) and all(isinstance(each, int | float) for each in value):
        return msgspec.json.encode(list(value))
    return None


def _decoded(value: bytes) -> Any:
    return msgspec.json.decode(value)


def _plain(values: tuple[Any, ...]) -> list[object]:
    """As `digest` takes it."""
    return [
        [each.shape, each.dtype, each.values]
        if isinstance(each, Constant)
        else _plain(each)
        if isinstance(each, tuple)
        else each
        for each in values
    ]


def _cut(size: int, percent: int) -> int:
    """Channels that stay, a multiple as the pruning leaves it."""
    multiple = multiple_of(size)
    return min(size, max(multiple, -(-size * percent // (100 * multiple)) * multiple))
