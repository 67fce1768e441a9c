"""How a weight in blocks lies in the file: its input axes split, so that scales broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, make_node
from core.methods._layout import Layout


@dataclass(frozen=True)
class Split:
    """(…, inputs, …) as (…, blocks, block, …); a short last block is filled up with zeros."""

    layout: Layout

    def weight(self, q: np.ndarray) -> np.ndarray:
        """The weight as it is stored."""
        first, width = self._first, self._width
        shape = self.layout.shape
        flat = q.reshape(*shape[:first], self._inputs, *self._behind)
        missing = self.layout.blocks * width - self._inputs
        if missing:
            pads = [(0, 0)] * flat.ndim
            pads[first] = (0, missing)
            flat = np.pad(flat, pads)
        return flat.reshape(*shape[:first], self.layout.blocks, width, *self._behind)

    def parameters(self, values: np.ndarray) -> np.ndarray:
        """Values (rows, blocks), so that they broadcast over the stored weight."""
        shape = self.layout.shape
        small = list(shape)
        for axis in self.layout.inputs:
            small[axis] = 1
        small[self._first] = self.layout.blocks
        plain = Layout(tuple(small), self.layout.axes).weight(values)
        behind = plain.shape[len(shape) - len(self._behind) :] if self._behind else ()
        return plain.reshape(*shape[: self._first], self.layout.blocks, 1, *behind)

    def joined(
        self, model: ir.Model, value: ir.Value, dtype: ir.DataType, shape: ir.Shape | None
    ) -> list[ir.Node]:
        """The nodes that make the weight of it again; the last one's output is the weight."""
        nodes = []
        padded = self.layout.blocks * self._width
        if padded != self._inputs:
            full = (*self.layout.shape[: self._first], padded, *self._behind)
            nodes.append(make_node("Reshape", [value, _whole(model, full)], "wp", dtype=dtype))
            edges = ([0], [self._inputs], [self._first])
            inputs = [nodes[0].outputs[0], *(_whole(model, edge) for edge in edges)]
            nodes.append(make_node("Slice", inputs, "wq", dtype=dtype))
            value = nodes[-1].outputs[0]
        last = make_node("Reshape", [value, _whole(model, self.layout.shape)], "wr", dtype=dtype, shape=shape)
        return [*nodes, last]

    @property
    def _first(self) -> int:
        return self.layout.inputs[0]

    @property
    def _together(self) -> bool:
        """Whether the input axes are neighbours; of a ConvTranspose (in, out, k...) they are not."""
        inputs = self.layout.inputs
        return inputs == tuple(range(inputs[0], inputs[-1] + 1))

    @property
    def _inputs(self) -> int:
        return self.layout.columns if self._together else self.layout.shape[self._first]

    @property
    def _width(self) -> int:
        if self._together:
            return self.layout.block
        # blocks there are whole kernels of some input channels
        return self.layout.block // prod(self.layout.shape[axis] for axis in self.layout.inputs[1:])

    @property
    def _behind(self) -> tuple[int, ...]:
        start = self.layout.inputs[-1] if self._together else self._first
        return self.layout.shape[start + 1 :]


def _whole(model: ir.Model, numbers: tuple[int, ...] | list[int]) -> ir.Value:
    return add_initializer(model, "n", np.asarray(numbers, np.int64))
