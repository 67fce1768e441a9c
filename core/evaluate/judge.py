"""The judge: the original's answers, the labels, and what every changed model is held against.

Every model sees the same samples in the same order, the first `limit` of them, so that each loss is a
paired difference. Samples are preprocessed once and kept as long as they fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch, DataSet
from core.data.fit import batch_axis
from core.errors import DataError
from core.evaluate.answers import Subject, find_subject
from core.evaluate.batching import batch_of
from core.evaluate.dense import thinned
from core.evaluate.detection import PICTURES, boxes_in, no_boxes
from core.evaluate.metric import Reference
from core.evaluate.metrics import metrics_for
from core.evaluate.runner import Runner
from core.values import Measurement, Text, text

SAMPLE_MEMORY = 1 << 30
"""Bytes of preprocessed samples that are kept; what exceeds it is read again each time."""
ANSWER_MEMORY = 256 << 20
"""Bytes of the original's answers that are kept; larger answers are judged on a fixed part of each."""
MEASURING = text("Measuring")

Run = Callable[[dict[str, np.ndarray]], Sequence[object]]


@dataclass(frozen=True)
class Judgement:
    """What the judge says about a model."""

    measurements: tuple[Measurement, ...]
    """The first is the one that counts."""
    loss: float
    """Points lost against the original on the same samples; positive is worse."""
    loss_low: float | None
    loss_high: float | None
    kl: float | None
    """Mean KL divergence from the original's class probabilities, nats; None if it is no classifier."""

    @property
    def primary(self) -> Measurement:
        return self.measurements[0]


