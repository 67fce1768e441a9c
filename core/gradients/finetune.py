"""Fine-tuning: train the weights that are left, towards the original's answers or towards labels.

Masks are held (a weight that is zero stays zero) and grids are held (weights and activations are rounded
on every pass, with straight-through gradients), so that what is trained is the compressed network. The best
state on held-out samples is what comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch
from core.evaluate.answers import Subject, find_subject
from core.gradients.convert import to_torch
from core.gradients.gradients import no_labels, task_of
from core.gradients.grids import ActivationGrid, RoundingGrid, WeightGrid
from core.gradients.judged import as_tensors, first_norms, plain_weights
from core.gradients.lazy import torch
from core.gradients.losses import distillation, label_loss, relative_error
from core.gradients.norms import normalisable
from core.gradients.remembered import Remembered, may_be_remembered
from core.gradients.samples import Augmentation, Samples
from core.gradients.schedule import cosine, cubic
from core.gradients.student import Student
from core.gradients.teacher import Teacher, keeping
from core.gradients.workers import Workers, has_bfloat16
from core.values import text

if TYPE_CHECKING:
    from core.gradients.torch_graph import TorchGraph

Outputs = list["torch.Tensor"]
Growing = Callable[[np.ndarray, float], np.ndarray]
"""(weight, part of the final zeros 0..1) -> mask, True where a weight stays."""
_GROWTH = 0.02
"""Masks are chosen anew when at least so much of their zeros is missing."""
Stopped = Literal["finished", "time", "no progress", "diverged"]


@dataclass(frozen=True)
class Settings:
    """How to train. The course ends after `seconds` or `steps`, whichever is first."""

    seconds: float = 180.0
    steps: int | None = None
    batch_size: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 2e-3
    momentum: float = 0.9
    """Of SGD, Nesterov's."""
    weight_decay: float = 0.0
    warm_up: float = 0.05
    """Share of the course in which the learning rate rises."""
    label_share: float = 0.0
    """0: towards the original's answers alone; 1: towards the labels alone."""
    temperature: float = 2.0
    """Of the original's answers."""
    feature_weight: float = 0.0
    """Weight of the error of inner values (see `features`), relative to their variance."""
    clip_norm: float = 5.0
    """Gradients longer than this are shortened; 0: never."""
    checks: int = 10
    """How often the held-out samples are looked at."""
    patience: int = 0
    """Stop after so many checks without progress; 0: never."""
    average: float = 0.0
    """What is judged and kept is the running mean of the weights over steps, this much of it being the mean
    so far (Polyak & Juditsky 1992); 0: the weights themselves."""
    normalise: bool = False
    """Normalise convolutions by the batch while training; see `norms`. Not where grids are held."""
    remember: bool = True
    """Ask the teacher once for each sample, and for its mirror image where pictures are mirrored."""
    grown: float = 0.6
    """Share of the course after which growing masks are complete."""
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    half: bool | None = None
    """Multiply in bfloat16. None: where the processor does so itself, and no grid asks for more digits."""
    threads: int | None = None
    """None: one for each physical core. Each trains on its part of a batch."""
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """The course so far, after a step."""

    step: int
    share: float
    """Of the course, 0..1."""
    loss: float
    """Running mean on the training samples."""
    held_out: float | None
    """On the held-out samples, where they were just looked at."""
    learning_rate: float


@dataclass(frozen=True)
class FineTuned:
    weights: dict[str, np.ndarray]
    """New content of initializers by name, masked and rounded, in their own dtype."""
    before: float
    """Loss on the held-out samples."""
    after: float
    steps: int
    seconds: float
    stopped: Stopped


def finetune(
    model: ir.Model,
    samples: Samples,
    held_out: Samples,
    context: Context,
    settings: Settings = Settings(),
    teacher: ir.Model | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    weight_grids: Mapping[str, WeightGrid | RoundingGrid] | None = None,
    activation_grids: Mapping[str, ActivationGrid] | None = None,
    features: tuple[str, ...] = (),
    train: tuple[str, ...] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    growing: Mapping[str, Growing] | None = None,
) -> FineTuned:
    """Train a clone of `model`'s weights; `model` and `teacher` are not changed.

    `teacher` is the original, the model itself if left out (then only its own damage by grids is
    repaired). `masks`: True where a weight may be other than zero, by initializer name. `features`: names
    of values that both networks have. `train`: only these initializers; all trained ones if left out.
    If nothing helps on the held-out samples, the weights come back as they were, masked and rounded.
    `growing`: weights that become sparse in the course, by name; a state counts from when all are.

    Raises PlanError for names that the model does not have, DataError without labels where they are
    asked for, UnsupportedModelError for a missing operator, Cancelled after any step.
    """
    if settings.label_share > 0 and samples.labels is None:
        raise no_labels()
    graph = to_torch(model)
    chosen = _chosen(graph, train)
    student = Student(graph, masks or {}, weight_grids or {}, activation_grids or {}, chosen)
    wanted = features if settings.feature_weight else ()
    with Workers(settings.threads) as workers:
        taught_by = Teacher(teacher or model, wanted, settings.threads)
        if settings.normalise and not student.rounding and not student.taps:
            layers = normalisable(model, student.trained, wanted)
            student.norms = first_norms(student, layers, samples, settings.augmentation, workers)
        trainer = _Trainer(student, taught_by, settings, samples, held_out, workers, growing or {})
        return trainer.run(context, on_progress)


