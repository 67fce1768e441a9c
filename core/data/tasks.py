"""What answers are judged as, where the labels alone don't say: guessed, or as a person chose."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from core.data.dataset import Batch, DataSet, Role
from core.data.fit import batch_axis, show_shape
from core.errors import DataError
from core.values import DataSpec, Task, TensorInfo, Text, text

VOCABULARY = 1000
"""Scores for so many classes at every token are taken as a language model's."""
EMBEDDING = 128
"""So many numbers for a text are taken as its embedding."""
_TOKEN_NAMES = ("input_ids", "ids", "token")
_EMBEDDING_NAMES = ("embed", "pool", "feature", "sentence", "vector")


class Retasked:
    """Another data set's samples, judged as another task."""

    def __init__(self, data: DataSet, task: Task, note: Text | None = None) -> None:
        self._data = data
        guessed = data.info.guessed if note is None else (*_other_notes(data.info.guessed), note)
        names = data.info.class_names if task == data.info.task else ()
        self.info = msgspec.structs.replace(data.info, task=task, guessed=guessed, class_names=names)

    @property
    def shared_source(self) -> bool:
        return self._data.shared_source

    def batches(self, role: Role, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """See `DataSet.batches`."""
        for batch in self._data.batches(role, batch_size, limit):
            yield Batch(batch.feeds, self._labels(batch), batch.indices)

    def _labels(self, batch: Batch) -> np.ndarray | None:
        return None


class NextTokens(Retasked):
    """Token ids whose label is the token that follows: int64 (n, t), −1 at the end and where a mask is 0."""

    def __init__(self, data: DataSet, tokens: TensorInfo, mask: TensorInfo | None) -> None:
        note = text("Each token is judged by the one that follows it: perplexity of a language model.")
        super().__init__(data, "language", note)
        self._tokens = tokens.name
        self._mask = None if mask is None else mask.name

    def _labels(self, batch: Batch) -> np.ndarray | None:
        ids = batch.feeds[self._tokens]
        labels = np.full(ids.shape, -1, dtype=np.int64)
        labels[:, :-1] = ids[:, 1:]
        if self._mask is not None:
            labels[:, :-1][batch.feeds[self._mask][:, 1:] == 0] = -1
        return labels


def with_task(
    data: DataSet, spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]
) -> DataSet:
    """The data judged as `spec.task`, or as the outputs suggest. Raises DataError if that can't be."""
    asked, found = spec.task, data.info.task
    if asked == "language" or (asked == "" and found == "unlabelled" and _speaks(data, inputs, outputs)):
        tokens, mask = _tokens(inputs)
        if tokens is None or not any(info.shape is None or len(info.shape) == 3 for info in outputs):
            raise _unfit(asked, inputs, outputs)
        data = NextTokens(data, tokens, mask)
    elif asked in ("unlabelled", "embedding") and asked != found:
        note = text("Labels are not used: the answers are compared with the original's.")
        data = Retasked(data, asked, note)
    elif asked == "" and found == "unlabelled" and data.info.kind != "random" and _embeds(outputs):
        note = text("The model's output '{name}' is an embedding, from its name.", name=outputs[0].name)
        data = Retasked(data, "embedding", note)
    elif (
        asked == ""
        and found == "unlabelled"
        and data.info.kind != "random"
        and (width := _encoded(inputs, outputs))
    ):
        note = text(
            "The model takes tokens with a mask and answers {count} numbers: taken as an embedding.",
            count=width,
        )
        data = Retasked(data, "embedding", note)
    elif asked and asked != found:
        raise _unfit(asked, inputs, outputs)
    return data


def _other_notes(guessed: tuple[Text, ...]) -> tuple[Text, ...]:
    """Without what was said of labels: it does not hold any more."""
    return tuple(
        note for note in guessed if not note.template.startswith(("No labels", "Classes:", "Labels are"))
    )


def _speaks(data: DataSet, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]) -> bool:
    """Whether the model scores a whole vocabulary at every token."""
    if data.info.kind == "random" or not outputs or outputs[0].shape is None or len(outputs[0].shape) != 3:
        return False
    size = outputs[0].shape[2]
    return isinstance(size, int) and size >= VOCABULARY and _tokens(inputs)[0] is not None


def _tokens(inputs: tuple[TensorInfo, ...]) -> tuple[TensorInfo | None, TensorInfo | None]:
    """The input of token ids, and that of the mask, if there are such."""
    rows = [
        info
        for info in inputs
        if info.dtype in ("int64", "int32") and info.shape is not None and len(info.shape) == 2
    ]
    rows = [info for info in rows if batch_axis(info, inputs) == 0]
    mask = next((info for info in rows if "mask" in info.name.lower()), None)
    others = [info for info in rows if info is not mask]
    named = (info for part in _TOKEN_NAMES for info in others if part in info.name.lower())
    named = (
        info for info in named if "type" not in info.name.lower() and "position" not in info.name.lower()
    )
    return next(named, others[0] if len(others) == 1 else None), mask


def _embeds(outputs: tuple[TensorInfo, ...]) -> bool:
    if not outputs or outputs[0].shape is None or not outputs[0].dtype.startswith("float"):
        return False
    shape, name = outputs[0].shape, outputs[0].name.lower()
    wide = len(shape) == 2 and (not isinstance(shape[1], int) or shape[1] > 1)
    return wide and any(part in name for part in _EMBEDDING_NAMES)


def _encoded(inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]) -> int:
    """How many numbers a text becomes, so many that they hardly are scores of classes; 0: no such model."""
    tokens, mask = _tokens(inputs)
    if tokens is None or mask is None or not outputs or not outputs[0].dtype.startswith("float"):
        return 0
    shape = outputs[0].shape
    width = shape[1] if shape is not None and len(shape) == 2 else None
    return width if isinstance(width, int) and width >= EMBEDDING else 0


def _unfit(task: str, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]) -> DataError:
    return DataError(
        text("The data can't be judged as '{task}'.", task=task),
        text(
            "Its labels don't fit: the model takes {inputs} and answers {outputs}.",
            inputs=", ".join(show_shape(info.shape) for info in inputs),
            outputs=", ".join(show_shape(info.shape) for info in outputs),
        ),
        text("Choose another task, or leave it to be guessed."),
    )
