"""Learned rounding: whether each weight goes up or down is trained, by what it does to the network's answers.

As AdaRound (Nagel et al. 2020) a weight may move to neighbouring grid points only, so that few unlabelled
samples suffice; as in BRECQ (Li et al. 2021) the inner values where blocks end are brought back together with
the answers. The hard roundings are used forward, gradients pass straight through.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.gradients.finetune import FineTuned, Settings, finetune
from core.gradients.finetune import Progress as Course
from core.gradients.grids import ActivationGrid, RoundingGrid
from core.gradients.samples import Samples
from core.methods import METHODS, setting
from core.values import Described, Parameter, Plan, text

_BATCH = 32
_CHECKS = 20


def learn_rounding(
    model: ir.Model,
    teacher: ir.Model,
    grids: Mapping[str, RoundingGrid],
    activations: Mapping[str, ActivationGrid],
    masks: Mapping[str, np.ndarray],
    samples: Samples,
    held_out: Samples,
    features: tuple[str, ...],
    plan: Plan,
    context: Context,
) -> FineTuned:
    """Learn the roundings of `grids`, by name; in `model` these weights are in units of their grids.

    `features`: values that both networks have. The best state on `held_out` comes back, the one given
    included. Raises as `finetune`.
    """
    settings = Settings(
        seconds=86400.0,
        steps=int(setting(plan, "learn_rounding", "steps")),
        batch_size=_BATCH,
        learning_rate=float(setting(plan, "learn_rounding", "rate")),
        temperature=1.0,
        feature_weight=float(setting(plan, "learn_rounding", "inner")),
        checks=_CHECKS,
        augmentation=None,
        half=False,
    )

    def report(course: Course) -> None:
        context.report_share(text("Learning how to round"), course.share)

    return finetune(
        model,
        samples,
        held_out,
        context,
        settings,
        teacher,
        masks,
        weight_grids=grids,
        activation_grids=activations,
        features=features,
        train=tuple(grids),
        on_progress=report,
    )


METHODS.add(
    Described(
        name="learn_rounding",
        label=text("Learn how to round"),
        help=text(
            "Trains for each weight of few bits whether it is rounded up or down. Needs calibration samples, "
            "no labels; takes a minute or more."
        ),
        parameters=(
            Parameter(
                name="steps",
                label=text("Steps"),
                help=text("0 leaves it out; some hundred are enough."),
                kind="integer",
                default=0,
                low=0,
                high=100_000,
            ),
            Parameter(
                name="bits",
                label=text("Up to so many bits"),
                help=text("Layers with more bits are left as they are: they gain nothing."),
                kind="integer",
                default=4,
                low=2,
                high=8,
                unit="bit",
            ),
            Parameter(
                name="rate",
                label=text("Learning rate"),
                help=text("In grid steps: how far a weight moves at each step of the training."),
                kind="number",
                default=0.02,
                low=0.0001,
                high=1.0,
            ),
            Parameter(
                name="inner",
                label=text("Weight of inner values"),
                help=text("How much the values between blocks count beside the answers."),
                kind="number",
                default=0.1,
                low=0.0,
                high=100.0,
            ),
        ),
    ),
    learn_rounding,
)
