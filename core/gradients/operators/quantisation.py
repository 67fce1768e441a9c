"""QuantizeLinear and DequantizeLinear with straight-through gradients (Bengio et al. 2013).

Quantised values stay float tensors that hold whole numbers, so that a gradient passes through the pair;
outside the range the gradient is zero.
"""

from __future__ import annotations

import onnx_ir as ir

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import torch
from core.gradients.operators._common import need, optional, positive
from core.gradients.operators._registry import operator
from core.gradients.operators.convolution import conv

_RANGES = {
    "INT4": (-8, 7),
    "UINT4": (0, 15),
    "INT8": (-128, 127),
    "UINT8": (0, 255),
    "INT16": (-32768, 32767),
    "UINT16": (0, 65535),
}


def _laid_out(value: torch.Tensor, x: torch.Tensor, attributes: Attributes) -> torch.Tensor:
    """A scale or zero point that broadcasts over x: one for all, one per axis entry, or one per block."""
    block = attributes.int("block_size", 0)
    if value.dim() == 0 or (value.numel() == 1 and not block):
        return value.reshape(())
    axis = positive(attributes.int("axis", 1), x.dim())
    if block:
        return value.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
    shape = [1] * x.dim()
    shape[axis] = -1
    return value.reshape(shape)


def round_through(x: torch.Tensor) -> torch.Tensor:
    """Rounded half to even; the gradient passes as if it were not."""
    return x + (torch.round(x) - x).detach()


@operator("QuantizeLinear")
def quantize_linear(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, scale, zero_point = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    declared = attributes.dtypes[0] if attributes.dtypes else None
    if attributes.int("output_dtype", 0):
        declared = ir.DataType(attributes.int("output_dtype", 0))
    name = declared.name if declared is not None else "UINT8"
    if zero_point is not None and declared is None:
        name = str(zero_point.dtype).removeprefix("torch.").upper()
    if name not in _RANGES:
        raise NotConvertible(f"it quantises to {name.lower()}")
    low, high = _RANGES[name]
    rounded = round_through(x / _laid_out(scale, x, attributes))
    if zero_point is not None:
        rounded = rounded + _laid_out(zero_point, x, attributes).to(rounded.dtype)
    return torch.clamp(rounded, low, high)


@operator("DequantizeLinear")
def dequantize_linear(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, scale, zero_point = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    values = x.to(scale.dtype)
    if zero_point is not None:
        values = values - _laid_out(zero_point, x, attributes).to(scale.dtype)
    return values * _laid_out(scale, x, attributes)


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    x = need(inputs, 0)
    low, high = x.detach().amin().clamp(max=0), x.detach().amax().clamp(min=0)
    scale = (high - low) / 255
    zero_point = torch.clamp(torch.round(-low / scale), 0, 255)
    return torch.clamp(round_through(x / scale) + zero_point, 0, 255), scale, zero_point.to(torch.uint8)


@operator("MatMulInteger")
def matmul_integer(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    a, b = need(inputs, 0).to(torch.float32), need(inputs, 1).to(torch.float32)
    zero_a, zero_b = optional(inputs, 2), optional(inputs, 3)
    if zero_a is not None:
        a = a - (zero_a if zero_a.dim() == 0 else zero_a[..., None]).to(torch.float32)
    return torch.matmul(a, b if zero_b is None else b - zero_b.to(torch.float32))


@operator("ConvInteger")
def conv_integer(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, weight = need(inputs, 0).to(torch.float32), need(inputs, 1).to(torch.float32)
    zero_x, zero_w = optional(inputs, 2), optional(inputs, 3)
    if zero_x is not None:
        x = x - zero_x.to(torch.float32)
    if zero_w is not None:
        weight = weight - zero_w.to(torch.float32).reshape(-1, *[1] * (weight.dim() - 1))
    return conv([x, weight], attributes, opset)  # type: ignore[no-any-return]