class Judge:
    """Runs the original once over the judging samples and keeps what comparisons need.

    Raises DataError if there are no samples or they don't fit the model, and Cancelled.
    """

    def __init__(
        self,
        original: Path,
        data: DataSet,
        context: Context,
        limit: int | None = None,
        threads: int | None = None,
        sample_memory: int = SAMPLE_MEMORY,
        answer_memory: int = ANSWER_MEMORY,
    ) -> None:
        self.original = Path(original)
        self.data = data
        self._sample_memory = sample_memory
        self._kept: list[Batch] = []
        self._kept_all = True

        runner = Runner(self.original, threads)
        self.threads = runner.threads
        self.batch_size = runner.batch_size(batch_of(data, "judge"))
        self.run_batch = runner.batch_size(1)
        """Samples of the smallest run."""
        self.axes = {info.name: batch_axis(info, runner.inputs) for info in runner.inputs}
        total = data.info.judge_count if limit is None else min(limit, data.info.judge_count)
        self.subject, self._part = self._look(runner, data, limit, total, answer_memory)
        self.metrics = metrics_for(self.subject)
        self._answers: list[np.ndarray] = []
        values: list[list[np.ndarray]] = []
        done = 0
        for batch in self._read(data.batches("judge", self.batch_size, limit)):
            # a copy, as they would keep all memory of the session
            answers = np.array(self._judged(runner.run(batch.feeds)))
            self._answers.append(answers)
            values.append(self._per_sample(answers, Reference(batch.labels, answers)))
            done += len(batch.indices)
            context.report(text("Judging the original"), done, total)
        self.count = done
        """How many samples there are to judge on."""
        self._original = [np.concatenate(parts) for parts in zip(*values, strict=True)]
        self.baseline: tuple[Measurement, ...] = self.baseline_of(self.count)

    def baseline_of(self, limit: int | None = None) -> tuple[Measurement, ...]:
        """Return the original's own figures on the first `limit` samples.

        Fidelity to itself says nothing unless it is what counts, so it is left out elsewhere.
        """
        measured = self._measure([values[:limit] for values in self._original])
        if self.subject.task in ("unlabelled", "embedding"):
            return measured[:1]
        own = [m for m in measured if m.metric not in ("agreement", "kl", "sqnr_db")]
        return tuple(own) or measured[:1]

    def measure(
        self,
        model: Path | bytes | ir.Model | Runner,
        context: Context,
        limit: int | None = None,
        stage: Text | None = MEASURING,
    ) -> Judgement:
        """Judge a model on the first `limit` samples. Raises what `Runner` raises, and Cancelled.

        `stage` is what is reported at each batch; with None the caller reports, and only cancelling works.
        """
        runner = model if isinstance(model, Runner) else Runner(model, self.threads)
        return self.measure_run(runner.run, context, limit, stage)

    def measure_run(
        self, run: Run, context: Context, limit: int | None = None, stage: Text | None = MEASURING
    ) -> Judgement:
        """Judge whatever `run` does with the feeds of a batch: it returns all outputs, in order."""
        total = self.count if limit is None else min(limit, self.count)
        values: list[list[np.ndarray]] = []
        done = 0
        for position, batch in enumerate(self._batches(total)):
            count = len(batch.indices)
            answers = self._judged(run(batch.feeds))
            reference = Reference(batch.labels, self._answers[position][:count])
            if answers.shape != reference.answers.shape:
                raise DataError(
                    text("The two models cannot be compared."),
                    text(
                        "One answers with the shape {one}, the other with {other}.",
                        one=str(answers.shape),
                        other=str(reference.answers.shape),
                    ),
                    text("Compare models that were made for the same task."),
                )
            values.append(self._per_sample(answers, reference))
            done += count
            if stage is None:
                context.check()
            else:
                context.report(stage, done, total)
        merged = [np.concatenate(parts) for parts in zip(*values, strict=True)]
        return self._judgement(merged)

    def pairs(self, limit: int | None = None) -> Iterator[tuple[Batch, np.ndarray]]:
        """The first `limit` samples in batches, with what of the original's answers is judged."""
        total = self.count if limit is None else min(limit, self.count)
        for position, batch in enumerate(self._batches(total)):
            yield batch, self._answers[position][: len(batch.indices)]

    def original_values(self, metric: int, limit: int) -> np.ndarray:
        """The original's values by sample of one of `metrics` on the first `limit` samples."""
        return self._original[metric][:limit]

    def part(self, outputs: Sequence[object]) -> np.ndarray:
        """Of the judged outputs' answers to a batch (`subject.outputs`, in order), what is looked at."""
        if self.subject.detector is not None:
            return self.subject.detector.read([np.asarray(one) for one in outputs])
        answers = np.asarray(outputs[0])
        return answers if self._part is None else answers.reshape(len(answers), -1)[:, self._part]

    def feeds(self, count: int = 1) -> dict[str, np.ndarray]:
        """Return the model's inputs for the first `count` samples (at most one batch)."""
        batch = next(self._batches(min(count, self.batch_size, self.count)))
        return batch.feeds

    def _judgement(self, values: list[np.ndarray]) -> Judgement:
        count = len(values[0])
        measured = self._measure(values)
        lost = self.metrics[0].loss(values[0], self._original[0][:count], self.subject)
        kl = next((m.value for m in measured if m.metric == "kl"), None)
        return Judgement(measured, lost.points, lost.low, lost.high, kl)

    def _measure(self, values: list[np.ndarray]) -> tuple[Measurement, ...]:
        pairs = zip(self.metrics, values, strict=True)
        return tuple(metric.measurement(kept, self.subject) for metric, kept in pairs)

    def _per_sample(self, answers: np.ndarray, reference: Reference) -> list[np.ndarray]:
        return [metric.per_sample(answers, reference, self.subject) for metric in self.metrics]

    def _look(
        self, runner: Runner, data: DataSet, limit: int | None, total: int, answer_memory: int
    ) -> tuple[Subject, np.ndarray | None]:
        """Find out from the first batch what is judged, and which part of each answer is kept."""
        batch = next(iter(data.batches("judge", self.batch_size, limit)), None)
        if batch is None or not len(batch.indices):
            raise DataError(
                text("There are no samples to judge the model on."),
                next_step=text("Choose data with more samples, or use fewer for calibration."),
            )
        outputs = runner.run(batch.feeds)
        task = data.info.task
        if task == "detection" or (task == "unlabelled" and _varies(runner)):
            most_raw = answer_memory // (max(1, total) * 4)
            found = self._boxes(runner, data, limit, most_raw)
            if found is not None:
                return found, None
            if task == "detection":
                raise no_boxes(outputs, len(data.info.class_names))
        subject = find_subject(outputs, task, _labels(data, limit) if task == "regression" else batch.labels)
        _check_answers(outputs, subject, batch, data)
        if subject.dense is not None:
            # a few hundred pixels of each picture tell as much of a network as all of them
            dense = thinned(subject.dense, answer_memory // (max(1, total) * 4))
            return replace(subject, dense=dense), dense.part
        answers = np.asarray(outputs[subject.output]).reshape(len(batch.indices), -1)
        size = answers.shape[1]
        affordable = max(1, answer_memory // (max(1, total) * answers.itemsize))
        if subject.classes or size <= affordable:
            return subject, None
        chosen = np.random.default_rng(0).choice(size, affordable, replace=False)
        return subject, np.sort(chosen)

    def _boxes(self, runner: Runner, data: DataSet, limit: int | None, most_raw: int) -> Subject | None:
        """How boxes are read. A network that tells of no row whose it is sees one picture at a time."""
        classes = len(data.info.class_names) if data.info.task == "detection" else None
        for size in dict.fromkeys((self.batch_size, 1)):
            if runner.batch_size(size) != size:
                continue
            batches = list(islice(data.batches("judge", size, limit), -(-PICTURES // size)))
            found = boxes_in(runner.run, batches, classes, most_raw)
            if found is not None:
                self.batch_size = size
                return found
        return None

    def _judged(self, outputs: Sequence[object]) -> np.ndarray:
        return self.part([outputs[place] for place in self.subject.outputs])

    def _read(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Pass batches on, keeping them while they fit."""
        kept_bytes = 0
        for batch in batches:
            kept_bytes += sum(array.nbytes for array in batch.feeds.values())
            if self._kept_all and kept_bytes <= self._sample_memory:
                self._kept.append(batch)
            else:
                self._kept_all = False
            yield batch

    def _batches(self, total: int) -> Iterator[Batch]:
        """The first `total` samples, in the batches in which the original saw them."""
        left = total
        for batch in self._kept:
            if left <= 0:
                return
            yield _first(batch, left, self.axes)
            left -= len(batch.indices)
        if left <= 0 or self._kept_all:
            return
        again = self.data.batches("judge", self.batch_size, total)
        for position, batch in enumerate(again):
            # those kept were given already; a data set reads lazily, but has no other way to skip
            if position >= len(self._kept):
                yield batch


def _varies(runner: Runner) -> bool:
    """Whether an output has sizes, besides the number of samples, that the model does not tell."""
    first = runner.inputs[0].shape if runner.inputs else None
    batch = first[0] if first and isinstance(first[0], str) else None
    return any(
        item.shape is None or any(not isinstance(size, int) and size != batch for size in item.shape)
        for item in runner.outputs
    )


def _first(batch: Batch, count: int, axes: dict[str, int | None]) -> Batch:
    """The first `count` samples; `axes` says along which axis each input stacks them."""
    if count >= len(batch.indices):
        return batch
    feeds = {
        name: array if axes.get(name) is None else array.take(range(count), axis=axes[name])
        for name, array in batch.feeds.items()
    }
    labels = None if batch.labels is None else batch.labels[:count]
    return Batch(feeds, labels, batch.indices[:count])


def _labels(data: DataSet, limit: int | None) -> np.ndarray | None:
    parts = [batch.labels for batch in data.batches("judge", 1024, limit)]
    return None if not parts or parts[0] is None else np.concatenate([p for p in parts if p is not None])


def _check_answers(outputs: Sequence[object], subject: Subject, batch: Batch, data: DataSet) -> None:
    """Raises DataError where answers and labels can't be held against each other."""
    answers = outputs[subject.output] if outputs else None
    count = len(batch.indices)
    if not isinstance(answers, np.ndarray) or answers.ndim == 0 or answers.shape[0] != count:
        raise DataError(
            text("The model does not give one answer for each sample."),
            text(
                "{count} samples gave an output of shape {shape}.",
                count=count,
                shape=str(getattr(answers, "shape", type(answers).__name__)),
            ),
            text("Use a model whose first output has the samples along its first dimension."),
        )
    labels = batch.labels
    if subject.task == "classification" and labels is not None and subject.classes:
        classes = max(len(data.info.class_names), int(labels.max(initial=0)) + 1)
        if classes > subject.classes:
            raise DataError(
                text("The data has more classes than the model."),
                text(
                    "The data has {data} classes, the model answers with {model}.",
                    data=classes,
                    model=subject.classes,
                ),
                text("Choose the data that the model was trained for."),
            )
    if subject.dense is not None and labels is not None and subject.dense.axis >= 0:
        most = int(labels.max(initial=0)) + 1
        if most > subject.dense.classes:
            raise DataError(
                text("The data has more classes than the model."),
                text(
                    "The data has {data} classes, the model answers with {model}.",
                    data=most,
                    model=subject.dense.classes,
                ),
                text("Choose the data that the model was trained for."),
            )
    if subject.task != "regression" or labels is None:
        return
    per_sample, wanted = int(np.prod(answers.shape[1:])), labels.reshape(count, -1).shape[1]
    if wanted != per_sample:
        raise DataError(
            text("The labels do not fit the model's output."),
            text(
                "There are {labels} numbers a sample in the labels and {outputs} in the output.",
                labels=wanted,
                outputs=per_sample,
            ),
            text("Choose another label column."),
        )
