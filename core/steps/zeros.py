"""Step: the layers get their zeros and what compensates for them, in float.

A run carries it out by itself only where something stands between it and the bits, such as training; else
the layers get zeros and bits together, one layer after the other, which keeps more (`core.compress`).
"""

from __future__ import annotations

import msgspec
import numpy as np
import onnx_ir as ir

from core.allocate import allocate
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods.resolve import Step
from core.steps import BITS, Done, Task, WholeStep, ordered, register
from core.steps._rounds import prune_in_rounds, stopped
from core.values import FLOAT_BITS, LayerPlan, Plan, StepInfo, text


def run(opened: OpenedModel, task: Task) -> Done:
    """Spread zeros if the plan wants it, choose masks, compensate. Raises PlanError, Cancelled."""
    plan = task.plan
    if task.data is not None and setting(plan, "allocate", "on"):
        plan = allocate(opened, task.data, plan, task.store, task.context)
    moved = {name: own for name, own in plan.exceptions.items() if task.plan.exceptions.get(name) != own}
    alone = zeros_alone(plan)
    if grow(plan):
        return Done(opened.model, (text("The zeros grow while the network is trained."),), moved)
    pruned = prune_in_rounds(opened, alone, task)
    gone = total = 0
    for step in pruned.steps:
        weight = _weight(pruned.model, step)
        zeros = int(weight.size - np.count_nonzero(weight))
        gone, total = gone + zeros, total + weight.size
        if step.threshold is not None or step.layer.id in pruned.shares or pruned.refused is not None:
            # trained weights cross a threshold, a limit over the network moves, and rounds were taken back:
            # from here on the share counts
            settled = LayerPlan(sparsity=zeros / max(1, weight.size))
            if pruned.refused is not None:
                pattern = ":".join(map(str, step.pattern)) if step.pattern else "unstructured"
                settled = msgspec.structs.replace(settled, pattern=pattern)
            moved[step.layer.id] = settled.over(moved.get(step.layer.id, LayerPlan()))
    share = round(100 * gone / max(1, total), 1)
    did = [text("{share} % zeros in {count} layers.", share=share, count=len(pruned.steps))]
    if pruned.refused is not None:
        did.append(stopped(pruned.rounds, pruned.refused))
    return Done(pruned.model, tuple(did), moved)


def _weight(model: ir.Model, step: Step) -> np.ndarray:
    tensor = model.graph.initializers[step.layer.weights[0]].const_value
    assert tensor is not None
    return tensor.numpy()


def zeros_alone(plan: Plan) -> Plan:
    """The plan with every layer's numbers left as they are."""

    def floating(layer: LayerPlan, bits: int | None) -> LayerPlan:
        return msgspec.structs.replace(layer, weight_bits=bits, activation_bits=bits)

    exceptions = {name: floating(layer, None) for name, layer in plan.exceptions.items()}
    return msgspec.structs.replace(plan, defaults=floating(plan.defaults, FLOAT_BITS), exceptions=exceptions)


def grow(plan: Plan) -> bool:
    """Whether the zeros are left to a training that follows."""
    names = [step.name for step in ordered(plan)]
    wanted = bool(setting(plan, "finetune", "gradual")) and float(setting(plan, "finetune", "seconds")) > 0
    after = names[names.index("zeros") :] if "zeros" in names else []
    until_bits = after[: after.index(BITS)] if BITS in after else after
    return wanted and "finetune" in until_bits


def by_itself(plan: Plan) -> bool:
    """Whether the zeros come before the bits, even right before them: the rounds are judged without bits."""
    return (
        int(setting(plan, "prune_weights", "rounds")) > 1
        or float(setting(plan, "prune_weights", "limit")) > 0
    )


def about(plan: Plan) -> object:
    """Bits count only where they are spread together with the zeros."""
    layers = plan if setting(plan, "allocate", "on") else zeros_alone(plan)
    return layers.defaults, layers.exceptions, grow(plan)


register(
    WholeStep(
        StepInfo(
            name="zeros",
            label=text("Zeros"),
            help=text(
                "The weights that matter least become zero. Right before the bits both are done together, "
                "layer by layer, which keeps more."
            ),
            place=50,
            methods=("prune_weights", "allocate", "compensate", "match_statistics"),
            asked_by_layers="zeros",
        ),
        run,
        about=about,
        version=2,
    )
)
