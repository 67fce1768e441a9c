"""Facts of a tensor, quickly: onnx_ir makes objects at each look, and a model has thousands of tensors."""

from __future__ import annotations

from math import ceil, prod

import numpy as np
import onnx_ir as ir


def dims(tensor: ir.TensorProtocol) -> tuple[int, ...]:
    """Return the shape as plain numbers."""
    if type(tensor) is ir.Tensor and isinstance(tensor.raw, np.ndarray):
        return tensor.raw.shape
    return tuple(tensor.shape.numpy())


def elements(tensor: ir.TensorProtocol) -> int:
    """Return how many numbers it holds."""
    return prod(dims(tensor))


def size_bytes(tensor: ir.TensorProtocol) -> int:
    """Return the bytes that it takes in a file, numbers of less than 8 bits packed."""
    return ceil(tensor.dtype.itemsize * elements(tensor))


def is_float(dtype: ir.DataType) -> bool:
    """Whether numbers of this kind are floating point; nearly all that are asked about are float32."""
    return dtype is ir.DataType.FLOAT or dtype.is_floating_point()
