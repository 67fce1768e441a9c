"""A node's attributes as plain values, and what an operator function may need to know of its node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from core.gradients.lazy import torch

Inputs = Sequence["torch.Tensor | None"]
Body = Callable[[Sequence["torch.Tensor"]], "list[torch.Tensor]"]
Function = Callable[[Inputs, "Attributes", int], Any]
"""(inputs, attributes, opset) -> a tensor, or a tuple of them for several outputs."""


class NotConvertible(Exception):  # noqa: N818 - turned into UnsupportedModelError, which names the node
    """An operator is used in a way that has no torch counterpart here. The message is plain English."""


@dataclass(frozen=True)
class Attributes:
    """Attributes by name, with ONNX's habit of leaving defaults out; bodies are callables."""

    values: Mapping[str, Any]
    outputs: int = 1
    """How many outputs the node has."""
    output_used: tuple[bool, ...] = (True,)
    dtypes: tuple[ir.DataType | None, ...] = ()
    """Declared types of the outputs, None where unknown."""
    bodies: Mapping[str, Body] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def int(self, name: str, default: int) -> int:
        return int(self.values.get(name, default))

    def float(self, name: str, default: float) -> float:
        return float(self.values.get(name, default))

    def string(self, name: str, default: str) -> str:
        return str(self.values.get(name, default))

    def ints(self, name: str) -> list[Any] | None:
        value = self.values.get(name)
        return None if value is None else [int(item) for item in value]

    def floats(self, name: str) -> list[Any] | None:
        value = self.values.get(name)
        return None if value is None else [float(item) for item in value]

    def array(self, name: str) -> np.ndarray | None:
        return self.values.get(name)


def attribute_values(node: ir.Node) -> dict[str, Any]:
    """The attributes of a node as numbers, strings, lists and arrays; bodies are left out."""
    values: dict[str, Any] = {}
    for name, attribute in node.attributes.items():
        if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS):
            continue
        value = attribute.value
        if attribute.type == ir.AttributeType.TENSOR:
            value = value.numpy()
        values[name] = value
    return values
