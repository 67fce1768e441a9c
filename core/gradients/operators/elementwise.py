"""Operators that work number by number: activation functions, arithmetic, comparisons, types."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from core.gradients.attributes import Attributes, Function, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, number, optional, torch_type
from core.gradients.operators._registry import operator

_UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Abs": lambda x: torch.abs(x),
    "Acos": lambda x: torch.acos(x),
    "Acosh": lambda x: torch.acosh(x),
    "Asin": lambda x: torch.asin(x),
    "Asinh": lambda x: torch.asinh(x),
    "Atan": lambda x: torch.atan(x),
    "Atanh": lambda x: torch.atanh(x),
    "BitwiseNot": lambda x: torch.bitwise_not(x),
    "Ceil": lambda x: torch.ceil(x),
    "Cos": lambda x: torch.cos(x),
    "Cosh": lambda x: torch.cosh(x),
    "Erf": lambda x: torch.erf(x),
    "Exp": lambda x: torch.exp(x),
    "Floor": lambda x: torch.floor(x),
    "HardSwish": lambda x: F.hardswish(x),
    "IsNaN": lambda x: torch.isnan(x),
    "Log": lambda x: torch.log(x),
    "Mish": lambda x: F.mish(x),
    "Neg": lambda x: torch.neg(x),
    "Not": lambda x: torch.logical_not(x),
    "Reciprocal": lambda x: torch.reciprocal(x),
    "Relu": lambda x: torch.relu(x),
    "Round": lambda x: torch.round(x),
    "Sigmoid": lambda x: torch.sigmoid(x),
    "Sign": lambda x: torch.sign(x),
    "Sin": lambda x: torch.sin(x),
    "Sinh": lambda x: torch.sinh(x),
    "Softplus": lambda x: F.softplus(x),
    "Softsign": lambda x: F.softsign(x),
    "Sqrt": lambda x: torch.sqrt(x),
    "Tan": lambda x: torch.tan(x),
    "Tanh": lambda x: torch.tanh(x),
}
_BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "Add": lambda a, b: a + b,
    "And": lambda a, b: torch.logical_and(a, b),
    "BitwiseAnd": lambda a, b: torch.bitwise_and(a, b),
    "BitwiseOr": lambda a, b: torch.bitwise_or(a, b),
    "BitwiseXor": lambda a, b: torch.bitwise_xor(a, b),
    "Equal": lambda a, b: a == b,
    "Greater": lambda a, b: a > b,
    "GreaterOrEqual": lambda a, b: a >= b,
    "Less": lambda a, b: a < b,
    "LessOrEqual": lambda a, b: a <= b,
    "Mul": lambda a, b: a * b,
    "Or": lambda a, b: torch.logical_or(a, b),
    "Sub": lambda a, b: a - b,
    "Xor": lambda a, b: torch.logical_xor(a, b),
}


def _unary(compute: Callable[[torch.Tensor], torch.Tensor]) -> Function:
    def function(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
        return compute(need(inputs, 0))

    return function


def _binary(compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Function:
    def function(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
        return compute(need(inputs, 0), need(inputs, 1))

    return function


for _name, _one in _UNARY.items():
    operator(_name)(_unary(_one))
for _name, _two in _BINARY.items():
    operator(_name)(_binary(_two))


@operator("Div")
def div(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    a, b = need(inputs, 0), need(inputs, 1)
    if a.is_floating_point() or b.is_floating_point():
        return a / b
    return torch.div(a, b, rounding_mode="trunc")


@operator("Mod")
def mod(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    a, b = need(inputs, 0), need(inputs, 1)
    return torch.fmod(a, b) if attributes.int("fmod", 0) else torch.remainder(a, b)


@operator("Pow")
def power(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    base, exponent = need(inputs, 0), need(inputs, 1)
    if exponent.numel() == 1 and not exponent.requires_grad and exponent.dim() <= base.dim():
        # a plain number has the exact derivative at zero, where a tensor's would be NaN
        return torch.pow(base, number(exponent)).to(base.dtype)
    return torch.pow(base, exponent).to(base.dtype)


@operator("Min")
def minimum(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return reduce(torch.minimum, [need(inputs, index) for index in range(len(inputs))])


@operator("Max")
def maximum(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return reduce(torch.maximum, [need(inputs, index) for index in range(len(inputs))])


@operator("Sum")
def total(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return reduce(torch.add, [need(inputs, index) for index in range(len(inputs))])


@operator("Mean")
def mean(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return total(inputs, attributes, opset) / len(inputs)


@operator("Where")
def where(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.where(need(inputs, 0), need(inputs, 1), need(inputs, 2))


@operator("IsInf")
def is_inf(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    result = torch.zeros_like(x, dtype=torch.bool)
    if attributes.int("detect_positive", 1):
        result = result | (x == float("inf"))
    if attributes.int("detect_negative", 1):
        result = result | (x == float("-inf"))
    return result


@operator("LeakyRelu")
def leaky_relu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return F.leaky_relu(need(inputs, 0), attributes.float("alpha", 0.01))


@operator("PRelu")
def prelu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, slope = need(inputs, 0), need(inputs, 1)
    return torch.where(x < 0, x * slope, x)


@operator("ThresholdedRelu")
def thresholded_relu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    return torch.where(x > attributes.float("alpha", 1.0), x, torch.zeros_like(x))


@operator("Shrink")
def shrink(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, bias, lambd = need(inputs, 0), attributes.float("bias", 0.0), attributes.float("lambd", 0.5)
    zero = torch.zeros_like(x)
    return torch.where(x < -lambd, x + bias, torch.where(x > lambd, x - bias, zero))


@operator("Elu")
def elu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return F.elu(need(inputs, 0), attributes.float("alpha", 1.0))


@operator("Celu")
def celu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return F.celu(need(inputs, 0), attributes.float("alpha", 1.0))


@operator("Selu")
def selu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    alpha, gamma = attributes.float("alpha", 1.6732632), attributes.float("gamma", 1.0507010)
    return gamma * F.elu(x, alpha)


@operator("Gelu")
def gelu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return F.gelu(need(inputs, 0), approximate=attributes.string("approximate", "none"))


@operator("HardSigmoid")
def hard_sigmoid(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    return torch.clamp(attributes.float("alpha", 0.2) * x + attributes.float("beta", 0.5), 0.0, 1.0)


@operator("Clip")
def clip(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    low, high = optional(inputs, 1), optional(inputs, 2)
    if "min" in attributes:
        x = torch.clamp(x, min=attributes.float("min", 0.0))
    if "max" in attributes:
        x = torch.clamp(x, max=attributes.float("max", 0.0))
    # the upper bound wins where the two contradict each other
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


@operator("Cast")
def cast(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, dtype = need(inputs, 0), torch_type(attributes.int("to", 1))
    return x != 0 if dtype == torch.bool else x.to(dtype)


@operator("CastLike")
def cast_like(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return need(inputs, 0).to(need(inputs, 1).dtype)


@operator("Identity")
def identity(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return need(inputs, 0)


@operator("Dropout")
def dropout(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    x, training = need(inputs, 0), optional(inputs, 2)
    if training is not None and bool(training):
        raise NotConvertible("it drops values at random")
    return x, torch.ones_like(x, dtype=torch.bool)


@operator("CumSum")
def cumulative_sum(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, axis = need(inputs, 0), int(number(need(inputs, 1)))
    backwards = bool(attributes.int("reverse", 0))
    flipped = x.flip(axis) if backwards else x
    sums = torch.cumsum(flipped, axis, dtype=x.dtype)
    sums = sums - flipped if attributes.int("exclusive", 0) else sums
    return sums.flip(axis) if backwards else sums
