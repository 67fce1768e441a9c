"""Sparse initializers, written out as ordinary ones: only few tools can read the sparse form."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx

from core.errors import OpenError
from core.graph.labels import clean
from core.values import text

LIMIT_BYTES = 2**31
"""A sparse tensor may claim any size in a few bytes."""


def make_dense(graph: onnx.GraphProto) -> None:
    """Replace the graph's sparse initializers, and those of its bodies, by dense ones. Raises OpenError."""
    for sparse in graph.sparse_initializer:
        graph.initializer.append(_dense(sparse))
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                make_dense(attribute.g)
            for body in attribute.graphs:
                make_dense(body)


def _dense(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    dims = tuple(sparse.dims)
    values = onnx.numpy_helper.to_array(sparse.values)
    indices = onnx.numpy_helper.to_array(sparse.indices)
    size = prod(dims)
    fits = all(dim >= 0 for dim in dims) and size * max(1, values.itemsize) <= LIMIT_BYTES
    if fits and indices.ndim == 2 and indices.shape == (values.size, len(dims)):
        inside = bool(((indices >= 0) & (indices < np.array(dims))).all())
        places = np.ravel_multi_index(tuple(indices.T), dims) if inside else indices
    else:
        inside = indices.shape == (values.size,) and bool(((indices >= 0) & (indices < size)).all())
        places = indices
    if not fits or not inside:
        raise OpenError(
            text("Tensor '{tensor}' in the model is invalid.", tensor=clean(sparse.values.name) or "?"),
            text("It is stored sparsely, and its places do not fit its shape."),
            text("The file is damaged or was not written correctly: download or export it again."),
        )
    dense = np.zeros(size, values.dtype)
    dense[places] = values
    return onnx.numpy_helper.from_array(dense.reshape(dims), sparse.values.name)
