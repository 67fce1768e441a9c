"""Matrix forms of layers that are products in disguise: stacks of matrices, and transposed convolutions.

Those of recurrent layers are `core.methods._recurrent`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from core.graph.roles import GATES
from core.methods._edit import attribute_int, constant
from core.methods._matrices import MOST_COLUMNS, Form, OtherForm, form_of, patches
from core.methods._recurrent import recurrent_form


def correctable_form(node: ir.Node, block: int = 0) -> Form | None:
    """`form_of`, and the forms of stacked MatMul, ConvTranspose, LSTM, GRU, RNN; None for what has none."""
    plain = form_of(node, block)
    if plain is not None or node.domain not in ("", "ai.onnx") or len(node.inputs) < 2:
        return plain
    if node.op_type in GATES:
        return recurrent_form(node)
    weight = constant(node.inputs[1])
    if weight is None or not np.issubdtype(weight.dtype, np.floating):
        return None
    if node.op_type == "MatMul" and weight.ndim > 2 and weight.shape[-2] <= MOST_COLUMNS:
        return StackForm.of(weight.shape)
    if node.op_type == "ConvTranspose":
        return TransposedForm.of(node, weight.shape)
    return None


@dataclass(frozen=True)
class StackForm(OtherForm):
    """(..., in, out): each matrix of the stack is a group of its own."""

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> StackForm:
        *stack, columns, rows = shape
        return cls("MatMul", tuple(shape), prod(stack), rows, columns)

    def matrices(self, weight: np.ndarray) -> np.ndarray:
        flat = weight.astype(np.float32).reshape(self.groups, self.columns, self.rows)
        return np.ascontiguousarray(flat.swapaxes(1, 2))

    def weight(self, matrices: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(matrices.swapaxes(1, 2)).reshape(self.shape)

    def places(self, outputs: tuple[int, ...], count: int, rng: np.random.Generator) -> np.ndarray:
        total = prod(outputs[:-1]) // self.groups
        return np.sort(rng.permutation(total)[: count * max(1, total // max(1, outputs[-2]))])

    def outputs_at(self, outputs: np.ndarray, at: np.ndarray) -> np.ndarray:
        return self._by_matrix(outputs)[at].reshape(len(at), -1)

    def patches(self, inputs: np.ndarray, area: tuple[int, ...], at: np.ndarray) -> np.ndarray:
        # numpy's and ONNX's rule: missing or single stack axes serve all matrices
        stack = self.shape[:-2]
        lead = inputs.shape[:-2]
        lead = (1,) * (len(stack) - len(lead)) + lead
        spread = (*lead[: len(lead) - len(stack)], *stack)
        whole = np.broadcast_to(inputs.reshape(*lead, *inputs.shape[-2:]), (*spread, *inputs.shape[-2:]))
        return self._by_matrix(whole)[at].astype(np.float32, copy=False)

    def _by_matrix(self, values: np.ndarray) -> np.ndarray:
        """(batch..., stack..., positions, n) -> (batch · positions, groups, n)."""
        grouped = values.reshape(-1, self.groups, *values.shape[-2:])
        return grouped.swapaxes(1, 2).reshape(-1, self.groups, values.shape[-1])


@dataclass(frozen=True)
class TransposedForm(OtherForm):
    """A ConvTranspose: a convolution, with its kernel turned round, over inputs with zeros in between.

    Stored as (in, out/groups, k...); the groups share the scales of their rows.
    """

    @classmethod
    def of(cls, node: ir.Node, shape: tuple[int, ...]) -> TransposedForm | None:
        groups, dims = attribute_int(node, "group", 1), len(shape) - 2
        auto_pad = node.attributes.get("auto_pad")
        fixed = "output_shape" in node.attributes or (
            auto_pad is not None and auto_pad.as_string() not in ("", "NOTSET")
        )
        columns = shape[0] // groups * prod(shape[2:])
        if fixed or dims < 1 or shape[0] % groups or columns > MOST_COLUMNS:
            return None

        def ints(name: str, default: tuple[int, ...]) -> tuple[int, ...]:
            attribute = node.attributes.get(name)
            return tuple(attribute.as_ints()) if attribute is not None else default

        return cls(
            "ConvTranspose",
            tuple(shape),
            groups,
            shape[1],
            columns,
            strides=ints("strides", (1,) * dims),
            dilations=ints("dilations", (1,) * dims),
            pads=ints("pads", (0,) * (2 * dims)),
            shared_rows=groups > 1,
        )

    def matrices(self, weight: np.ndarray) -> np.ndarray:
        split = weight.astype(np.float32).reshape(self.groups, -1, self.rows, prod(self.shape[2:]))
        return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(self.groups, self.rows, self.columns)

    def weight(self, matrices: np.ndarray) -> np.ndarray:
        split = matrices.reshape(self.groups, self.rows, -1, prod(self.shape[2:]))
        return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(self.shape)

    def places(self, outputs: tuple[int, ...], count: int, rng: np.random.Generator) -> np.ndarray:
        area = prod(outputs[2:])
        if area <= count:
            return np.tile(np.arange(area), (outputs[0], 1))
        drawn = np.argpartition(rng.random((outputs[0], area)), count, axis=1)[:, :count]
        return np.sort(drawn, axis=1)

    def outputs_at(self, outputs: np.ndarray, at: np.ndarray) -> np.ndarray:
        flat = outputs.reshape(outputs.shape[0], outputs.shape[1], -1)
        return np.take_along_axis(flat, at[:, None, :], axis=2).swapaxes(1, 2).reshape(at.size, -1)

    def patches(self, inputs: np.ndarray, area: tuple[int, ...], at: np.ndarray) -> np.ndarray:
        kernel = self.shape[2:]
        apart = np.zeros((*inputs.shape[:2], *self._apart(inputs.shape[2:])), inputs.dtype)
        apart[(slice(None), slice(None), *(slice(None, None, step) for step in self.strides))] = inputs
        for dim, (size, dilation, length) in enumerate(zip(kernel, self.dilations, area, strict=True)):
            reach = dilation * (size - 1)
            before = reach - self.pads[dim]
            after = length + reach - before - apart.shape[2 + dim]
            apart = _padded(apart, 2 + dim, before, after)
        plain = Form(
            op="Conv",
            shape=(self.groups * self.rows, self.shape[0] // self.groups, *kernel),
            groups=self.groups,
            rows=self.rows,
            columns=self.columns,
            strides=(1,) * len(kernel),
            dilations=self.dilations,
            pads=(0,) * (2 * len(kernel)),
        )
        found = patches(plain, apart, area, at).reshape(at.size, self.groups, -1, *kernel)
        turned = np.flip(found, axis=tuple(range(3, found.ndim)))
        return np.ascontiguousarray(turned).reshape(at.size, self.groups, self.columns)

    def _apart(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple((size - 1) * step + 1 for size, step in zip(sizes, self.strides, strict=True))


def _padded(values: np.ndarray, axis: int, before: int, after: int) -> np.ndarray:
    """Zeros before and after along an axis; negative numbers cut off."""
    cut = [slice(None)] * values.ndim
    cut[axis] = slice(max(0, -before), values.shape[axis] - max(0, -after))
    pads = [(0, 0)] * values.ndim
    pads[axis] = (max(0, before), max(0, after))
    return np.pad(values[tuple(cut)], pads)
