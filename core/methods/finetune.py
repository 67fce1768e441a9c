"""Fine-tuning: what pruning broke is trained back, zeros staying zeros, towards the original's answers.

The training itself is `core.gradients.finetune`; here are its settings and what a plan makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.gradients.finetune import FineTuned, Settings, finetune
from core.gradients.finetune import Progress as Course
from core.gradients.samples import Augmentation, Samples
from core.methods import METHODS, setting
from core.values import Choice, Described, Parameter, Plan, text

HELD_OUT = 500
"""Samples that only decide which state is kept; at most a quarter of all."""


def tune(
    model: ir.Model,
    teacher: ir.Model,
    masks: Mapping[str, np.ndarray],
    samples: Samples,
    plan: Plan,
    context: Context,
) -> FineTuned:
    """Train `model` as the plan says; the best state on held-out samples comes back.

    masks: True where a weight may be other than zero, by initializer name. Raises as `finetune`.
    """
    labelled = samples.labels is not None
    share = float(setting(plan, "finetune", "labels")) / 100 if labelled else 0.0
    settings = Settings(
        seconds=float(setting(plan, "finetune", "seconds")),
        learning_rate=float(setting(plan, "finetune", "learning_rate")),
        optimizer=setting(plan, "finetune", "optimizer"),
        label_share=share,
        augmentation=Augmentation(
            flip=bool(setting(plan, "finetune", "mirror")), shift=int(setting(plan, "finetune", "shift"))
        ),
    )
    rest, held = samples.split(HELD_OUT)

    def report(course: Course) -> None:
        context.report(text("Fine-tuning"), round(course.share * 1000), 1000)

    return finetune(model, rest, held, context, settings, teacher, masks, on_progress=report)


METHODS.add(
    Described(
        name="finetune",
        label=text("Fine-tune"),
        help=text("Trains the pruned network towards the original's answers, before bits are taken."),
        parameters=(
            Parameter(
                name="seconds",
                label=text("Time for training"),
                help=text("0 leaves it out. Minutes bring back much of what high sparsity costs."),
                kind="number",
                default=0.0,
                low=0.0,
                high=86400.0,
                unit="s",
            ),
            Parameter(
                name="labels",
                label=text("Weight of the labels"),
                help=text("0 %: towards the original's answers alone; 100 %: towards the labels alone."),
                kind="number",
                default=50.0,
                low=0.0,
                high=100.0,
                unit="%",
            ),
            Parameter(
                name="learning_rate",
                label=text("Learning rate"),
                help=text("Size of the training's steps; it falls to zero in the end."),
                kind="number",
                default=0.002,
                low=0.000001,
                high=1.0,
            ),
            Parameter(
                name="optimizer",
                label=text("Optimiser"),
                help=text("How steps follow from gradients."),
                kind="choice",
                default="adam",
                choices=(
                    Choice(
                        "adam", text("Adam"), text("Adapts each weight's step by itself: rarely needs care.")
                    ),
                    Choice(
                        "sgd", text("SGD"), text("Plain steps with momentum; wants a larger learning rate.")
                    ),
                ),
            ),
            Parameter(
                name="samples",
                label=text("Training samples"),
                help=text("At most so many, from the calibration source; never those that judge."),
                kind="integer",
                default=20000,
                low=16,
                high=1000000,
            ),
            Parameter(
                name="mirror",
                label=text("Mirror pictures"),
                help=text("Every second picture is mirrored: not for letters or digits."),
                kind="switch",
                default=False,
            ),
            Parameter(
                name="shift",
                label=text("Shift pictures"),
                help=text("Pictures move by at most so many pixels."),
                kind="integer",
                default=2,
                low=0,
                high=32,
                unit="px",
            ),
        ),
    ),
    tune,
)
