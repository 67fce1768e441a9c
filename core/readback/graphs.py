"""The nodes and constants of a file, and which stored numbers make a weight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from core.formats.light import LightModel

MOVES = {"Identity", "Cast", "DequantizeLinear", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice"}
"""Operators through which a stored weight is looked for in their first input."""
JOINS = {"Mul", "Sub"}
"""Operators that put a weight and its parameters together: the weight is the larger of the two."""
_DEEPEST = 16


class Graphs:
    """Nodes and constants of a file, bodies of If, Loop and Scan included."""

    def __init__(self, model: LightModel) -> None:
        self.array = model.array
        self.nodes: dict[str, onnx.NodeProto] = {}
        self.producers: dict[str, onnx.NodeProto] = {}
        self.constants: dict[str, onnx.TensorProto] = {}
        self._collect(model.proto.graph)

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

    def stored(self, name: str, depth: int = 0) -> onnx.TensorProto | None:
        """The constant that feeds this value, through conversions, shifts and scales; None if computed."""
        if name in self.constants:
            return self.constants[name]
        node = self.producers.get(name)
        if node is None or not node.input or depth > _DEEPEST:
            return None
        if node.op_type in MOVES:
            return self.stored(node.input[0], depth + 1)
        if self._looks_up(node):
            return self.stored(node.input[1], depth + 1)
        if node.op_type not in JOINS:
            return None
        both = [self.stored(part, depth + 1) for part in node.input]
        if any(tensor is None for tensor in both):
            return None
        return max((tensor for tensor in both if tensor is not None), key=lambda tensor: np.prod(tensor.dims))

    def parameters(self, names: Iterator[str] | list[str]) -> list[onnx.TensorProto]:
        """Every constant behind these values: integers, scales, zero points, shapes."""
        found: dict[str, onnx.TensorProto] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in self.constants:
                found[name] = self.constants[name]
                continue
            producer = self.producers.get(name)
            if producer is None or producer.op_type not in MOVES | JOINS | {"Gather"}:
                continue
            if self.stored(name) is not None:
                todo.extend(producer.input)
        return list(found.values())

    def numbers(self, name: str) -> np.ndarray:
        """The weight behind this value less its zero points, scales left out: where it is 0, the weight is.

        Only of values that `stored` finds. Padding that a Slice cuts off is gone.
        """
        if name in self.constants:
            return self.array(self.constants[name])
        node = self.producers[name]
        if self._looks_up(node):
            places = self.numbers(node.input[1]).astype(np.int64)
            return self.array(self.constants[node.input[0]])[places]
        if node.op_type == "Mul":
            return max((self.numbers(part) for part in node.input), key=np.size)
        values = self.numbers(node.input[0])
        if node.op_type == "Sub":
            return values.astype(np.float32) - self.numbers(node.input[1]).astype(np.float32)
        if node.op_type == "DequantizeLinear":
            return self._shifted(node, values)
        if node.op_type == "Reshape":
            return values.reshape(self.array(self.constants[node.input[1]]).tolist())
        if node.op_type == "Slice":
            starts, ends, axes = (self.array(self.constants[part]) for part in node.input[1:4])
            cut = [slice(None)] * values.ndim
            for start, end, axis in zip(starts, ends, axes, strict=True):
                cut[int(axis)] = slice(int(start), int(end))
            return values[tuple(cut)]
        return values

    def _looks_up(self, node: onnx.NodeProto) -> bool:
        """Whether a table of shared values is read at places that are constant too."""
        if node.op_type != "Gather" or node.input[0] not in self.constants:
            return False
        return self.stored(node.input[1]) is not None

    def _shifted(self, node: onnx.NodeProto, values: np.ndarray) -> np.ndarray:
        tensor = self.constants.get(node.input[2]) if len(node.input) > 2 else None
        if tensor is None:
            return values
        zero = self.array(tensor)
        if not (zero != 0).any():
            return values
        # whole numbers of 8 bits and less: half of what float would take
        wide = np.int16 if values.dtype.itemsize == 1 else np.float32
        zero = zero.astype(wide)
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
        if block:
            zero = np.repeat(zero, block, axis=axis).take(range(values.shape[axis]), axis=axis)
        elif zero.size > 1:
            shape = [1] * values.ndim
            shape[axis] = -1
            zero = zero.reshape(shape)
        return values.astype(wide) - zero
