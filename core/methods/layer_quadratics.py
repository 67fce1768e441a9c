"""The second-order error of layers of the unchanged network, gathered in passes that fit into memory."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import DataSet
from core.evaluate.batching import batch_of
from core.evaluate.give_back import give_back
from core.methods._matrices import Form
from core.methods._met import columns_met, values_to_see
from core.methods._pieces import VALUE_BYTES, fitting
from core.methods._taps import Tap, node_named
from core.methods.hessian import Moments, Quadratic

MOMENT_BYTES = 512 << 20
"""Hessians held at once; more layers take another pass over the samples."""


def layer_quadratics(
    base: ir.Model,
    data: DataSet,
    forms: Mapping[str, Form],
    positions: int,
    context: Context,
    samples: int | None = None,
    wanted: Container[str] | None = None,
) -> Iterator[tuple[str, Quadratic]]:
    """The error of each of these layers (node name -> form) as a function of its weights, in their order.

    From `samples` calibration samples (None: all) at up to `positions` places of each. Only of those in
    `wanted`, to the last bit as if all were: what the network hands out decides how its kernels are joined,
    and that how it rounds. Raises Cancelled.
    """
    count = data.info.calibration_count if samples is None else min(samples, data.info.calibration_count)
    size = batch_of(data, "calibration")
    for group in _groups(list(forms), forms):
        taken = [wanted is None or name in wanted for name in group]
        if not any(taken):
            continue
        model = base.clone()
        nodes = [node_named(model, name) for name in group]
        reads = [values_to_see(forms[name], node) for name, node in zip(group, nodes, strict=True)]
        tap = Tap(model, [value for each in reads for value in each])
        moments = [Moments(forms[name]) for name in group]
        # a layer's places must not depend on which other layers are asked about
        draws = [np.random.default_rng(0) for _ in group]
        batches = (batch.feeds for batch in data.batches("calibration", size, count))
        for feeds in fitting(batches, tap.run, VALUE_BYTES):
            context.check()
            found = iter(tap.run(feeds))
            for node, each, gathered, rng, take in zip(nodes, reads, moments, draws, taken, strict=True):
                values = [next(found) for _ in each]
                if take:
                    gathered.add(columns_met(gathered.form, node, values, positions, rng))
        # what the runs have freed would stay beside the matrices
        del tap
        give_back()
        for name, take in zip(group, taken, strict=True):
            gathered = moments.pop(0)
            if take:
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
