"""The module that `convert.to_torch` makes. This file imports torch: import it where it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch

from core.errors import EngineError, SecateurError, UnsupportedModelError
from core.evaluate.runner import out_of_memory
from core.gradients.attributes import Attributes, Body, Function, NotConvertible, attribute_values
from core.gradients.operators import OPERATORS
from core.gradients.operators._common import lent, remembering, to_tensor
from core.values import text

Tap = Callable[[torch.Tensor], torch.Tensor]
"""Sees a value the moment it is computed, and returns what the network goes on with."""

_INTEGERS = {"INT4", "UINT4", "INT8", "UINT8", "INT16", "UINT16", "INT32"}


@dataclass(frozen=True)
class _Step:
    node: ir.Node
    function: Function
    inputs: tuple[int | None, ...]
    outputs: tuple[int | None, ...]
    names: tuple[str, ...]
    attributes: Attributes
    bodies: Mapping[str, _Program]
    finished: tuple[int, ...]
    """Places that nobody reads afterwards."""


@dataclass(frozen=True)
class _Program:
    inputs: tuple[int, ...]
    steps: tuple[_Step, ...]
    outputs: tuple[int, ...]


class TorchGraph(torch.nn.Module):
    """An ONNX graph in torch. `weights` are its parameters and `constants` the rest, by ONNX name."""

    def __init__(self, model: ir.Model, trained: Sequence[str], copied: bool = True) -> None:
        """Not `copied`: weights lie where those of the model do, and nobody may change them."""
        super().__init__()
        self._copied = copied
        self.input_names = tuple(value.name or "" for value in model.graph.inputs)
        self.output_names = tuple(value.name or "" for value in model.graph.outputs)
        self._opset = int(model.graph.opset_imports.get("") or model.opset_imports.get("") or 17)
        self._slots: dict[int, int] = {}
        self._fixed: dict[int, str] = {}
        self.weights: dict[str, torch.nn.Parameter] = {}
        self.constants: dict[str, torch.Tensor] = {}
        wanted = set(trained)
        for value in _initializers(model):
            self._store(value, (value.name or "") in wanted)
        self._program = self._compile(model.graph, model.graph.inputs)
        self._output_types = tuple(value.dtype for value in model.graph.outputs)

    def forward(
        self,
        feeds: Mapping[str, torch.Tensor | np.ndarray],
        weights: Mapping[str, torch.Tensor] | None = None,
        taps: Mapping[str, Tap] | None = None,
    ) -> list[torch.Tensor]:
        """Return all outputs, in order.

        `weights` stand in for parameters or constants of the same name: masked or rounded ones. `taps`
        see values by name, and may replace them. Raises UnsupportedModelError naming node and operator.
        """
        places: list[torch.Tensor | None] = [None] * len(self._slots)
        given = weights or {}
        for slot, name in self._fixed.items():
            stored = given.get(name)
            if stored is None:
                stored = self.weights.get(name, self.constants.get(name))
            places[slot] = stored
        arguments = []
        for name in self.input_names:
            fed = feeds[name]
            value = to_tensor(fed) if isinstance(fed, np.ndarray) else fed
            arguments.append(_tapped(value, name, taps))
        outputs = _run(self._program, places, arguments, self._opset, taps or {})
        return [_declared(value, kind) for value, kind in zip(outputs, self._output_types, strict=True)]

    def channels_last(self) -> None:
        """Lay pictures' weights out as the convolution kernels of processors like them best."""
        for parameter in self.weights.values():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def _store(self, value: ir.Value, trained: bool) -> None:
        name = value.name or ""
        array = value.const_value.numpy()  # type: ignore[union-attr]
        tensor = to_tensor(array) if self._copied or not trained else lent(array)
        self._fixed[self._slot(value)] = name
        if trained:
            parameter = torch.nn.Parameter(tensor)
            self.weights[name] = parameter
            # torch allows no dots in a name
            self.register_parameter(f"weight_{len(self.weights)}", parameter)
        else:
            self.constants[name] = remembering(tensor)
            self.register_buffer(f"constant_{len(self.constants)}", tensor)

    def _slot(self, value: ir.Value) -> int:
        return self._slots.setdefault(id(value), len(self._slots))

    def _compile(self, graph: ir.Graph, inputs: Sequence[ir.Value], inner: bool = False) -> _Program:
        slots = tuple(self._slot(value) for value in inputs)
        nodes = list(graph)
        # a body may run again and reads what lies outside, so that only the main graph forgets
        last_use = {} if inner else _last_uses(nodes, graph)
        steps = []
        for position, node in enumerate(nodes):
            bodies = {
                name: self._compile(attribute.value, attribute.value.inputs, inner=True)
                for name, attribute in node.attributes.items()
                if attribute.type == ir.AttributeType.GRAPH
            }
            used = tuple(bool(value.uses()) or value.is_graph_output() for value in node.outputs)
            ended = (
                self._slots[key]
                for key in last_use.get(position, ())
                if key in self._slots and self._slots[key] not in self._fixed
            )
            attributes = Attributes(attribute_values(node), len(node.outputs), used, _types(node))
            steps.append(
                _Step(
                    node,
                    OPERATORS[node.op_type],
                    tuple(None if value is None else self._slot(value) for value in node.inputs),
                    tuple(self._slot(value) if value.name else None for value in node.outputs),
                    tuple(value.name or "" for value in node.outputs),
                    attributes,
                    bodies,
                    tuple(ended),
                )
            )
        return _Program(slots, tuple(steps), tuple(self._slot(value) for value in graph.outputs))


