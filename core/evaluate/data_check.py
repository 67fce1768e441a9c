"""The guesses about the data held against the model: which preprocessing it answers best with, which order
its classes have. What is proposed is measured, and clearly better than what is in force.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from core.context import Context
from core.data.dataset import DataSet, Role
from core.data.preprocess_presets import name_of, redo, undo, unit_of, ways
from core.evaluate.answers import Subject, find_subject, log_probabilities, predicted_classes
from core.evaluate.label_order import PER_CLASS, accuracy_of, best_order, find_order
from core.evaluate.runner import Runner
from core.evaluate.statistics import paired_difference
from core.values import DataCheck, Preprocess, PreprocessScore, TensorInfo, Text, text

BATCH = 8
FIRST = 64
"""Samples on which every way is tried; the best few are tried on more."""
MOST = 512
FINALISTS = 4
SECONDS = 25.0
"""What trying may take where the model is slow: the number of samples follows."""
_LEAST = 24


@dataclass
class _Try:
    """One way, and what the answers to the samples so far were."""

    name: Text
    preprocess: Preprocess
    current: bool = False
    right: list[np.ndarray] = field(default_factory=list)
    predicted: list[np.ndarray] = field(default_factory=list)
    likelihood: list[np.ndarray] = field(default_factory=list)

    def figures(self, labels: np.ndarray, classes: int, permuted: bool) -> tuple[float, float]:
        """What it is ranked by: the share of right answers, then how likely the right ones were."""
        if permuted:
            predicted = np.concatenate(self.predicted)
            order = best_order(labels[: len(predicted)], predicted, classes)
            return float((predicted == order[labels[: len(predicted)]]).mean()), 0.0
        return float(np.concatenate(self.right).mean()), float(np.concatenate(self.likelihood).mean())


def check_data(runner: Runner, data: DataSet, context: Context, seconds: float = SECONDS) -> DataCheck:
    """Try the usual ways to scale pictures on labelled samples, and look for another order of the classes.

    Nothing for data without class labels. Raises what running the model raises, and Cancelled.
    """
    info = data.info
    if info.task != "classification" or not info.class_names:
        return DataCheck(spec=info.spec)
    scores: tuple[PreprocessScore, ...] = ()
    proposed = None
    spec_preprocess = info.spec.preprocess
    best: Preprocess | None = None
    if spec_preprocess is not None and spec_preprocess.color and len(runner.inputs) == 1:
        scores, proposed, best = _try_ways(runner, data, spec_preprocess, context, seconds)
    order = None
    if not info.spec.label_order:
        labels, predicted = _predictions(runner, data, spec_preprocess, best, context, seconds)
        order = find_order(labels, predicted, info.class_names)
    return DataCheck(spec=info.spec, scores=scores, proposed=proposed, order=order)


def _role(data: DataSet) -> Role:
    """Samples that don't judge, where they are labelled and suffice."""
    first = next(iter(data.batches("calibration", 1, 1)), None)
    labelled = first is not None and first.labels is not None
    return "calibration" if labelled and data.info.calibration_count >= FIRST else "judge"


