"""Step: the network as it stands is trained towards the original's answers, or towards labels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec
import numpy as np

from core.data import open_data
from core.data.dataset import Batch
from core.errors import DataError
from core.gradients.convert import trained
from core.gradients.finetune import FineTuned, Growing
from core.gradients.samples import Samples, load_samples
from core.graph.opened import OpenedModel
from core.graph.weights import set_weight
from core.methods import setting
from core.methods.finetune import Grids, tune
from core.methods.planned import pruned
from core.methods.prune_weights import prune_mask
from core.methods.resolve import Step, resolve
from core.steps import Done, Task, WholeStep, register
from core.steps._rounded import Refined, Rounded
from core.steps._training import (
    activation_grids,
    fixed,
    float_twin,
    stored_again,
    weight_grids,
    zero_masks,
)
from core.steps.zeros import grow, zeros_alone
from core.values import Plan, StepInfo, Text, text


def run(opened: OpenedModel, task: Task) -> Done:
    """Zeros stay zeros. Raises DataError without data, and what training raises."""
    samples = training_samples(task)
    growing = _growing(opened, task.plan)
    masks = zeros_of(opened)
    tuned = tune(
        opened.model, task.original.model, masks, samples, task.plan, task.context, task.share, None, growing
    )
    model = opened.clone()
    for name, weight in tuned.weights.items():
        set_weight(model, name, weight)
    return Done(model, (_told(tuned, len(samples)),))


def refine(rounded: Rounded, task: Task) -> Refined:
    """Train on the grids: what comes back lies exactly on them. Raises as `run`."""
    samples = training_samples(task)
    model = float_twin(rounded)
    left_alone = fixed(rounded)
    names = tuple(name for name in trained(model) if name not in left_alone)
    grids = Grids(weight_grids(rounded, model), activation_grids(rounded), names)
    masks = zero_masks(rounded, model)
    original = task.original.model
    tuned = tune(model, original, masks, samples, task.plan, task.context, task.share, grids)
    for name, weight in tuned.weights.items():
        set_weight(model, name, weight)
    return Refined(*stored_again(rounded, model), (_told(tuned, len(samples)),))


def about(plan: Plan) -> object:
    """How much becomes zero counts where it does so in training."""
    return (zeros_alone(plan).defaults, zeros_alone(plan).exceptions) if grow(plan) else None


def _told(tuned: FineTuned, count: int) -> Text:
    return text(
        "Trained for {steps} steps on {count} samples; loss on others {before}, then {after}.",
        steps=tuned.steps,
        count=count,
        before=round(tuned.before, 4),
        after=round(tuned.after, 4),
    )


def _growing(opened: OpenedModel, plan: Plan) -> dict[str, Growing]:
    """Weights that are to become sparse in the course, and do not have their zeros yet."""
    if not grow(plan):
        return {}
    able = set(trained(opened.model))
    found: dict[str, Growing] = {}
    for step in resolve(opened, zeros_alone(plan)):
        for name in step.layer.weights:
            if step.prunes and name in able:
                mask = partial(_mask, step)
                weight = opened.model.graph.initializers[name].const_value.numpy()  # type: ignore[union-attr]
                if np.count_nonzero(mask(weight, 1.0)) < np.count_nonzero(weight):
                    found[name] = mask
    return found


def _mask(step: Step, weight: np.ndarray, part: float) -> np.ndarray:
    """By magnitude; a pattern falls into place with the last zeros."""
    if part >= 1.0:
        return pruned(weight, step) != 0
    if step.threshold is not None:
        return np.asarray(np.abs(weight) >= part * step.threshold)
    return prune_mask(np.abs(weight), part * step.planned.zeros)


def zeros_of(opened: OpenedModel) -> dict[str, np.ndarray]:
    """False where a layer's weight is exactly zero, by name; layers without zeros are left out."""
    masks = {}
    for name in {name for layer in opened.info.layers for name in layer.weights} & set(trained(opened.model)):
        tensor = opened.model.graph.initializers[name].const_value
        assert tensor is not None
        mask = tensor.numpy() != 0
        if not mask.all():
            masks[name] = mask
    return masks


def training_samples(task: Task) -> Samples:
    """The calibration source's samples, many more than calibrate, without any that judge.

    Raises DataError without data.
    """
    data = task.data
    if data is None:
        raise DataError(
            text("Fine-tuning needs data."),
            next_step=text("Choose data, or set the time for training to 0."),
        )
    count = int(setting(task.plan, "finetune", "samples"))
    spec = msgspec.structs.replace(data.info.spec, calibration_count=count)
    info = task.original.info
    larger = open_data(spec, info.inputs, info.outputs, task.context)
    judging: set[int] = set()
    if data.shared_source:
        judging = {int(index) for batch in data.batches("judge", 512) for index in batch.indices}

    def kept() -> Iterator[Batch]:
        done, total = 0, larger.info.calibration_count
        for batch in larger.batches("calibration", 256):
            task.context.report(text("Loading samples for training"), done, total)
            done += len(batch.indices)
            chosen = [place for place, index in enumerate(batch.indices) if int(index) not in judging]
            if chosen:
                labels = None if batch.labels is None else batch.labels[chosen]
                feeds = {name: np.asarray(array)[chosen] for name, array in batch.feeds.items()}
                yield Batch(feeds, labels, batch.indices[chosen])
        # what follows the last batch is told as its end, not as a second that is left
        task.context.report(text("Loading samples for training"), total, total)

    return load_samples(kept())


register(
    WholeStep(
        StepInfo(
            name="finetune",
            label=text("Fine-tune"),
            help=text(
                "Trains what is left towards the original's answers, or towards labels; after the bits, on "
                "their grids."
            ),
            place=60,
            methods=("finetune",),
            asked_by=(("finetune", "seconds"),),
            may_follow_bits=True,
            repeats=True,
        ),
        run,
        refine,
        about,
        version=4,
    )
)
