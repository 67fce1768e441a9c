"""Step: the network as it stands is trained towards the original's answers, or towards labels."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from core.data import open_data
from core.data.dataset import Batch, DataSet
from core.errors import DataError
from core.gradients.convert import trained
from core.gradients.samples import Samples, load_samples
from core.graph.opened import OpenedModel
from core.graph.weights import set_weight
from core.methods import setting
from core.methods.finetune import tune
from core.steps import Done, Task, WholeStep, register
from core.values import StepInfo, text


def run(opened: OpenedModel, task: Task) -> Done:
    """Zeros stay zeros. Raises DataError without data, and what training raises."""
    if task.data is None:
        raise DataError(
            text("Fine-tuning needs data."),
            next_step=text("Choose data, or set the time for training to 0."),
        )
    samples = training_samples(task.original, task.data, task)
    tuned = tune(opened.model, task.original.model, zeros_of(opened), samples, task.plan, task.context)
    model = opened.clone()
    for name, weight in tuned.weights.items():
        set_weight(model, name, weight)
    did = text(
        "Trained for {steps} steps on {count} samples; loss on others {before}, then {after}.",
        steps=tuned.steps,
        count=len(samples),
        before=round(tuned.before, 4),
        after=round(tuned.after, 4),
    )
    return Done(model, (did,))


def zeros_of(opened: OpenedModel) -> dict[str, np.ndarray]:
    """False where a layer's weight is exactly zero, by name; layers without zeros are left out."""
    possible = set(trained(opened.model))
    masks = {}
    for name in {name for layer in opened.info.layers for name in layer.weights} & possible:
        tensor = opened.model.graph.initializers[name].const_value
        assert tensor is not None
        mask = tensor.numpy() != 0
        if not mask.all():
            masks[name] = mask
    return masks


def training_samples(opened: OpenedModel, data: DataSet, task: Task) -> Samples:
    """The calibration source's samples, many more than calibrate, without any that judge."""
    count = int(setting(task.plan, "finetune", "samples"))
    spec = msgspec.structs.replace(data.info.spec, calibration_count=count)
    larger = open_data(spec, opened.info.inputs, opened.info.outputs, task.context)
    judging: set[int] = set()
    if data.shared_source:
        judging = {int(index) for batch in data.batches("judge", 512) for index in batch.indices}

    def kept() -> Iterator[Batch]:
        for batch in larger.batches("calibration", 256):
            chosen = [place for place, index in enumerate(batch.indices) if int(index) not in judging]
            if chosen:
                labels = None if batch.labels is None else batch.labels[chosen]
                feeds = {name: np.asarray(array)[chosen] for name, array in batch.feeds.items()}
                yield Batch(feeds, labels, batch.indices[chosen])

    return load_samples(kept())


register(
    WholeStep(
        StepInfo(
            name="finetune",
            label=text("Fine-tune"),
            help=text("Trains what is left towards the original's answers, or towards labels."),
            place=60,
            methods=("finetune",),
            asked_by=(("finetune", "seconds"),),
        ),
        run,
        version=2,
    )
)
