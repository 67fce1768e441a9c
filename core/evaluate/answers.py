"""What a model's outputs mean: classes, probabilities or plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import DataError
from core.evaluate.dense import Dense, find_dense
from core.evaluate.detector import Detector
from core.values import Task, text

SMALLEST_PROBABILITY = 1e-12
"""Probabilities are kept above it, so that a certain error costs a finite number of nats (27.6)."""


@dataclass(frozen=True)
class Subject:
    """What is known of the answers before a metric looks at them."""

    task: Task
    output: int
    """Index of the output that is judged."""
    classes: int = 0
    """How many classes the answers tell apart; 0: they are no classes. Two may share one column."""
    probabilities: bool = False
    """The outputs are probabilities already, not logits."""
    label_std: float = 1.0
    """Standard deviation of the labels (regression): the unit of a loss in points."""
    dense: Dense | None = None
    """Where classes and labels meet in answers for many places (segmentation, language)."""
    detector: Detector | None = None
    """How boxes are read from the outputs (detection); answers are then what it reads."""

    @property
    def outputs(self) -> tuple[int, ...]:
        """Indices of the outputs that are judged together."""
        return (self.output,) if self.detector is None else self.detector.outputs


def find_subject(outputs: Sequence[object], task: Task, labels: np.ndarray | None) -> Subject:
    """Return which output is judged and what it holds, from the original's answers to some samples.

    A float output of shape (n, columns > 1), trailing ones ignored, is a classifier's unless the task is
    regression. A single column is one too if there are class labels. Raises DataError if no output fits
    the labels of several classes, of pixels or of tokens.
    """
    arrays = [(i, output) for i, output in enumerate(outputs) if isinstance(output, np.ndarray)]
    floats = [(i, output) for i, output in arrays if np.issubdtype(output.dtype, np.floating)]
    if task == "regression":
        std = float(np.std(labels)) if labels is not None and labels.size else 1.0
        return Subject(task=task, output=_first(floats or arrays), label_std=std or 1.0)
    if task == "multilabel" and labels is not None:
        return _multilabel(floats, labels)
    if task in ("segmentation", "language") and labels is not None:
        return _dense(arrays, task, labels)
    if task == "embedding":
        return Subject(task=task, output=_embedding(floats) if floats else _first(arrays))
    for index, output in floats:
        columns = as_columns(output).shape[1] if _is_table(output) else 0
        if columns > 1 or (columns == 1 and task == "classification"):
            return Subject(
                task=task,
                output=index,
                classes=max(2, columns),
                probabilities=_are_probabilities(as_columns(output)),
            )
    return Subject(task=task, output=_first(floats or arrays))


def _multilabel(floats: Sequence[tuple[int, np.ndarray]], labels: np.ndarray) -> Subject:
    wanted = labels.reshape(len(labels), -1).shape[1]
    for index, output in floats:
        if output.size == len(labels) * wanted:
            columns = as_columns(output)
            within = bool(np.all((columns >= -1e-6) & (columns <= 1 + 1e-6)))
            return Subject(task="multilabel", output=index, probabilities=within)
    raise _no_output(f"{wanted}", floats)


def _dense(arrays: Sequence[tuple[int, np.ndarray]], task: Task, labels: np.ndarray) -> Subject:
    for index, output in arrays:
        dense = find_dense(output, labels, last=task == "language")
        if dense is not None:
            return Subject(task=task, output=index, dense=dense)
    raise _no_output(" × ".join(map(str, labels.shape[1:])), arrays)


def _no_output(wanted: str, arrays: Sequence[tuple[int, np.ndarray]]) -> DataError:
    shapes = ", ".join(" × ".join(map(str, output.shape[1:])) or "1" for _, output in arrays)
    return DataError(
        text("No output of the model answers labels of {wanted} a sample.", wanted=wanted),
        text("Its outputs are, for each sample: {shapes}.", shapes=shapes or "–"),
        text("Choose data made for this model, or the task 'compare with the original'."),
    )


def _embedding(floats: Sequence[tuple[int, np.ndarray]]) -> int:
    """The first output with one row of numbers a sample; else the first."""
    rows = [index for index, output in floats if _is_table(output) and as_columns(output).shape[1] > 1]
    return rows[0] if rows else floats[0][0]


def predicted_labels(output: np.ndarray, subject: Subject) -> np.ndarray:
    """Which labels each sample gets, bool (n, labels): more likely than not."""
    return np.asarray(as_columns(output) > (0.5 if subject.probabilities else 0.0))


def as_columns(output: np.ndarray) -> np.ndarray:
    """Return answers as (n, columns) float64, trailing dimensions of one dropped."""
    return output.reshape(output.shape[0], -1).astype(np.float64)


def predicted_classes(output: np.ndarray, subject: Subject) -> np.ndarray:
    """Return the class of each sample, shape (n,), int64; −1 where the answer is not a number.

    An output of integers is taken as the classes themselves.
    """
    if not np.issubdtype(output.dtype, np.floating):
        return output.reshape(output.shape[0], -1)[:, 0].astype(np.int64)
    columns = as_columns(output)
    if columns.shape[1] == 1:
        chosen = (columns[:, 0] > (0.5 if subject.probabilities else 0.0)).astype(np.int64)
    else:
        chosen = np.argmax(columns, axis=1)
    return np.where(np.isnan(columns).any(axis=1), -1, chosen)


def log_probabilities(output: np.ndarray, subject: Subject) -> np.ndarray:
    """Return natural logarithms of the class probabilities, shape (n, classes), float64.

    Probabilities below `SMALLEST_PROBABILITY` and answers that are not a number count as that.
    """
    columns = as_columns(output)
    if columns.shape[1] == 1:
        column = columns[:, 0]
        if subject.probabilities:
            columns = np.stack([1 - column, column], axis=1)
        else:
            columns = np.stack([np.zeros_like(column), column], axis=1)
    if subject.probabilities:
        logs = np.log(np.clip(columns, SMALLEST_PROBABILITY, 1.0))
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            shifted = columns - columns.max(axis=1, keepdims=True)
            logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    smallest = np.log(SMALLEST_PROBABILITY)
    return np.maximum(np.where(np.isnan(logs), smallest, logs), smallest)


def _is_table(output: np.ndarray) -> bool:
    return output.ndim >= 1 and all(size == 1 for size in output.shape[2:])


def _are_probabilities(columns: np.ndarray) -> bool:
    within = bool(np.all((columns >= -1e-6) & (columns <= 1 + 1e-6)))
    if columns.shape[1] == 1:
        return within
    return within and bool(np.allclose(columns.sum(axis=1), 1.0, atol=1e-3))


def _first(arrays: Sequence[tuple[int, np.ndarray]]) -> int:
    return arrays[0][0] if arrays else 0
