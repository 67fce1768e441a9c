"""Gather and scatter. Negative indices count from the end."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, number, positive
from core.gradients.operators._registry import operator


def _counted(indices: torch.Tensor, size: int) -> torch.Tensor:
    indices = indices.to(torch.int64)
    return torch.where(indices < 0, indices + size, indices)


@operator("Gather")
def gather(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, indices = need(inputs, 0), need(inputs, 1)
    axis = positive(attributes.int("axis", 0), x.dim())
    flat = x.index_select(axis, _counted(indices, x.shape[axis]).reshape(-1))
    return flat.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@operator("GatherElements")
def gather_elements(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, indices = need(inputs, 0), need(inputs, 1)
    axis = positive(attributes.int("axis", 0), x.dim())
    return torch.gather(x, axis, _counted(indices, x.shape[axis]))


@operator("GatherND")
def gather_nd(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, indices, batch = need(inputs, 0), need(inputs, 1), attributes.int("batch_dims", 0)
    depth = indices.shape[-1]
    places = [_counted(indices[..., i], x.shape[batch + i]) for i in range(depth)]
    for axis in range(batch):
        shape = [1] * (indices.dim() - 1)
        shape[axis] = -1
        places.insert(axis, torch.arange(x.shape[axis]).reshape(shape))
    return x[tuple(places)]


_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _reduction(attributes: Attributes) -> str | None:
    name = attributes.string("reduction", "none")
    if name == "none":
        return None
    if name not in _REDUCTIONS:
        raise NotConvertible(f"it scatters with the reduction '{name}'")
    return _REDUCTIONS[name]


@operator("ScatterElements", "Scatter")
def scatter_elements(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, indices, updates = need(inputs, 0), need(inputs, 1), need(inputs, 2)
    axis = positive(attributes.int("axis", 0), x.dim())
    places, reduction = _counted(indices, x.shape[axis]), _reduction(attributes)
    if reduction is None:
        return x.scatter(axis, places, updates)
    return x.scatter_reduce(axis, places, updates, reduction)


@operator("ScatterND")
def scatter_nd(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, indices, updates = need(inputs, 0), need(inputs, 1), need(inputs, 2)
    depth, reduction = indices.shape[-1], _reduction(attributes)
    places = torch.zeros(indices.shape[:-1], dtype=torch.int64)
    for axis in range(depth):
        places = places * x.shape[axis] + _counted(indices[..., axis], x.shape[axis])
    inner = list(x.shape[depth:])
    rows = x.reshape(-1, *inner)
    changes = updates.reshape(-1, *inner)
    index = places.reshape(-1)
    if reduction is None:
        return rows.index_put((index,), changes).reshape(x.shape)
    wide = index.reshape(-1, *[1] * len(inner)).expand(changes.shape)
    return rows.scatter_reduce(0, wide, changes, reduction).reshape(x.shape)


@operator("OneHot")
def one_hot(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    indices, values = need(inputs, 0), need(inputs, 2)
    depth = int(number(need(inputs, 1)))
    axis = positive(attributes.int("axis", -1), indices.dim() + 1)
    shape = [1] * (indices.dim() + 1)
    shape[axis] = depth
    hot = _counted(indices, depth).unsqueeze(axis) == torch.arange(depth).reshape(shape)
    return torch.where(hot, values[1], values[0])


@operator("NonZero")
def non_zero(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.nonzero(need(inputs, 0)).t()


@operator("Compress")
def compress(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, condition = need(inputs, 0), need(inputs, 1)
    if "axis" not in attributes:
        x, axis = x.reshape(-1), 0
    else:
        axis = attributes.int("axis", 0)
    return x.index_select(axis, torch.nonzero(condition).reshape(-1))


@operator("ReverseSequence")
def reverse_sequence(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, lengths = need(inputs, 0), need(inputs, 1)
    time, batch = attributes.int("time_axis", 0), attributes.int("batch_axis", 1)
    moved = x.movedim((time, batch), (0, 1))
    return reversed_steps(moved, lengths).movedim((0, 1), (time, batch))


def reversed_steps(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """(time, batch, ...) with each sample's first `lengths` steps in reverse order."""
    if lengths is None:
        return x.flip(0)
    steps = torch.arange(x.shape[0])[:, None]
    places = torch.where(steps < lengths[None], lengths[None] - 1 - steps, steps).to(torch.int64)
    wide = places.reshape(*places.shape, *[1] * (x.dim() - 2)).expand(x.shape)
    return torch.gather(x, 0, wide)


@operator("Unique")
def unique(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    if "axis" in attributes or not attributes.int("sorted", 1) or any(attributes.output_used[1:]):
        raise NotConvertible("only the sorted values of a whole tensor are possible")
    return torch.unique(need(inputs, 0), sorted=True)


@operator("GridSample")
def grid_sample(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    modes = {"linear": "bilinear", "cubic": "bicubic"}
    mode = attributes.string("mode", "linear")
    return F.grid_sample(
        need(inputs, 0),
        need(inputs, 1),
        mode=modes.get(mode, mode),
        padding_mode=attributes.string("padding_mode", "zeros"),
        align_corners=bool(attributes.int("align_corners", 0)),
    )
