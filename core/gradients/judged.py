"""The network that a training would write at this moment: normalisations folded, with steady statistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from core.data.dataset import Batch
from core.gradients.lazy import torch
from core.gradients.norms import Normed, Norms, Statistics, Watch
from core.gradients.samples import Augmentation, Samples
from core.gradients.student import Student
from core.gradients.workers import Workers

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap

_SAMPLES, _BATCH = 1024, 128
"""How many samples means and variances are taken from, and how many at a time."""


def first_norms(
    student: Student,
    layers: Collection[Normed],
    samples: Samples,
    augmentation: Augmentation | None,
    workers: Workers,
) -> Norms | None:
    """Normalisations that leave the network as it is, None where there is nothing to normalise."""
    if not layers:
        return None
    values = [layer.value for layer in layers]
    return Norms(layers, _statistics(student, values, {}, samples, augmentation, workers))


def plain_weights(
    student: Student, samples: Samples, augmentation: Augmentation | None, workers: Workers
) -> dict[str, torch.Tensor]:
    """The weights, by name, with which the network computes the same without normalising by a batch."""
    if student.norms is None:
        return student.state()
    norms = student.norms
    values = [layer.value for layer in norms.layers]
    statistics = _statistics(student, values, norms.taps(), samples, augmentation, workers)
    return norms.folded(student.state(), statistics)


def _statistics(
    student: Student,
    values: list[str],
    then: Mapping[str, Tap],
    samples: Samples,
    augmentation: Augmentation | None,
    workers: Workers,
) -> Statistics:
    """Of samples varied as those of the training, the same ones every time; `then` goes on with each value.

    Samples as they are have other means than moved ones with black edges, which cost a network that was
    trained on these 1 point of accuracy.
    """
    rng = np.random.default_rng(0)
    watch = Watch(values, then)

    def look(batch: Batch) -> None:
        with torch.no_grad():
            student.run(as_tensors(batch.feeds), watch.taps)

    batches = (batch for _, batch in samples.epoch(_BATCH, rng, augmentation))
    for _ in workers.map(look, islice(batches, _SAMPLES // _BATCH)):
        pass
    return watch.statistics()


def as_tensors(feeds: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in feeds.items()}