def _try_ways(
    runner: Runner, data: DataSet, current: Preprocess, context: Context, seconds: float
) -> tuple[tuple[PreprocessScore, ...], PreprocessScore | None, Preprocess | None]:
    """All ways on some samples, the best and the one in force on more. The last: the best by any order."""
    given = runner.inputs[0]
    role = _role(data)
    batches = [
        (undo(batch.feeds[given.name], current), batch.labels)
        for batch in data.batches(role, BATCH, FIRST)
        if batch.labels is not None
    ]
    if not batches:
        return (), None, None
    sample = np.concatenate([pixels for pixels, _ in batches])
    labels = np.concatenate([each for _, each in batches]).reshape(-1).astype(np.int64)
    unit = unit_of(sample)
    if unit is None or sample.ndim != 4:
        return (), None, None
    tries = [_Try(name_of(current, given, sample, unit), current, True)]
    tries += [_Try(way.name, way.preprocess) for way in ways(current, given, sample, unit)]
    subject = None
    end = time.monotonic() + seconds / 2
    for position, (pixels, own) in enumerate(batches):
        if position and time.monotonic() > end and position * BATCH >= _LEAST:
            break
        for place, one in enumerate(tries):
            context.report(text("Trying ways to prepare the pictures"), position * len(tries) + place,
                           len(batches) * len(tries))  # fmt: skip
            subject = _run(runner, one, pixels, own, given, subject)
    classes = len(data.info.class_names)
    seen = labels[: sum(map(len, tries[0].predicted))]
    plain = max(one.figures(seen, classes, False)[0] for one in tries)
    # near chance whatever is tried: the classes may be in another order, which a permutation would show
    permuted = plain < max(2.5 / classes, 0.2) and len(seen) >= PER_CLASS * classes
    tries.sort(key=lambda one: one.figures(seen, classes, permuted), reverse=True)
    best = tries[0].preprocess
    if permuted:
        for one in tries:
            predicted = np.concatenate(one.predicted)
            one.right = [np.equal(predicted, best_order(seen, predicted, classes)[seen]).astype(np.float64)]
        before = next(one for one in tries if one.current)
        _, low, _ = paired_difference(tries[0].right[0], before.right[0])
        return tuple(_score(one) for one in tries), _score(tries[0]) if low > 0 else None, best
    if plain <= 1.5 / classes:
        return tuple(_score(one) for one in tries), None, None
    finalists = tries[:FINALISTS] + [one for one in tries[FINALISTS:] if one.current]
    _on_more(runner, data, role, finalists, sum(map(len, tries[0].predicted)), subject, context, seconds / 2)
    count = sum(map(len, finalists[0].right))
    more = np.concatenate([np.concatenate(one.right)[:count].reshape(1, -1) for one in finalists])
    order = sorted(
        range(len(finalists)),
        key=lambda i: (more[i].mean(), float(np.concatenate(finalists[i].likelihood).mean())),
        reverse=True,
    )
    in_force = next(i for i, one in enumerate(finalists) if one.current)
    _, low, _ = paired_difference(more[order[0]], more[in_force])
    proposed = _score(finalists[order[0]]) if order[0] != in_force and low > 0 else None
    rest = [one for one in tries if one not in finalists]
    return tuple(_score(one) for one in [*(finalists[i] for i in order), *rest]), proposed, None


def _on_more(
    runner: Runner,
    data: DataSet,
    role: Role,
    finalists: list[_Try],
    done: int,
    subject: Subject | None,
    context: Context,
    seconds: float,
) -> None:
    """Run the finalists on the samples after the first `done`, as many as time allows."""
    given = runner.inputs[0]
    current = next(one.preprocess for one in finalists if one.current)
    end = time.monotonic() + seconds
    start = 0
    for batch in data.batches(role, BATCH, MOST):
        start += len(batch.indices)
        if start <= done or batch.labels is None:
            continue
        if time.monotonic() > end:
            return
        context.report(text("Trying ways to prepare the pictures"), start, MOST)
        pixels = undo(batch.feeds[given.name], current)
        for one in finalists:
            subject = _run(runner, one, pixels, batch.labels, given, subject)


def _run(
    runner: Runner,
    one: _Try,
    pixels: np.ndarray,
    labels: np.ndarray,
    given: TensorInfo,
    subject: Subject | None,
) -> Subject:
    """Run one way on a batch; what the answers are is found out at the first."""
    outputs = runner.run({given.name: redo(pixels, one.preprocess, given)})
    subject = subject or find_subject(outputs, "classification", labels)
    answers = np.asarray(outputs[subject.output])
    wanted = labels.reshape(-1).astype(np.int64)
    predicted = predicted_classes(answers, subject)
    logs = log_probabilities(answers, subject)
    one.predicted.append(predicted)
    one.right.append((predicted == wanted).astype(np.float64))
    one.likelihood.append(logs[np.arange(len(logs)), np.clip(wanted, 0, logs.shape[1] - 1)])
    return subject


def _score(one: _Try) -> PreprocessScore:
    accuracy = accuracy_of(np.concatenate(one.right))
    return PreprocessScore(name=one.name, preprocess=one.preprocess, accuracy=accuracy, current=one.current)


def _predictions(
    runner: Runner,
    data: DataSet,
    current: Preprocess | None,
    best: Preprocess | None,
    context: Context,
    seconds: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the model's classes for judging samples, prepared in the way that fits best."""
    labels: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    subject = None
    end = time.monotonic() + seconds
    total = max(MOST, 3 * PER_CLASS * len(data.info.class_names))
    for batch in data.batches("judge", runner.batch_size(BATCH), total):
        if batch.labels is None or (labels and time.monotonic() > end):
            break
        feeds = batch.feeds
        if best is not None and current is not None:
            given = runner.inputs[0]
            feeds = {given.name: redo(undo(feeds[given.name], current), best, given)}
        outputs = runner.run(feeds)
        subject = subject or find_subject(outputs, "classification", batch.labels)
        predicted.append(predicted_classes(np.asarray(outputs[subject.output]), subject))
        labels.append(batch.labels.reshape(-1).astype(np.int64))
        context.report(text("Looking at the order of the classes"), sum(map(len, labels)), total)
    if not labels:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(labels), np.concatenate(predicted)
