"""The arithmetic on sizes that exporters leave in graphs, on small arrays, as onnxruntime does it.

onnx's own propagation of sizes knows a handful of these operators, and stops at Div, Where or Expand;
everything behind them then has no shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

MOST_ELEMENTS = 64
"""Larger arrays are data, not sizes."""

Arrays = Sequence[np.ndarray | None]
Attributes = Mapping[str, Any]


class NoSizeError(Exception):
    """The node does not work on sizes, or not on ones that are known."""


def evaluate(node: onnx.NodeProto, inputs: Arrays) -> np.ndarray:
    """Return the first output of a node of the standard domain, given its inputs (None: left out).

    Raises NoSizeError for other operators, several outputs, large results, and inputs that do not fit.
    """
    rule = _RULES.get(node.op_type)
    if rule is None or len(node.output) != 1 or node.domain not in ("", "ai.onnx"):
        raise NoSizeError(node.op_type)
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(rule(inputs, attributes))
    except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError) as error:
        raise NoSizeError(node.op_type) from error
    if result.size > MOST_ELEMENTS:
        raise NoSizeError(node.op_type)
    return result


def of_shape(shape: Sequence[int], start: int, end: int | None) -> np.ndarray:
    """What Shape gives."""
    return np.array(tuple(shape)[slice(start, end)], np.int64)


def _need(value: np.ndarray | None) -> np.ndarray:
    if value is None:
        raise ValueError("missing")
    return value


def _axes(inputs: Arrays, attributes: Attributes, index: int = 1) -> list[int] | None:
    if len(inputs) > index and inputs[index] is not None:
        return [int(axis) for axis in _need(inputs[index]).reshape(-1)]
    given = attributes.get("axes")
    return None if given is None else [int(axis) for axis in given]


def _slice(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    data = _need(inputs[0])
    if len(inputs) == 1:
        starts, ends = list(attributes["starts"]), list(attributes["ends"])
        axes, steps = attributes.get("axes"), None
    else:
        starts, ends = _need(inputs[1]).reshape(-1).tolist(), _need(inputs[2]).reshape(-1).tolist()
        axes = _axes(inputs, {}, 3)
        steps = _axes(inputs, {}, 4)
    index: list[slice] = [slice(None)] * data.ndim
    for place, axis in enumerate(axes if axes is not None else range(len(starts))):
        step = steps[place] if steps else 1
        end: int | None = ends[place]
        if step < 0 and ends[place] < -data.shape[axis]:
            end = None
        index[axis] = slice(starts[place], end, step)
    return data[tuple(index)]


def _squeeze(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    axes = _axes(inputs, attributes)
    return np.squeeze(_need(inputs[0]), None if axes is None else tuple(axes))


def _unsqueeze(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.expand_dims(_need(inputs[0]), tuple(_axes(inputs, attributes) or ()))


def _reshape(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    data, wanted = _need(inputs[0]), _need(inputs[1]).reshape(-1).tolist()
    if not attributes.get("allowzero", 0):
        wanted = [data.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    return data.reshape(wanted)


def _cast(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _need(inputs[0]).astype(onnx.helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _divide(inputs: Arrays, _: Attributes) -> np.ndarray:
    a, b = _need(inputs[0]), _need(inputs[1])
    if np.issubdtype(a.dtype, np.floating):
        return a / b
    # integers are cut off towards zero
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), a.dtype)


def _modulo(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    function = np.fmod if attributes.get("fmod", 0) else np.mod
    return np.asarray(function(_need(inputs[0]), _need(inputs[1])))


def _filled(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    shape = _need(inputs[0]).reshape(-1).tolist()
    if np.prod(shape, dtype=object) > MOST_ELEMENTS:
        raise ValueError("large")
    value = attributes.get("value")
    content = np.zeros(1, np.float32) if value is None else onnx.numpy_helper.to_array(value)
    return np.full(shape, content.reshape(-1)[0], content.dtype)


def _expand(inputs: Arrays, _: Attributes) -> np.ndarray:
    data, wanted = _need(inputs[0]), _need(inputs[1]).reshape(-1).tolist()
    shape = np.broadcast_shapes(data.shape, tuple(wanted))
    if np.prod(shape, dtype=object) > MOST_ELEMENTS:
        raise ValueError("large")
    return np.broadcast_to(data, shape)


def _range(inputs: Arrays, _: Attributes) -> np.ndarray:
    start, limit, delta = (_need(value).reshape(()) for value in inputs)
    if abs((float(limit) - float(start)) / float(delta)) > MOST_ELEMENTS:
        raise ValueError("large")
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


def _reduced(function: Callable[..., Any]) -> Callable[[Arrays, Attributes], np.ndarray]:
    def rule(inputs: Arrays, attributes: Attributes) -> np.ndarray:
        data, axes = _need(inputs[0]), _axes(inputs, attributes)
        if not axes and attributes.get("noop_with_empty_axes", 0):
            return data
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(function(data, axis=tuple(axes) if axes else None, keepdims=keep), dtype=data.dtype)

    return rule


def _plain(function: Callable[..., Any]) -> Callable[[Arrays, Attributes], np.ndarray]:
    return lambda inputs, _: np.asarray(function(*[_need(value) for value in inputs]))


def _several(function: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[Arrays, Attributes], np.ndarray]:
    def rule(inputs: Arrays, _: Attributes) -> np.ndarray:
        result = _need(inputs[0])
        for value in inputs[1:]:
            result = np.asarray(function(result, _need(value)))
        return result

    return rule


_RULES: dict[str, Callable[[Arrays, Attributes], Any]] = {
    "Identity": lambda inputs, _: _need(inputs[0]),
    "Gather": lambda inputs, a: np.take(_need(inputs[0]), _need(inputs[1]), axis=a.get("axis", 0)),
    "Slice": _slice,
    "Concat": lambda inputs, a: np.concatenate([_need(value) for value in inputs], axis=a["axis"]),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Transpose": lambda inputs, a: np.transpose(_need(inputs[0]), a.get("perm")),
    "Cast": _cast,
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _divide,
    "Mod": _modulo,
    "Pow": lambda inputs, _: np.power(_need(inputs[0]), _need(inputs[1])).astype(_need(inputs[0]).dtype),
    "Neg": _plain(np.negative),
    "Abs": _plain(np.abs),
    "Sqrt": _plain(np.sqrt),
    "Floor": _plain(np.floor),
    "Ceil": _plain(np.ceil),
    "Reciprocal": _plain(np.reciprocal),
    "Min": _several(np.minimum),
    "Max": _several(np.maximum),
    "Equal": _plain(np.equal),
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "Not": _plain(np.logical_not),
    "And": _plain(np.logical_and),
    "Or": _plain(np.logical_or),
    "Where": _plain(np.where),
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Range": _range,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
}
OPERATORS = frozenset({*_RULES, "Shape", "Size"})
"""Those that tell sizes, or work on them."""
