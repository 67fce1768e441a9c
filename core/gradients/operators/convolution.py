"""Conv and ConvTranspose in one to three dimensions."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, optional, pad_end_axes, window_pads
from core.gradients.operators._registry import operator


@operator("Conv")
def conv(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, weight, bias = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    rank, kernel = weight.dim() - 2, list(weight.shape[2:])
    strides = attributes.ints("strides") or [1] * rank
    dilations = attributes.ints("dilations") or [1] * rank
    pads = window_pads(attributes, list(x.shape[2:]), kernel, strides, dilations)
    if all(begin == end for begin, end in pads):
        padding = [begin for begin, _ in pads]
    else:
        x, padding = pad_end_axes(x, pads), [0] * rank
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}.get(rank)
    if function is None:
        raise NotConvertible(f"it convolves over {rank} dimensions")
    if max(strides) > 1 and all(size == 1 for size in kernel) and not any(padding):
        # the positions that count, first: oneDNN's backward pass writes past its memory with steps and few
        # channels (its issue 6035, 3.12 and before)
        for axis, step in enumerate(strides, start=2):
            x = x[(slice(None),) * axis + (slice(None, None, step),)]
        strides = [1] * rank
    return function(x, weight, bias, strides, padding, dilations, attributes.int("group", 1))


@operator("ConvTranspose")
def conv_transpose(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, weight, bias = need(inputs, 0), need(inputs, 1), optional(inputs, 2)
    rank, kernel = weight.dim() - 2, list(weight.shape[2:])
    strides = attributes.ints("strides") or [1] * rank
    dilations = attributes.ints("dilations") or [1] * rank
    extra = attributes.ints("output_padding") or [0] * rank
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}.get(rank)
    if function is None:
        raise NotConvertible(f"it convolves over {rank} dimensions")
    # torch limits output_padding, and pads alike on both sides: so the whole result, cut to size
    whole = function(x, weight, None, strides, 0, 0, attributes.int("group", 1), dilations)
    cuts = []
    wanted = attributes.ints("output_shape")
    auto = attributes.string("auto_pad", "NOTSET")
    pads = attributes.ints("pads") or [0] * (2 * rank)
    if auto == "VALID":
        pads = [0] * (2 * rank)
    for axis in range(rank):
        full = (x.shape[2 + axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        begin, end = pads[axis], pads[axis + rank]
        size = None
        if wanted is not None:
            size = wanted[axis - rank]
        elif auto in ("SAME_UPPER", "SAME_LOWER"):
            size = x.shape[2 + axis] * strides[axis]
        if size is not None:
            total = max(0, full + extra[axis] - size)
            begin = total // 2 if auto == "SAME_UPPER" else total - total // 2
            end = total - begin
        cuts.append((-begin, extra[axis] - end))
    whole = pad_end_axes(whole, cuts)
    return whole if bias is None else whole + bias.reshape(1, -1, *[1] * rank)