def _chosen(graph: TorchGraph, train: tuple[str, ...] | None) -> list[str]:
    if train is None:
        return list(graph.weights)
    return [name for name in graph.weights if name in train]


class _Trainer:
    def __init__(
        self,
        student: Student,
        teacher: Teacher,
        settings: Settings,
        samples: Samples,
        held_out: Samples,
        workers: Workers,
        growing: Mapping[str, Growing],
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings
        self.growing, self.part = growing, 0.0 if growing else 1.0
        self.mean: dict[str, torch.Tensor] | None = None
        self.samples, self.held_out = samples, held_out
        self.rng = np.random.default_rng(settings.seed)
        self.optimizer = _optimizer(student, settings)
        gridded = bool(student.rounding or student.taps)
        self.half = has_bfloat16() and not gridded if settings.half is None else settings.half
        self.workers = workers
        seen = next(held_out.batches(settings.batch_size))
        first = teacher.answers(seen.feeds)
        answers = [value.numpy() for value in first]
        self.subject: Subject = find_subject(answers, task_of(samples.labels), samples.labels)
        self._kept: dict[int, Outputs] = {}
        self.remembered = self._remembered(first, len(seen.indices))

    def run(self, context: Context, on_progress: Callable[[Progress], None] | None) -> FineTuned:
        settings, started = self.settings, time.monotonic()
        context.report_share(text("Fine-tuning"), 0.0)  # the first measurement takes a while
        before = best = self.measure(context, {})
        best = best if self.part >= 1.0 else float("inf")
        best_state: dict[str, torch.Tensor] = {n: p.detach().clone() for n, p in self.student.trained.items()}
        idle, step, checked = 0, 0, 0
        running = float("nan")
        stopped: Stopped = "time"
        for places, batch in self._batches():
            share = self._share(step, time.monotonic() - started)
            if share >= 1.0:
                stopped = "finished" if settings.steps and step >= settings.steps else "time"
                break
            self._grow(share)
            rate = settings.learning_rate * cosine(share, settings.warm_up)
            loss = self._step(batch, self._taught(batch, places), rate)
            step += 1
            if not np.isfinite(loss):
                stopped = "diverged"
                break
            self._average(step)
            running = loss if np.isnan(running) else 0.95 * running + 0.05 * loss
            after = self._share(step, time.monotonic() - started)
            measured = None
            if self.part >= 1.0 and (int(after * settings.checks) > checked or after >= 1.0):
                checked = int(after * settings.checks)
                measured, state = self._checked(context)
                idle = 0 if measured < best else idle + 1
                if measured < best:
                    best, best_state = measured, state
            context.report_share(text("Fine-tuning"), min(1.0, after))
            if on_progress is not None:
                on_progress(Progress(step, min(1.0, after), running, measured, rate))
            if settings.patience and idle >= settings.patience:
                stopped = "no progress"
                break
        if not np.isfinite(best):
            # the course was too short for the last masks to be trained with
            self._grow(1.0)
            best, best_state = self._checked(context)
        weights = self.student.weights(best_state)
        return FineTuned(weights, before, best, step, time.monotonic() - started, stopped)

    def _grow(self, share: float) -> None:
        """Make the masks as large as they are at this share of the course."""
        part = cubic(share, self.settings.grown)
        if not self.growing or self.part >= 1.0 or (part < 1.0 and part - self.part < _GROWTH):
            return
        self.part, self.mean = part, None
        for name, mask in self.growing.items():
            weight = self.student.trained[name].detach().contiguous().numpy()
            self.student.mask(name, mask(weight, part))
        self.student.hold()

    def _average(self, step: int) -> None:
        if not self.settings.average:
            return
        if self.mean is None:
            self.mean = self.student.state()
            return
        # young means forget faster, or they would hold on to where they began
        keep = min(self.settings.average, (1.0 + step) / (10.0 + step))
        learnt = self.student.learnt()
        with torch.no_grad():
            for name, value in self.mean.items():
                value.lerp_(learnt[name], 1.0 - keep)

    def _checked(self, context: Context) -> tuple[float, dict[str, torch.Tensor]]:
        """The loss on the held-out samples, and the weights to write that have it."""
        now = self.student.state()
        if self.mean is not None:
            self.student.load(self.mean)
        plain = plain_weights(self.student, self.samples, self.settings.augmentation, self.workers)
        measured = self.measure(context, plain)
        self.student.load(now)
        return measured, plain

    def measure(self, context: Context, plain: Mapping[str, torch.Tensor]) -> float:
        """The loss on the held-out samples with these weights, without features."""
        total, count = 0.0, 0
        for number, batch in enumerate(self.held_out.batches(256)):
            context.check()
            if number not in self._kept:
                self._kept[number] = self._taught(batch)
            pieces = self._pieces(batch, self._kept[number], [])
            losses = self.workers.map(lambda piece: self._held_out_loss(piece, plain), pieces)
            for piece, value in zip(pieces, losses, strict=True):
                total += value * len(piece[0].indices)
            count += len(batch.indices)
        return total / max(1, count)

    def _step(self, batch: Batch, taught: Outputs, rate: float) -> float:
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inner = [self.teacher.seen[name] for name in self.teacher.features]
        pieces = self._pieces(batch, taught, inner)
        parameters = list(self.student.learnt().values())
        for parameter in parameters:
            parameter.grad = None
        loss = 0.0
        for piece, (value, gradients) in zip(
            pieces, self.workers.map(lambda piece: self._gradients(*piece), pieces), strict=True
        ):
            weight = len(piece[0].indices) / len(batch.indices)
            loss += weight * value
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    part = gradient * weight
                    parameter.grad = part if parameter.grad is None else parameter.grad.add_(part)
        if settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
        self.optimizer.step()
        self.student.hold()
        return loss

    def _held_out_loss(
        self, piece: tuple[Batch, Outputs, Outputs], plain: Mapping[str, torch.Tensor]
    ) -> float:
        with torch.no_grad(), self._precision():
            outputs = self.student.judged(as_tensors(piece[0].feeds), plain)
            return float(self._loss(outputs, piece[1], piece[0].labels))

    def _gradients(
        self, batch: Batch, taught: Outputs, inner: Outputs
    ) -> tuple[float, tuple[torch.Tensor | None, ...]]:
        """Loss and gradients of a piece of a batch."""
        seen: dict[str, torch.Tensor] = {}
        with self._precision():
            outputs = self.student.run(as_tensors(batch.feeds), keeping(seen, self.teacher.features))
            loss = self._loss(outputs, taught, batch.labels)
            for name, wanted in zip(self.teacher.features, inner, strict=True):
                part = self.settings.feature_weight / len(inner)
                loss = loss + part * relative_error(seen[name], wanted)
        parameters = list(self.student.learnt().values())
        return float(loss.detach()), torch.autograd.grad(loss, parameters, allow_unused=True)

    def _pieces(self, batch: Batch, taught: Outputs, inner: Outputs) -> list[tuple[Batch, Outputs, Outputs]]:
        """The batch in as many parts as there are threads."""
        count = len(batch.indices)
        if any(value.dim() == 0 or len(value) != count for value in [*taught, *inner]):
            return [(batch, taught, inner)]
        edges = np.linspace(0, count, min(self.workers.count, count) + 1).astype(int)
        pieces = []
        for start, end in pairwise(edges):
            labels = None if batch.labels is None else batch.labels[start:end]
            feeds = {name: array[start:end] for name, array in batch.feeds.items()}
            piece = Batch(feeds, labels, batch.indices[start:end])
            pieces.append((piece, [v[start:end] for v in taught], [v[start:end] for v in inner]))
        return pieces

    def _remembered(self, answers: Outputs, count: int) -> Remembered | None:
        """Classes do not move with a picture; other answers are remembered only if nothing moves."""
        settings = self.settings
        if (
            not settings.remember
            or self.teacher.features
            or not (settings.augmentation is None or self.subject.classes)
        ):
            return None
        if not may_be_remembered(answers, count, len(self.samples)):
            return None
        return Remembered(
            self.teacher, self.samples, settings.augmentation is not None and settings.augmentation.flip
        )

    def _taught(self, batch: Batch, places: np.ndarray | None = None) -> Outputs:
        if self.settings.label_share >= 1.0 and not self.teacher.features:
            return []
        if places is not None and self.remembered is not None:
            return self.remembered.answers(places)
        return self.teacher.answers(batch.feeds)

    def _loss(self, outputs: Outputs, taught: Outputs, labels: np.ndarray | None) -> torch.Tensor:
        share = self.settings.label_share
        loss = torch.zeros(())
        if share < 1.0:
            answers = distillation(outputs, taught, self.subject, self.settings.temperature)
            loss = loss + (1.0 - share) * answers
        if share > 0.0 and labels is not None:
            loss = loss + share * label_loss(outputs, labels, self.subject)
        return loss

    def _batches(self) -> Iterator[tuple[np.ndarray, Batch]]:
        while True:
            yield from self.samples.epoch(self.settings.batch_size, self.rng, self.settings.augmentation)

    def _share(self, step: int, seconds: float) -> float:
        by_time = seconds / self.settings.seconds
        return max(by_time, step / self.settings.steps) if self.settings.steps else by_time

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.half)


def _optimizer(student: Student, settings: Settings) -> torch.optim.Optimizer:
    parameters = list(student.learnt().values())
    # decay pulls weights to zero; a bias or a scale has no reason to go there
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimizer == "sgd":
        momentum = settings.momentum
        return torch.optim.SGD(groups, settings.learning_rate, momentum=momentum, nesterov=momentum > 0)
    return torch.optim.AdamW(groups, settings.learning_rate)
