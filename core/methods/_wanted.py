"""What a step of the plan asks of a layer in matrix form."""

from __future__ import annotations

import numpy as np

from core.methods._matrices import Form
from core.methods.compensate import Wanted
from core.methods.resolve import Step
from core.methods.stored import IntegerWeight, StoredWeight


def wanted_of(step: Step, form: Form, plain: StoredWeight | None = None, number: int = 0) -> Wanted:
    """What the layer's weight of this number shall become.

    `plain`: the weight as rounded, where its scales may have been merged.
    """
    merged = isinstance(plain, IntegerWeight) and plain.scale.size == 1
    mask = None if step.masks is None else step.masks.keep.get(step.layer.weights[number])
    return Wanted(
        bits=step.grid_bits,
        sparsity=step.sparsity,
        threshold=step.threshold,
        pattern=step.pattern,
        keep=None if mask is None else form.matrices(mask) > 0,
        per_row=bool(step.channel_axes) and not merged,
        shared_rows=form.blocks or form.shared_rows,
        kernel=int(np.prod(form.shape[2:])) if form.op in ("Conv", "ConvTranspose") else 1,
        block=step.layout(form.shape).block,
        symmetric=step.symmetric,
        factors=step.factors,
        paired=step.paired,
        clusters=step.clusters,
    )
