"""Pooling over windows and over everything."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, pad_end_axes, window_pads
from core.gradients.operators._registry import operator


def _windows(
    x: torch.Tensor, attributes: Attributes
) -> tuple[list[int], list[int], list[int], list[tuple[int, int]], list[int]]:
    """Kernel, strides, dilations, pads and how far past the end ceil_mode lets the last window reach."""
    kernel = attributes.ints("kernel_shape") or []
    rank = len(kernel)
    if rank not in (1, 2, 3) or x.dim() != rank + 2:
        raise NotConvertible(f"it pools over {rank} dimensions")
    strides = attributes.ints("strides") or [1] * rank
    dilations = attributes.ints("dilations") or [1] * rank
    sizes = list(x.shape[2:])
    pads = window_pads(attributes, sizes, kernel, strides, dilations)
    over = [0] * rank
    if attributes.int("ceil_mode", 0) and attributes.string("auto_pad", "NOTSET") == "NOTSET":
        for axis in range(rank):
            begin, end = pads[axis]
            reach = (kernel[axis] - 1) * dilations[axis] + 1
            room = sizes[axis] + begin + end - reach
            places = -(-room // strides[axis]) + 1
            # a window that starts behind the last value and the front padding is left out
            if (places - 1) * strides[axis] >= sizes[axis] + begin:
                places -= 1
            over[axis] = max(0, (places - 1) * strides[axis] - room)
    return kernel, strides, dilations, pads, over


@operator("MaxPool")
def max_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    if attributes.outputs > 1 and any(attributes.output_used[1:]):
        raise NotConvertible("its second output, the indices, is used")
    x = need(inputs, 0)
    kernel, strides, dilations, pads, over = _windows(x, attributes)
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(kernel)]
    dtype = x.dtype
    x = x if x.is_floating_point() else x.to(torch.float32)
    whole = [(begin, end + more) for (begin, end), more in zip(pads, over, strict=True)]
    even = all(begin == end and 2 * begin <= width for (begin, end), width in zip(whole, kernel, strict=True))
    if even:
        padding = [begin for begin, _ in whole]
    else:
        x, padding = pad_end_axes(x, whole, float("-inf")), [0] * len(kernel)
    result: torch.Tensor = function(x, kernel, strides, padding, dilations)
    return result.to(dtype)


def _window_sums(
    x: torch.Tensor, kernel: list[int], strides: list[int], dilations: list[int]
) -> torch.Tensor:
    """The sum over each window, channel by channel."""
    ones = torch.ones(1, 1, *kernel, dtype=x.dtype)
    flat = x.reshape(-1, 1, *x.shape[2:])
    convolution = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(kernel)]
    sums = convolution(flat, ones, None, strides, 0, dilations)
    return sums.reshape(*x.shape[:2], *sums.shape[2:])


@operator("AveragePool")
def average_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    kernel, strides, dilations, pads, over = _windows(x, attributes)
    plain = not any(over) and dilations == [1] * len(kernel)
    if plain and not any(begin or end for begin, end in pads):
        function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
        result: torch.Tensor = function(x, kernel, strides)
        return result
    counted = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype)
    included = 1.0 if attributes.int("count_include_pad", 0) else 0.0
    counted = pad_end_axes(counted, pads, included)
    beyond = [(0, more) for more in over]
    counted = pad_end_axes(counted, beyond)
    padded = pad_end_axes(pad_end_axes(x, pads), beyond)
    return _window_sums(padded, kernel, strides, dilations) / _window_sums(
        counted, kernel, strides, dilations
    )


@operator("LpPool")
def lp_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, power = need(inputs, 0), attributes.int("p", 2)
    kernel, strides, dilations, pads, over = _windows(x, attributes)
    padded = pad_end_axes(pad_end_axes(x.abs() ** power, pads), [(0, more) for more in over])
    return _window_sums(padded, kernel, strides, dilations) ** (1.0 / power)


def _everything(x: torch.Tensor) -> list[int]:
    return list(range(2, x.dim()))


@operator("GlobalAveragePool")
def global_average_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    return x.mean(_everything(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    return x.amax(_everything(x), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, power = need(inputs, 0), attributes.int("p", 2)
    return (x.abs() ** power).sum(_everything(x), keepdim=True) ** (1.0 / power)
