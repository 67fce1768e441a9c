"""Matrix products."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs
from core.gradients.lazy import torch
from core.gradients.operators._common import need, optional
from core.gradients.operators._registry import operator


@operator("Gemm")
def gemm(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    a, b, c = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    a = a.transpose(0, 1) if attributes.int("transA", 0) else a
    b = b.transpose(0, 1) if attributes.int("transB", 0) else b
    alpha, beta = attributes.float("alpha", 1.0), attributes.float("beta", 1.0)
    if c is not None and c.dim() == 1 and alpha == 1.0 and beta == 1.0:
        return torch.addmm(c, a, b)
    product = torch.matmul(a, b)
    product = product if alpha == 1.0 else product * alpha
    if c is None:
        return product
    return product + (c if beta == 1.0 else c * beta)


@operator("MatMul")
def matmul(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.matmul(need(inputs, 0), need(inputs, 1))


@operator("Einsum")
def einsum(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    operands = [need(inputs, index) for index in range(len(inputs))]
    return torch.einsum(attributes.string("equation", "").replace(" ", ""), *operands)


@operator("Det")
def det(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.linalg.det(need(inputs, 0))
