"""Gradients of a loss with respect to every trained weight, summed over the samples as they stream by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.context import Context
from core.data.dataset import Batch
from core.errors import DataError, UnsupportedModelError
from core.evaluate.answers import Subject, find_subject
from core.gradients.convert import to_torch
from core.gradients.lazy import torch
from core.gradients.losses import label_loss, sampled_loss
from core.gradients.samples import trainable
from core.gradients.workers import Workers
from core.graph.opened import OpenedModel
from core.values import Task, text

if TYPE_CHECKING:
    from core.gradients.torch_graph import TorchGraph

Loss = Literal["own answers", "labels"]


@dataclass(frozen=True)
class GradientSums:
    """Of one weight, all in its own shape, float32."""

    fisher: np.ndarray
    """Mean squared gradient of a single sample: the diagonal of the Fisher information."""
    taylor: np.ndarray
    """Mean of (w·g)² over the batches."""


def loss_gradients(
    opened: OpenedModel,
    batches: Iterable[Batch],
    context: Context,
    loss: Loss = "own answers",
    batch_count: int = 0,
    seed: int = 0,
) -> dict[str, GradientSums]:
    """Return the sums for every trained weight that the loss depends on, by initializer name.

    `own answers` needs no labels: the gradient of the KL divergence to the network's own answers is zero
    at the network itself, so answers are drawn from its own and the squared gradients are the curvature
    of that divergence (Martens 2020, section 5). As their mean is zero, n·ḡ² over batches of n samples
    estimates the mean of g² without bias, so that small batches (8) are a good choice.
    `labels`: cross-entropy, or squared error for numbers (Molchanov et al. 2019).

    A weight whose gradient is never finite is left out. Raises DataError without samples or labels,
    UnsupportedModelError where an operator is missing, and Cancelled at any batch boundary.
    """
    graph = to_torch(opened.model, copied=False)
    sums = {name: _Running(parameter.shape) for name, parameter in graph.weights.items()}
    subject: Subject | None = None
    seen = 0
    with Workers() as workers:
        for group in _groups(batches, workers.count):
            context.report(text("Computing gradients"), seen, batch_count)
            subject = subject or subject_of(graph, group[0])
            work = partial(_gradients, graph, subject, loss)
            numbered = [(batch, seed + seen + place) for place, batch in enumerate(group)]
            for batch, gradients in zip(group, workers.map(work, numbered), strict=True):
                for name, gradient in gradients.items():
                    sums[name].add(graph.weights[name].detach(), gradient, max(1, len(batch.indices)))
            seen += len(group)
    if not seen:
        raise no_samples()
    return {name: running.result() for name, running in sums.items() if running.samples}


def no_samples() -> DataError:
    """Return the error for gradients without a sample."""
    return DataError(
        text("There are no samples to compute gradients on."),
        next_step=text("Choose data with more samples, or another importance score."),
    )


def no_labels() -> DataError:
    """Return the error for a loss that needs labels where there are none."""
    return DataError(
        text("The data has no labels."),
        text("The loss is held against labels."),
        text("Choose labelled data, or let the network be held against its own answers."),
    )


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """As many batches together as there are threads."""
    source = iter(batches)
    while group := list(islice(source, size)):
        yield group


def _gradients(
    graph: TorchGraph, subject: Subject, loss: Loss, numbered: tuple[Batch, int]
) -> dict[str, torch.Tensor]:
    """The mean gradient over a batch of each weight that matters to it."""
    batch, seed = numbered
    outputs = graph(batch.feeds)
    if loss == "labels":
        labels = trainable(batch.labels)
        if labels is None:
            raise no_labels()
        value = label_loss(outputs, labels, subject)
    else:
        value = sampled_loss(outputs, subject, torch.Generator().manual_seed(seed))
    if not value.requires_grad:
        raise UnsupportedModelError(
            text("The network's answers have no gradients."),
            text("They are whole numbers, or do not depend on any trained weight."),
            text("Everything that needs no gradients still works: pruning by magnitude, fewer bits."),
        )
    found = torch.autograd.grad(value, list(graph.weights.values()), allow_unused=True)
    return {name: one for name, one in zip(graph.weights, found, strict=True) if one is not None}


def subject_of(graph: TorchGraph, batch: Batch) -> Subject:
    """What of the network's answers counts, from those to a batch."""
    with torch.no_grad():
        arrays = [output.numpy() for output in graph(batch.feeds)]
    labels = trainable(batch.labels)
    return find_subject(arrays, task_of(labels), labels)


def task_of(labels: np.ndarray | None) -> Task:
    """What the labels of a batch say about the task."""
    if labels is None:
        return "unlabelled"
    return "classification" if np.issubdtype(labels.dtype, np.integer) else "regression"


class _Running:
    """Sums over batches; those with infinite gradients do not count."""

    def __init__(self, shape: torch.Size) -> None:
        self.fisher, self.taylor = torch.zeros(shape), torch.zeros(shape)
        self.samples = 0

    def add(self, weight: torch.Tensor, gradient: torch.Tensor, count: int) -> None:
        if not torch.isfinite(gradient).all():
            return
        gradient = gradient.to(torch.float32)
        square = gradient.square()
        # the mean over n has 1/n of the variance of one, and the sum over batches is weighted by n
        self.fisher.add_(square, alpha=float(count) ** 2)
        self.taylor.add_(square * weight.to(torch.float32).square(), alpha=count)
        self.samples += count

    def result(self) -> GradientSums:
        """Once, at the end: the means lie where the sums did."""
        return GradientSums(*(part.div_(self.samples).numpy() for part in (self.fisher, self.taylor)))
