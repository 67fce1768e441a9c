"""What a column or array of labels means for a model: classes, numbers to predict, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data.fit import answers_classes, check_classes, class_count, show_shape
from core.errors import DataError
from core.values import Task, TensorInfo, Text, text

FEW_CLASSES = 20
"""At most so many different whole numbers are taken as classes where the model doesn't say."""
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Labels:
    """task and, for each sample, an int64 class (n,), float32 targets (n,) or (n, k), int8 labels (n, k) of
    which several may hold, or int16 classes of pixels (n, h, w), −1 where one does not count.

    usable: bool (n,), False where the label is missing.
    """

    task: Task
    values: np.ndarray | None
    class_names: tuple[str, ...]
    usable: np.ndarray
    guessed: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()


def unlabelled(count: int, *warnings: Text) -> Labels:
    note = text("No labels: judged by agreement with the original's answers.")
    return Labels("unlabelled", None, (), np.ones(count, dtype=bool), (note,), warnings)


def interpret(raw: np.ndarray, outputs: tuple[TensorInfo, ...], task: str = "") -> Labels:
    """Labels from text (n,), numbers (n,) or (n, 1), one-hot rows, several labels or targets (n, k), or
    classes of pixels (n, h, w).

    Missing ones are '' or NaN. `task`: what they are to be taken as, where a person chose it.
    Raises DataError, showing both, where they can't be the model's answers.
    """
    if task in ("unlabelled", "embedding", "language"):
        return unlabelled(len(raw))
    if raw.ndim > 1 and raw.shape[1:] == (1,) * (raw.ndim - 1):
        raw = raw.reshape(len(raw))
    if raw.ndim == 3 and task in ("", "segmentation") and _answers_map(outputs):
        return _pixels(raw, outputs)
    several = raw.ndim == 2 and raw.shape[1] > 1 and _zeros_and_ones(raw)
    if task == "multilabel" or (several and task == "" and not _is_one_hot(raw)):
        return _several(raw, outputs, several)
    if raw.ndim == 2 and task != "regression" and _is_one_hot(raw):
        raw = raw.argmax(axis=1)
    if task == "regression" and raw.ndim == 1 and raw.dtype.kind not in "US":
        note = text("Labels are numbers to predict: judged by the error.")
        numbers = raw.astype(np.float32)
        return Labels("regression", numbers, (), np.isfinite(numbers), (note,))
    if not answers_classes(outputs) or raw.ndim > 2:
        warning = text(
            "The model answers {shape}, not one score per class: the labels are not used.",
            shape=show_shape(outputs[0].shape if outputs else None),
        )
        return unlabelled(len(raw), warning)
    if raw.ndim == 2:
        return _targets(raw, outputs)
    if raw.dtype.kind in "US":
        return _named(raw.astype(str), outputs)
    return _numbers(raw.astype(np.float64), outputs)


def interpret_calibration(
    raw: np.ndarray, outputs: tuple[TensorInfo, ...], judged: Labels, task: str = ""
) -> Labels:
    """Labels of a separate calibration source: it may lack classes, and is used without labels then."""
    try:
        labels = interpret(raw, outputs, task)
    except DataError:
        return unlabelled(len(raw))
    alike = labels.task == judged.task and labels.class_names == judged.class_names
    return labels if alike else unlabelled(len(raw))


def _answers_map(outputs: tuple[TensorInfo, ...]) -> bool:
    """Whether some output can be a class, or a score of each, for every pixel."""
    return any(info.shape is None or len(info.shape) in (3, 4) for info in outputs)


def _pixels(raw: np.ndarray, outputs: tuple[TensorInfo, ...]) -> Labels:
    """Classes of pixels; 255 and negative ones don't count, as is the custom."""
    if raw.dtype.kind not in "iub" or raw.max(initial=0) > 32767:
        raise DataError(
            text("The labels of pixels are no classes."),
            text("Each pixel needs a whole number from 0 on; 255 means that it does not count."),
            text("Correct the labels, or choose the task 'compare with the original'."),
        )
    values = raw.astype(np.int16)
    values[(values == 255) | (values < 0)] = -1
    classes = int(values.max(initial=0)) + 1
    note = text("Labels are classes of pixels: judged by the overlap of areas (mean IoU).")
    return Labels(
        "segmentation", values, tuple(map(str, range(classes))), np.ones(len(raw), dtype=bool), (note,)
    )


def _zeros_and_ones(raw: np.ndarray) -> bool:
    return raw.dtype.kind in "fiub" and bool(((raw == 0) | (raw == 1) | (raw != raw)).all())


