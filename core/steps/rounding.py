"""Step: for weights of few bits it is learned which way to round them (`core.methods.learn_rounding`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from core.data.dataset import Batch, DataSet
from core.errors import DataError
from core.gradients.convert import trained
from core.gradients.grids import RoundingGrid
from core.gradients.samples import Samples, load_samples
from core.graph.weights import set_weight
from core.methods import setting
from core.methods.learn_rounding import learn_rounding
from core.methods.round_weights import integer_range
from core.steps import Task, WholeStep, register
from core.steps._rounded import Refined, Rounded
from core.steps._samples import HELD_OUT
from core.steps._training import (
    activation_grids,
    float_twin,
    integer_weights,
    parameters_of,
    stored_again,
    zero_masks,
)
from core.values import StepInfo, text

_WITHIN = 0.45
"""Of a grid step: so near to a neighbour a weight may begin."""


def refine(rounded: Rounded, task: Task) -> Refined:
    """Raises DataError without data, UnsupportedModelError for operators without gradients, Cancelled."""
    most = int(setting(task.plan, "learn_rounding", "bits"))
    model = float_twin(rounded)
    able = set(trained(model))
    grids = {}
    for step, name, weight in integer_weights(rounded):
        # a zero that has to stay is 0 in units only where the grid's zero is
        held = step.prunes and weight.zero is not None
        if step.grid_bits > most or name not in able or held:
            continue
        scale, zero = parameters_of(weight)
        low, high = integer_range(step.grid_bits, weight.zero is None)
        grids[name] = RoundingGrid(scale, low, high, weight.q, zero)
        # the float weight decides how near a rounding is to another: those that were close go first
        floating = rounded.base.graph.initializers[name].const_value.numpy()  # type: ignore[union-attr]
        beside = np.clip(floating / scale + zero - weight.q, -_WITHIN, _WITHIN)
        set_weight(model, name, (weight.q + beside).astype(np.float32))
    if not grids:
        return Refined({}, {}, (text("No layer has so few bits that its rounding could be learned."),))
    masks = {name: mask for name, mask in zero_masks(rounded, model).items() if name in grids}
    samples, held_out = _samples(task.data)
    teacher = rounded.opened.model
    tuned = learn_rounding(
        model,
        teacher,
        grids,
        activation_grids(rounded),
        masks,
        samples,
        held_out,
        _block_ends(model, teacher),
        task.plan,
        task.context,
    )
    for name, array in tuned.weights.items():
        set_weight(model, name, array)
    weights, _ = stored_again(rounded, model)
    did = text(
        "Learned the rounding of {count} layers in {steps} steps; distance from the original {before}, then "
        "{after}.",
        count=len(grids),
        steps=tuned.steps,
        before=round(tuned.before, 5),
        after=round(tuned.after, 5),
    )
    return Refined({name: weights[name] for name in grids}, {}, (did,))


def _samples(data: DataSet | None) -> tuple[Samples, Samples]:
    """The calibration samples: those that teach, and a quarter that chooses the best state."""
    if data is None or data.info.calibration_count < 4:
        raise DataError(
            text("Learning how to round needs calibration samples."),
            next_step=text("Choose data, or set the steps of 'Learn how to round' to 0."),
        )
    batches: Iterator[Batch] = data.batches("calibration", 64)
    return load_samples(batches).split(HELD_OUT)


def _block_ends(model: ir.Model, teacher: ir.Model) -> tuple[str, ...]:
    """Sums of two computed values, as residual blocks end with them, that both networks have."""
    there = {value.name for node in teacher.graph for value in node.outputs}
    found = []
    for node in model.graph:
        computed = [value for value in node.inputs if value is not None and value.const_value is None]
        name = node.outputs[0].name
        if node.op_type == "Add" and len(computed) == 2 and name in there:
            found.append(name or "")
    return tuple(found)


register(
    WholeStep(
        StepInfo(
            name="learn_rounding",
            label=text("Learn how to round"),
            help=text("For weights of few bits it is learned from samples which way to round each."),
            place=75,
            methods=("learn_rounding",),
            asked_by=(("learn_rounding", "steps"),),
            may_follow_bits=True,
            only_after_bits=True,
        ),
        None,
        refine,
    )
)
