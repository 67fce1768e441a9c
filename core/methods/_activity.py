"""Where a layer's outputs become zero: the activation behind it, and its channels there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.methods._edit import constant
from core.values import Layer, Text, text

_MAKES_ZEROS = ("Relu", "Clip", "HardSwish", "HardSigmoid", "ThresholdedRelu", "Shrink")
_PASSED = ("BatchNormalization", "Add", "Sub", "Mul", "Div", "Identity", "Cast")
_FAR = 6
"""Operators between a layer and its activation."""


@dataclass(frozen=True)
class Activation:
    """A value that holds a layer's channels behind its activation."""

    value: ir.Value
    channels: int
    axis: int
    """Of the channels: 1 behind a convolution, −1 behind a matrix product."""

    def per_channel(self, flags: np.ndarray) -> np.ndarray | None:
        """(channels, positions) of a value's flags; None where the axis does not hold the channels."""
        if flags.ndim < 2 or flags.shape[self.axis] != self.channels:
            return None
        return np.moveaxis(flags, self.axis, 0).reshape(self.channels, -1)


def activation_behind(model: ir.Model, layer: Layer) -> Activation | Text:
    """The value to count zeros in, or why there is none. Additions on the way are passed."""
    node = next((node for node in model.graph if node.name == layer.id), None)
    if node is None:
        return text("It lies inside a branch or loop, whose inner values are not looked at.")
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return text("The outputs of this kind of layer are no channels that an activation could set to zero.")
    axis = 1 if node.op_type in ("Conv", "ConvTranspose") else -1
    value = node.outputs[0]
    for _ in range(_FAR):
        readers = [use.node for use in value.uses()]
        found = next((reader for reader in readers if reader.op_type in _MAKES_ZEROS), None)
        if found is not None and _clips_at_zero(found):
            return Activation(found.outputs[0], layer.out_channels, axis)
        if len(readers) != 1 or readers[0].op_type not in _PASSED:
            break
        value = readers[0].outputs[0]
    return text("Nothing behind this layer sets values to zero, as a ReLU would; so no channel is ever off.")


def _clips_at_zero(node: ir.Node) -> bool:
    """A Clip counts where it cuts at zero."""
    if node.op_type != "Clip":
        return True
    attribute = node.attributes.get("min")
    if attribute is not None:
        return attribute.as_float() == 0.0
    low = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    return low is not None and low.size == 1 and float(low.reshape(())) == 0.0
