"""Step: once all layers have their bits, mean outputs are brought back (`core.methods.correct_bias`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from core.errors import DataError
from core.methods.assemble import assemble
from core.methods.correct_bias import correct_bias
from core.steps import Task, WholeStep, register
from core.steps._rounded import Refined, Rounded
from core.steps._samples import split
from core.values import StepInfo, text


def refine(rounded: Rounded, task: Task) -> Refined:
    """Raises DataError without data, Cancelled."""
    samples = split(task.data)
    if samples.fit is None:
        raise DataError(
            text("Correcting biases needs calibration samples."),
            next_step=text("Choose data, or switch 'Correct biases' off."),
        )

    def network(biases: Mapping[str, np.ndarray]) -> ir.Model:
        return assemble(rounded.base, rounded.steps, rounded.ranges, rounded.cache, biases)

    channels = {
        step.layer.id: int(np.prod([step.layer.shape[axis] for axis in step.row_axes]))
        for step in rounded.steps
    }
    done = correct_bias(
        rounded.base, network, channels, rounded.biases, samples.fit, samples.held_out, task.context
    )
    did = text(
        "Corrected the biases of {count} layers; distance from the original {before}, then {after}.",
        count=len(done.biases),
        before=round(done.before, 5),
        after=round(done.after, 5),
    )
    return Refined({}, done.biases, (did,))


register(
    WholeStep(
        StepInfo(
            name="correct_bias",
            label=text("Correct biases"),
            help=text("Each layer's mean outputs become the original's again."),
            place=80,
            methods=("correct_bias",),
            asked_by=(("correct_bias", "on"),),
            may_follow_bits=True,
            only_after_bits=True,
        ),
        None,
        refine,
    )
)
