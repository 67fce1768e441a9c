"""Normalisations, as they are at inference."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, optional, positive
from core.gradients.operators._registry import operator


def _per_channel(value: torch.Tensor, rank: int) -> torch.Tensor:
    return value.reshape(1, -1, *[1] * (rank - 2))


@operator("BatchNormalization")
def batch_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    if attributes.int("training_mode", 0) or any(attributes.output_used[1:]):
        raise NotConvertible("it is in training mode")
    x, scale, bias, mean, variance = (need(inputs, index) for index in range(5))
    factor = scale * torch.rsqrt(variance + attributes.float("epsilon", 1e-5))
    return (x - _per_channel(mean, x.dim())) * _per_channel(factor, x.dim()) + _per_channel(bias, x.dim())


@operator("InstanceNormalization")
def instance_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, scale, bias = need(inputs, 0), need(inputs, 1), need(inputs, 2)
    axes = list(range(2, x.dim()))
    centred = x - x.mean(axes, keepdim=True)
    deviation = torch.sqrt(centred.square().mean(axes, keepdim=True) + attributes.float("epsilon", 1e-5))
    return centred / deviation * _per_channel(scale, x.dim()) + _per_channel(bias, x.dim())


@operator("GroupNormalization")
def group_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, scale, bias = need(inputs, 0), need(inputs, 1), need(inputs, 2)
    groups = attributes.int("num_groups", 1)
    if opset < 21:
        # one scale a group until opset 21, one a channel since
        scale, bias = (value.repeat_interleave(x.shape[1] // groups) for value in (scale, bias))
    return F.group_norm(x, groups, scale, bias, attributes.float("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    x, scale, bias = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    axes = list(range(positive(attributes.int("axis", -1), x.dim()), x.dim()))
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    inverse = torch.rsqrt(centred.square().mean(axes, keepdim=True) + attributes.float("epsilon", 1e-5))
    result = centred * inverse * scale
    return result if bias is None else result + bias, mean, inverse


@operator("RMSNormalization")
def rms_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, scale = need(inputs, 0), need(inputs, 1)
    axes = list(range(positive(attributes.int("axis", -1), x.dim()), x.dim()))
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + attributes.float("epsilon", 1e-5)) * scale


@operator("MeanVarianceNormalization")
def mean_variance_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, axes = need(inputs, 0), attributes.ints("axes") or [0, 2, 3]
    centred = x - x.mean(axes, keepdim=True)
    return centred / (torch.sqrt(centred.square().mean(axes, keepdim=True)) + 1e-9)


@operator("LpNormalization")
def lp_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, axis, p = need(inputs, 0), attributes.int("axis", -1), attributes.int("p", 2)
    norm = torch.linalg.vector_norm(x, p, axis, keepdim=True)
    return torch.where(norm == 0, torch.zeros_like(x), x / norm)


@operator("LRN")
def local_response_normalization(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, size = need(inputs, 0), attributes.int("size", 1)
    before = (size - 1) // 2
    squares = x.square().reshape(x.shape[0], 1, x.shape[1], -1)
    squares = F.pad(squares, [0, 0, before, size - 1 - before])
    sums = F.avg_pool2d(squares, (size, 1), stride=1).reshape(x.shape)
    alpha, beta = attributes.float("alpha", 1e-4), attributes.float("beta", 0.75)
    return x / (attributes.float("bias", 1.0) + alpha * sums) ** beta
