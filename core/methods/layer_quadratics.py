"""The second-order error of layers of the unchanged network, gathered in passes that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import DataSet
from core.methods._matrices import Form, patches, places
from core.methods._taps import Tap, node_named
from core.methods.hessian import Moments, Quadratic

MOMENT_BYTES = 512 << 20
"""Hessians held at once; more layers take another pass over the samples."""
_BATCH = 32


def layer_quadratics(
    base: ir.Model,
    data: DataSet,
    forms: Mapping[str, Form],
    positions: int,
    context: Context,
    samples: int | None = None,
) -> Iterator[tuple[str, Quadratic]]:
    """The error of each of these layers (node name -> form) as a function of its weights, in their order.

    From `samples` calibration samples (None: all) at up to `positions` places of each. Raises Cancelled.
    """
    count = data.info.calibration_count if samples is None else min(samples, data.info.calibration_count)
    for group in _groups(list(forms), forms):
        model = base.clone()
        nodes = [node_named(model, name) for name in group]
        tap = Tap(model, [value for node in nodes for value in (node.inputs[0], node.outputs[0])])  # type: ignore[misc]
        moments = [Moments(forms[name]) for name in group]
        rng = np.random.default_rng(0)
        for batch in data.batches("calibration", _BATCH, count):
            context.check()
            values = tap.run(batch.feeds)
            for index, (name, gathered) in enumerate(zip(group, moments, strict=True)):
                inputs, outputs = values[2 * index], values[2 * index + 1]
                at = places(forms[name], outputs.shape, positions, rng)
                gathered.add(patches(forms[name], inputs, outputs.shape[2:], at))
        for name, gathered in zip(group, moments, strict=True):
            yield name, gathered.quadratic()


def _groups(names: Sequence[str], forms: Mapping[str, Form]) -> Iterator[list[str]]:
    """Consecutive layers whose Hessians fit into memory together."""
    group: list[str] = []
    used = 0
    for name in names:
        size = 8 * forms[name].groups * forms[name].columns ** 2
        if group and used + size > MOMENT_BYTES:
            yield group
            group, used = [], 0
        group.append(name)
        used += size
    if group:
        yield group