def _several(raw: np.ndarray, outputs: tuple[TensorInfo, ...], usual: bool) -> Labels:
    """Several labels a sample, of which any number may hold."""
    count = class_count(outputs)
    width = raw.shape[1] if raw.ndim == 2 else 1
    if not usual or (count is not None and count != width):
        raise DataError(
            text(
                "Each sample has {have} labels, the model answers {count} numbers.",
                have=width,
                count=str(count or "?"),
            ),
            text("Several labels are a row of 0 and 1, one for each of the model's outputs."),
            text("Choose the data this model was trained for, or another task."),
        )
    usable: np.ndarray = np.asarray(np.isfinite(raw.astype(np.float64)).all(axis=1))
    values = np.where(usable[:, None], np.nan_to_num(raw.astype(np.float64)), 0).astype(np.int8)
    note = text("Each sample may have several labels: judged by F1 and mean average precision.")
    return Labels("multilabel", values, tuple(map(str, range(width))), usable, (note,))


def _is_one_hot(raw: np.ndarray) -> bool:
    if raw.dtype.kind not in "fiub" or raw.shape[1] < 2:
        return False
    return bool(((raw == 0) | (raw == 1)).all() and (raw.sum(axis=1) == 1).all())


def _one_class(name: str, count: int) -> Labels:
    return unlabelled(count, text("All samples have the label '{name}': used without labels.", name=name))


def _named(raw: np.ndarray, outputs: tuple[TensorInfo, ...]) -> Labels:
    usable = raw != ""
    names = np.unique(raw[usable])
    if len(names) == 1:
        return _one_class(str(names[0]), len(raw))
    if class_count(outputs) is None and len(names) > max(FEW_CLASSES, len(raw) // 2):
        warning = text(
            "The labels are {count} different texts in {samples} samples: not used as classes.",
            count=len(names),
            samples=len(raw),
        )
        return unlabelled(len(raw), warning)
    class_names = tuple(str(name)[:_LONGEST_NAME] for name in names)
    check_classes(class_names, outputs)
    values = np.where(usable, np.searchsorted(names, raw), -1).astype(np.int64)
    note = text("Classes: the labels in alphabetical order are the model's outputs.")
    return Labels("classification", values, class_names, usable, (note,))


def _numbers(raw: np.ndarray, outputs: tuple[TensorInfo, ...]) -> Labels:
    usable = np.isfinite(raw)
    present = np.unique(raw[usable])
    count = class_count(outputs)
    whole = bool((present == np.rint(present)).all())
    if count == 1 and present.tolist() == [0, 1]:
        note = text("Classes: the labels 0 and 1 are the two answers of the model's single output.")
        values = np.where(usable, raw, -1).astype(np.int64)
        return Labels("classification", values, ("0", "1"), usable, (note,))
    if count == 1 or (count is None and (not whole or len(present) > FEW_CLASSES)):
        note = text("Labels are numbers to predict: judged by the error.")
        return Labels("regression", raw.astype(np.float32), (), usable, (note,))
    if len(present) == 1 and count is None:
        return _one_class(f"{present[0]:g}", len(raw))
    if not whole:
        fraction = present[present != np.rint(present)][0]
        raise DataError(
            text(
                "The labels hold {value}, the model tells {count} classes apart.",
                value=f"{fraction:g}",
                count=count or 0,
            ),
            text("Classes are whole numbers or text."),
            text("Choose another label column, or data for this model."),
        )
    if count is not None and present.min() >= 0 and present.max() < count:
        values = np.where(usable, raw, -1).astype(np.int64)
        note = text("Classes: the labels 0 to {last} are the model's outputs.", last=count - 1)
        return Labels("classification", values, tuple(map(str, range(count))), usable, (note,))
    class_names = tuple(f"{value:.0f}" for value in present)
    check_classes(class_names, outputs)
    values = np.where(usable, np.searchsorted(present, raw), -1).astype(np.int64)
    note = text("Classes: the labels in numerical order are the model's outputs.")
    return Labels("classification", values, class_names, usable, (note,))


def _targets(raw: np.ndarray, outputs: tuple[TensorInfo, ...]) -> Labels:
    count = class_count(outputs)
    if raw.dtype.kind in "US" or (count is not None and count != raw.shape[1]):
        raise DataError(
            text(
                "Each sample has {have} labels, the model answers {count} numbers.",
                have=raw.shape[1],
                count=str(count or "?"),
            ),
            text("Labels are one class, or one number for each of the model's outputs."),
            text("Choose the data this model was trained for."),
        )
    values = raw.astype(np.float32)
    note = text("Labels are numbers to predict: judged by the error.")
    return Labels("regression", values, (), np.asarray(np.isfinite(values).all(axis=1)), (note,))
