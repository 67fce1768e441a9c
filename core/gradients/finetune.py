"""Fine-tuning: train the weights that are left, towards the original's answers or towards labels.

Masks are held (a weight that is zero stays zero) and grids are held (weights and activations are rounded
on every pass, with straight-through gradients), so that what is trained is the compressed network. The best
state on held-out samples is what comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch
from core.errors import PlanError
from core.evaluate.answers import Subject, find_subject
from core.evaluate.threads import physical_cores
from core.gradients.convert import to_torch
from core.gradients.gradients import no_labels, task_of
from core.gradients.grids import ActivationGrid, WeightGrid
from core.gradients.lazy import torch
from core.gradients.losses import distillation, label_loss, relative_error
from core.gradients.samples import Augmentation, Samples
from core.gradients.schedule import cosine
from core.gradients.teacher import Teacher, keeping
from core.values import text

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap, TorchGraph

Outputs = list["torch.Tensor"]
Stopped = Literal["finished", "time", "no progress", "diverged"]


@dataclass(frozen=True)
class Settings:
    """How to train. The course ends after `seconds` or `steps`, whichever is first."""

    seconds: float = 180.0
    steps: int | None = None
    batch_size: int = 64
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
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
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    half: bool = False
    """Multiply in bfloat16: faster on processors that have it."""
    threads: int | None = None
    """None: one for each physical core. One is best where the cores are busy with other things."""
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
    weight_grids: Mapping[str, WeightGrid] | None = None,
    activation_grids: Mapping[str, ActivationGrid] | None = None,
    features: tuple[str, ...] = (),
    train: tuple[str, ...] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> FineTuned:
    """Train a clone of `model`'s weights; `model` and `teacher` are not changed.

    `teacher` is the original, the model itself if left out (then only its own damage by grids is
    repaired). `masks`: True where a weight may be other than zero, by initializer name. `features`: names
    of values that both networks have. `train`: only these initializers; all trained ones if left out.
    If nothing helps on the held-out samples, the weights come back as they were, masked and rounded.

    Raises PlanError for names that the model does not have, DataError without labels where they are
    asked for, UnsupportedModelError for a missing operator, Cancelled after any step.
    """
    if settings.label_share > 0 and samples.labels is None:
        raise no_labels()
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads or physical_cores())
    try:
        graph = to_torch(model)
        chosen = _chosen(graph, train)
        student = _Student(graph, masks or {}, weight_grids or {}, activation_grids or {}, chosen)
        wanted = features if settings.feature_weight else ()
        trainer = _Trainer(
            student, Teacher(teacher or model, wanted, settings.threads), settings, samples, held_out
        )
        return trainer.run(context, on_progress)
    finally:
        torch.set_num_threads(threads)


def _chosen(graph: TorchGraph, train: tuple[str, ...] | None) -> list[str]:
    if train is None:
        return list(graph.weights)
    return [name for name in graph.weights if name in train]


class _Student:
    """The network that is trained, with what is held."""

    def __init__(
        self,
        graph: TorchGraph,
        masks: Mapping[str, np.ndarray],
        weight_grids: Mapping[str, WeightGrid],
        activation_grids: Mapping[str, ActivationGrid],
        chosen: list[str],
    ) -> None:
        for name in [*masks, *weight_grids]:
            if name not in graph.weights:
                raise PlanError(
                    text("'{name}' is no weight that can be trained.", name=name),
                    next_step=text("Open the model again and choose from the layers in the table."),
                )
        self.graph = graph
        graph.channels_last()
        self.masks = {name: torch.from_numpy(np.asarray(mask)).bool() for name, mask in masks.items()}
        self.rounding = {name: grid.rounding() for name, grid in weight_grids.items()}
        self.taps: dict[str, Tap] = {name: grid.rounding() for name, grid in activation_grids.items()}
        self.trained = {name: graph.weights[name] for name in chosen}
        for name, parameter in graph.weights.items():
            parameter.requires_grad_(name in self.trained)
        self.hold()

    def hold(self) -> None:
        """Bring the masked weights back to zero."""
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.graph.weights[name].mul_(mask)

    def rounded(self) -> dict[str, torch.Tensor]:
        return {name: rounding(self.graph.weights[name]) for name, rounding in self.rounding.items()}

    def run(self, feeds: Mapping[str, torch.Tensor], taps: Mapping[str, Tap]) -> Outputs:
        return self.graph(feeds, self.rounded(), {**self.taps, **taps})  # type: ignore[no-any-return]

    def state(self) -> dict[str, torch.Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.trained.items()}

    def weights(self, state: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
        """The arrays to write: every trained, masked or rounded weight."""
        with torch.no_grad():
            for name, value in state.items():
                self.trained[name].copy_(value)
            names = dict.fromkeys([*self.trained, *self.masks, *self.rounding])
            final = {**self.graph.weights, **self.rounded()}
            return {name: final[name].detach().contiguous().numpy().copy() for name in names}


class _Trainer:
    def __init__(
        self, student: _Student, teacher: Teacher, settings: Settings, samples: Samples, held_out: Samples
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings
        self.samples, self.held_out = samples, held_out
        self.rng = np.random.default_rng(settings.seed)
        self.optimizer = _optimizer(student, settings)
        first = teacher.answers(next(held_out.batches(settings.batch_size)).feeds)
        answers = [value.numpy() for value in first]
        self.subject: Subject = find_subject(answers, task_of(samples.labels), samples.labels)
        self._kept: dict[int, Outputs] = {}

    def run(self, context: Context, on_progress: Callable[[Progress], None] | None) -> FineTuned:
        settings, started = self.settings, time.monotonic()
        before = best = self.measure(context)
        best_state, idle, step, checked = self.student.state(), 0, 0, 0
        running = float("nan")
        stopped: Stopped = "time"
        for batch in self._batches():
            share = self._share(step, time.monotonic() - started)
            if share >= 1.0:
                stopped = "finished" if settings.steps and step >= settings.steps else "time"
                break
            rate = settings.learning_rate * cosine(share, settings.warm_up)
            loss = self._step(batch, rate)
            step += 1
            if not np.isfinite(loss):
                stopped = "diverged"
                break
            running = loss if np.isnan(running) else 0.95 * running + 0.05 * loss
            after = self._share(step, time.monotonic() - started)
            measured = None
            if int(after * settings.checks) > checked or after >= 1.0:
                checked = int(after * settings.checks)
                measured = self.measure(context)
                idle = 0 if measured < best else idle + 1
                if measured < best:
                    best, best_state = measured, self.student.state()
            context.report(text("Fine-tuning"), int(1000 * min(1.0, after)), 1000)
            if on_progress is not None:
                on_progress(Progress(step, min(1.0, after), running, measured, rate))
            if settings.patience and idle >= settings.patience:
                stopped = "no progress"
                break
        weights = self.student.weights(best_state)
        return FineTuned(weights, before, best, step, time.monotonic() - started, stopped)

    def measure(self, context: Context) -> float:
        """The loss on the held-out samples, without features."""
        total, count = 0.0, 0
        with torch.no_grad(), self._precision():
            for number, batch in enumerate(self.held_out.batches(256)):
                context.check()
                if number not in self._kept:
                    self._kept[number] = self._taught(batch)
                outputs = self.student.run(_tensors(batch.feeds), {})
                loss = self._loss(outputs, self._kept[number], batch.labels)
                total += float(loss) * len(batch.indices)
                count += len(batch.indices)
        return total / max(1, count)

    def _step(self, batch: Batch, rate: float) -> float:
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        taught = self._taught(batch)
        inner: dict[str, torch.Tensor] = {}
        with self._precision():
            outputs = self.student.run(_tensors(batch.feeds), keeping(inner, self.teacher.features))
            loss = self._loss(outputs, taught, batch.labels)
            for name, values in inner.items():
                part = settings.feature_weight / len(inner)
                loss = loss + part * relative_error(values, self.teacher.seen[name])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(list(self.student.trained.values()), settings.clip_norm)
        self.optimizer.step()
        self.student.hold()
        return float(loss.detach())

    def _taught(self, batch: Batch) -> Outputs:
        if self.settings.label_share >= 1.0 and not self.teacher.features:
            return []
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

    def _batches(self) -> Iterator[Batch]:
        while True:
            yield from self.samples.epoch(self.settings.batch_size, self.rng, self.settings.augmentation)

    def _share(self, step: int, seconds: float) -> float:
        by_time = seconds / self.settings.seconds
        return max(by_time, step / self.settings.steps) if self.settings.steps else by_time

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.settings.half)


def _tensors(feeds: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in feeds.items()}


def _optimizer(student: _Student, settings: Settings) -> torch.optim.Optimizer:
    parameters = list(student.trained.values())
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