def _run(
    program: _Program,
    places: list[torch.Tensor | None],
    arguments: Sequence[torch.Tensor],
    opset: int,
    taps: Mapping[str, Tap],
) -> list[torch.Tensor]:
    for slot, value in zip(program.inputs, arguments, strict=True):
        places[slot] = value
    for step in program.steps:
        inputs = [None if slot is None else places[slot] for slot in step.inputs]
        attributes = step.attributes
        if step.bodies:
            attributes = Attributes(
                attributes.values,
                attributes.outputs,
                attributes.output_used,
                attributes.dtypes,
                {name: _body(body, places, opset, taps) for name, body in step.bodies.items()},
            )
        answers = _computed(step, inputs, attributes, opset)
        for place, name, value in zip(step.outputs, step.names, answers, strict=False):
            if place is not None:
                places[place] = _tapped(value, name, taps)
        for done in step.finished:
            places[done] = None
    return [places[slot] for slot in program.outputs]  # type: ignore[misc]


def _computed(step: _Step, inputs: Sequence[Any], attributes: Attributes, opset: int) -> tuple[Any, ...]:
    """One node's answers. What goes wrong names the node."""
    try:
        answers = step.function(inputs, attributes, opset)
    except SecateurError:
        raise
    except MemoryError as error:
        raise out_of_memory() from error
    except (NotConvertible, RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        if "can't allocate memory" in str(error):
            raise out_of_memory() from error
        raise _refusal(step.node, error) from error
    return answers if isinstance(answers, tuple) else (answers,)


def _refusal(node: ir.Node, error: Exception) -> SecateurError:
    reason = " ".join(str(error).split())[:300]
    kind = UnsupportedModelError if isinstance(error, NotConvertible) else EngineError
    return kind(
        text(
            "The node '{node}' ({operator}) could not be computed with gradients.",
            node=node.name or "",
            operator=node.op_type,
        ),
        text("The reason: {reason}", reason=reason),
        text("Everything that needs no gradients still works: pruning by magnitude, fewer bits."),
    )


def _body(program: _Program, places: list[torch.Tensor | None], opset: int, taps: Mapping[str, Tap]) -> Body:
    return lambda arguments: _run(program, places, arguments, opset, taps)


def _tapped(value: torch.Tensor, name: str, taps: Mapping[str, Tap] | None) -> torch.Tensor:
    tap = taps.get(name) if taps else None
    return value if tap is None else tap(value)


def _declared(value: torch.Tensor, kind: ir.DataType | None) -> torch.Tensor:
    """Whole numbers that were kept as floats inside leave as what the model says they are."""
    if kind is None or kind.name not in _INTEGERS or not value.is_floating_point():
        return value
    return value.detach().to({"INT8": torch.int8, "UINT8": torch.uint8}.get(kind.name, torch.int32))


def _types(node: ir.Node) -> tuple[ir.DataType | None, ...]:
    """Of the outputs. What is quantised has the type of its zero point, which torch may lack."""
    declared = tuple(value.dtype for value in node.outputs)
    zero_point = node.inputs[2] if node.op_type == "QuantizeLinear" and len(node.inputs) > 2 else None
    if zero_point is None or declared[0] is not None:
        return declared
    tensor = zero_point.const_value
    return (tensor.dtype if tensor is not None else zero_point.dtype,)


def _initializers(model: ir.Model) -> Iterator[ir.Value]:
    for graph in model.graphs():
        for value in graph.initializers.values():
            if value.const_value is not None:
                yield value


def _last_uses(nodes: list[ir.Node], graph: ir.Graph) -> dict[int, list[int]]:
    """Position of a node -> ids of the values that it reads last, its bodies included."""
    last: dict[int, int] = {}
    for position, node in enumerate(nodes):
        for value in _read_by(node):
            last[id(value)] = position
    for value in graph.outputs:
        last.pop(id(value), None)
    ended: dict[int, list[int]] = {}
    for key, position in last.items():
        ended.setdefault(position, []).append(key)
    return ended


def _read_by(node: ir.Node) -> Iterator[ir.Value]:
    yield from (value for value in node.inputs if value is not None)
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            for inner in attribute.value:
                yield from _read_by(inner)
            yield from attribute.value.outputs
