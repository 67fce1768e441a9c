"""Fine-tuning: what pruning broke is trained back, zeros staying zeros, towards the original's answers.

The training itself is `core.gradients.finetune`; here are its settings and what a plan makes of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.gradients.finetune import FineTuned, Growing, Settings, finetune
from core.gradients.finetune import Progress as Course
from core.gradients.grids import ActivationGrid, WeightGrid
from core.gradients.samples import Augmentation, Samples
from core.methods import METHODS, setting
from core.values import Choice, Described, Parameter, Plan, TrainingPoint, text

HELD_OUT = 500
"""Samples that only decide which state is kept; at most a quarter of all."""
TOLD = 0.005
"""Share of the course between two points that are told of."""


@dataclass(frozen=True)
class Grids:
    """What a network whose layers have their bits is held to while it is trained."""

    weights: Mapping[str, WeightGrid]
    activations: Mapping[str, ActivationGrid]
    train: tuple[str, ...]
    """What may be trained; weights stored in other ways may not."""


def tune(
    model: ir.Model,
    teacher: ir.Model,
    masks: Mapping[str, np.ndarray],
    samples: Samples,
    plan: Plan,
    context: Context,
    part: float = 1.0,
    grids: Grids | None = None,
    growing: Mapping[str, Growing] | None = None,
) -> FineTuned:
    """Train `model` as the plan says; the best state on held-out samples comes back.

    masks: True where a weight may be other than zero, by initializer name. `part` of the plan's time is
    taken; `growing` as in `finetune`. Raises as `finetune`.
    """
    labelled = samples.labels is not None
    share = float(setting(plan, "finetune", "labels")) / 100 if labelled else 0.0
    rate = float(setting(plan, "finetune", "learning_rate"))
    if grids is not None:
        rate *= float(setting(plan, "finetune", "bits_rate")) / 100
    settings = Settings(
        seconds=float(setting(plan, "finetune", "seconds")) * part,
        learning_rate=rate,
        optimizer=setting(plan, "finetune", "optimizer"),
        batch_size=int(setting(plan, "finetune", "batch")),
        patience=int(setting(plan, "finetune", "patience")),
        normalise=bool(setting(plan, "finetune", "normalise")),
        average=float(setting(plan, "finetune", "average")) / 100,
        label_share=share,
        augmentation=Augmentation(
            flip=bool(setting(plan, "finetune", "mirror")), shift=int(setting(plan, "finetune", "shift"))
        ),
    )
    context.report(text("Preparing the training"))
    rest, held = samples.split(HELD_OUT)

    started, told = time.monotonic(), -1.0

    def report(course: Course) -> None:
        nonlocal told
        context.report_share(text("Fine-tuning"), course.share)
        # a curve needs no more points than it has pixels
        if course.held_out is None and course.share - told < TOLD and course.share < 1.0:
            return
        told = course.share
        if math.isfinite(course.loss):
            context.publish(
                TrainingPoint(
                    share=course.share,
                    step=course.step,
                    loss=course.loss,
                    held_out=course.held_out,
                    seconds=time.monotonic() - started,
                )
            )

    return finetune(
        model,
        rest,
        held,
        context,
        settings,
        teacher,
        masks,
        weight_grids=grids.weights if grids else None,
        activation_grids=grids.activations if grids else None,
        train=grids.train if grids else None,
        on_progress=report,
        growing=growing,
    )


METHODS.add(
    Described(
        name="finetune",
        label=text("Fine-tune"),
        help=text(
            "Trains what is left towards the original's answers, or towards labels; after the bits, on "
            "their grids."
        ),
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
                default=0.0007,
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
                name="gradual",
                label=text("Zeros come bit by bit"),
                help=text("The zeros grow while it trains, fast at first: gentler than all at once."),
                kind="switch",
                default=False,
            ),
            Parameter(
                name="bits_rate",
                label=text("Learning rate after the bits"),
                help=text("Share of the learning rate where it trains on the bits' grids."),
                kind="number",
                default=70.0,
                low=0.1,
                high=100.0,
                unit="%",
            ),
            Parameter(
                name="batch",
                label=text("Samples a step"),
                help=text("More make a step steadier and slower."),
                kind="integer",
                default=128,
                low=4,
                high=1024,
            ),
            Parameter(
                name="average",
                label=text("Average of the weights"),
                help=text("Keeps a running mean of the weights, this much of it old; 0 leaves it out."),
                kind="number",
                default=0.0,
                low=0.0,
                high=99.99,
                unit="%",
            ),
            Parameter(
                name="normalise",
                label=text("Normalise while training"),
                help=text(
                    "Convolutions are normalised by each batch while they train, and folded back in the end: "
                    "all channels learn at one pace."
                ),
                kind="switch",
                default=True,
            ),
            Parameter(
                name="patience",
                label=text("Stop without progress"),
                help=text("After so many of the ten looks at held-out samples; 0: never."),
                kind="integer",
                default=0,
                low=0,
                high=10,
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
                default=1,
                low=0,
                high=32,
                unit="px",
            ),
        ),
    ),
    tune,
)
