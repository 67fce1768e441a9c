"""One torch function for each ONNX operator, by family. Adding one is adding a decorated function.

A function gets (inputs, attributes, opset): tensors (None where an optional input is left out), the node's
`Attributes`, and the opset of the model, whose semantics it follows from 11 on. It returns a tensor, or a
tuple for several outputs, and raises `NotConvertible` for what it cannot do. Integers that stand for sizes
and axes come as tensors and are read with `.tolist()`.
"""

from __future__ import annotations

from core.gradients.operators._registry import OPERATORS, operator
from core.registry import discover

__all__ = ["OPERATORS", "operator"]

discover(__name__, __path__)
