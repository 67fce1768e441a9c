"""What became different: the original's answers and a compressed file's on the same samples.

Nothing but counts and the most changed samples is kept, so any number of samples streams through.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from core.context import Context
from core.data.dataset import Batch
from core.data.fit import batch_axis
from core.data.preview import sample_pictures
from core.errors import ExportError
from core.evaluate.answers import Subject, as_columns, log_probabilities, predicted_classes
from core.evaluate.by_class import by_class
from core.evaluate.in_words import has_words, in_words, next_tokens
from core.evaluate.judge import Judge
from core.evaluate.marks import marks, picture_size
from core.evaluate.runner import Runner
from core.evaluate.statistics import paired_difference, wilson
from core.values import (
    Answer,
    Array,
    ChangedSample,
    ClassChange,
    ClassName,
    Comparison,
    DataInfo,
    Marks,
    class_names,
    digest,
    text,
)
from core.values.compared import Kind

VERSION = 6
"""Raise it when the same samples give another comparison."""
MOST_SAMPLES = 60
MOST_CLASSES = 40
"""Rows of the matrices: beyond it those classes that changed most stand for all."""
NOTABLE = 0.01
"""Share of the spread of the original's answers beyond which a number counts as changed."""
_ROW = 12
_INTERVAL_SECONDS = 0.5


def compare(judge: Judge, other: Path, sha256: str, context: Context, limit: int | None = None) -> Comparison:
    """Hold the file `other` against the judge's original, sample by sample; publishes what is known so far.

    Raises ExportError if the file is gone, what `Runner` raises, and Cancelled.
    """
    if not Path(other).is_file():
        raise ExportError(
            text("The finished result is no longer there."),
            text("Its file was removed from the work folder."),
            text("Run the compression again; measurements that are kept make it short."),
        )
    runner = Runner(other, judge.threads)
    tally = Tally(judge.subject, judge.data.info, runner)
    total = judge.count if limit is None else min(limit, judge.count)
    said = time.monotonic()
    for batch, before in judge.pairs(limit):
        outputs = runner.run(batch.feeds)
        after = judge.part([outputs[place] for place in judge.subject.outputs])
        tally.add(batch, before, after)
        context.report(text("Comparing answers"), tally.done, total)
        if time.monotonic() - said > _INTERVAL_SECONDS and tally.done < total:
            context.publish(tally.comparison(sha256, total))
            said = time.monotonic()
    return tally.comparison(sha256, total)


class Store(Protocol):
    """Where finished comparisons are kept."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...


def kept_comparison(store: Store, data: DataInfo, sha256: str) -> Comparison | None:
    """The finished comparison of the file with this digest, if there is one."""
    kept = store.get(_key(data, sha256))
    return msgspec.msgpack.decode(kept, type=Comparison) if kept is not None else None


def keep_comparison(store: Store, data: DataInfo, comparison: Comparison) -> None:
    store.put(_key(data, comparison.sha256), msgspec.msgpack.encode(comparison))


def _key(data: DataInfo, sha256: str) -> str:
    return digest("compare", VERSION, data.key, sha256)


@dataclass
class Tally:
    """What is counted while the samples go by."""

    subject: Subject
    info: DataInfo
    runner: Runner
    done: int = 0
    _changed: list[int] = field(default_factory=lambda: [0, 0, 0])
    """All, broken, mended."""
    _moved: list[np.ndarray] = field(default_factory=list)
    _most: list[tuple[float, int, ChangedSample]] = field(default_factory=list)
    """A heap: the least changed of those kept stands first."""

    def __post_init__(self) -> None:
        classes = self.subject.classes
        dense = self.subject.dense
        # a matrix has a row for each class that the model tells apart, and no more
        self._names = (
            class_names(self.info, classes)[:classes]
            if classes
            else class_names(self.info, dense.classes if dense is not None else 0)
        )
        self._before = np.zeros((classes, classes), np.int64)
        self._after = np.zeros((classes, classes), np.int64)
        self._rights = np.zeros((classes, 2, 2), np.int64)
        """By class: how often the original (first) and the other (second) were wrong (0) or right (1)."""
        self._sum = self._squares = 0.0
        self._numbers = 0
        self._by_class = by_class(self.subject, len(self.info.class_names))

    @property
    def labelled(self) -> bool:
        return self.info.task == "classification"

    @property
    def _speaks(self) -> bool:
        return self.subject.task == "language" and self.subject.dense is not None

    def add(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        """Count one batch; `before` and `after` are both networks' answers of the judged output."""
        self.done += len(batch.indices)
        if self.subject.classes:
            self._add_classes(batch, before, after)
        else:
            self._add_numbers(batch, before, after)

    def _add_classes(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        first, second = (predicted_classes(one, self.subject) for one in (before, after))
        known = self.labelled and batch.labels is not None
        truth = batch.labels.reshape(-1) if known and batch.labels is not None else first
        one, two = (np.exp(log_probabilities(answers, self.subject)) for answers in (before, after))
        moved = 0.5 * np.abs(one - two).sum(axis=1)
        inside = (truth >= 0) & (truth < self.subject.classes)
        for guesses, matrix in ((first, self._before), (second, self._after)):
            # an answer that is not a number is no class
            fine = inside & (guesses >= 0) & (guesses < self.subject.classes)
            np.add.at(matrix, (truth[fine], guesses[fine]), 1)
        was, now = (first == truth).astype(np.int64), (second == truth).astype(np.int64)
        np.add.at(self._rights, (truth[inside], was[inside], now[inside]), 1)
        differ = first != second
        broken, mended = differ & (was == 1), differ & (now == 1)
        for place, found in enumerate((differ, broken, mended)):
            self._changed[place] += int(found.sum())
        for row in np.flatnonzero(differ).tolist():
            kind: Kind = "broken" if known and broken[row] else "mended" if known and mended[row] else "other"

            def sample(row: int = row, kind: Kind = kind) -> ChangedSample:
                was, now = int(first[row]), int(second[row])
                return ChangedSample(
                    index=int(batch.indices[row]),
                    label=self._name(int(truth[row])) if known else "",
                    before=self._name(was),
                    before_share=_share(one, row, was),
                    after=self._name(now),
                    after_share=_share(two, row, now),
                    change=float(moved[row]),
                    kind=kind,
                )

            self._offer(float(moved[row]), batch, row, sample)

    def _add_numbers(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        if self._by_class is not None:
            self._by_class.add(batch, before, after)
        one, two = as_columns(before), as_columns(after)
        self._sum += float(one.sum())
        self._squares += float(np.square(one).sum())
        self._numbers += one.size
        with np.errstate(invalid="ignore", over="ignore"):
            moved = np.sqrt(np.square(two - one).mean(axis=1))
        moved = np.nan_to_num(moved, nan=np.finfo(np.float64).max, posinf=np.finfo(np.float64).max)
        self._moved.append(moved)
        # of maps and several labels the distance between answers and labels says nothing
        known = batch.labels is not None and self.info.task == "regression"
        labels = batch.labels.reshape(len(one), -1) if known and batch.labels is not None else None
        told = has_words(self.subject) or self._speaks
        for row in np.flatnonzero(moved > 0).tolist():

            def sample(row: int = row) -> ChangedSample:
                parts = self._parts(before[row : row + 1], after[row : row + 1]) if told else ((), ())
                return ChangedSample(
                    index=int(batch.indices[row]),
                    label=_numbers(labels[row]) if labels is not None else "",
                    before="" if told else _numbers(one[row]),
                    after="" if told else _numbers(two[row]),
                    before_parts=parts[0],
                    after_parts=parts[1],
                    change=float(moved[row]),
                    kind=_nearer(labels[row], one[row], two[row]) if labels is not None else "other",
                    before_marks=self._marks(before, batch, row),
                    after_marks=self._marks(after, batch, row),
                )

            self._offer(float(moved[row]), batch, row, sample)

    def _parts(self, before: np.ndarray, after: np.ndarray) -> tuple[tuple[Answer, ...], ...]:
        """What answers to one sample say that are areas, boxes or tokens."""
        if self._speaks:
            return next_tokens(before, after, self.subject)
        both = (in_words(answer, self.subject, self._names) for answer in (before, after))
        return tuple(told or (Answer(name="–"),) for told in both)

    def _marks(self, answers: np.ndarray, batch: Batch, row: int) -> Marks | None:
        """Where in the picture the answer is what."""
        feeds = list(batch.feeds.values())
        size = picture_size(feeds[0].shape, self.info.spec.preprocess) if len(feeds) == 1 else (0, 0)
        return marks(answers[row : row + 1], self.subject, self._names, size)

    def _offer(self, change: float, batch: Batch, row: int, make: Callable[[], ChangedSample]) -> None:
        """Keep the sample if it is among the most changed so far; only then its picture is made."""
        index = int(batch.indices[row])
        if len(self._most) >= MOST_SAMPLES and (change, -index) <= self._most[0][:2]:
            return
        sample = self._shown(make(), batch, row)
        push = heapq.heappush if len(self._most) < MOST_SAMPLES else heapq.heapreplace
        push(self._most, (change, -index, sample))

    def _shown(self, sample: ChangedSample, batch: Batch, row: int) -> ChangedSample:
        feeds = {}
        for info in self.runner.inputs:
            axis = batch_axis(info, self.runner.inputs)
            if axis is not None:
                feeds[info.name] = batch.feeds[info.name].take([row], axis=axis)
        if not feeds:
            return sample
        first = next(iter(feeds.values()))
        pictures = sample_pictures(first, self.info.spec.preprocess) if len(feeds) == 1 else ()
        if pictures:
            return msgspec.structs.replace(sample, picture_png=pictures[0])
        values = first.reshape(-1)[:_ROW]
        # token ids are no quantities: '20430' and not '2.043e+04'
        whole = values.dtype.kind in "iub"
        shown = (str(int(value)) if whole else f"{value:.4g}" for value in values.tolist())
        return msgspec.structs.replace(sample, row=tuple(shown))

    def _name(self, index: int) -> ClassName:
        return self._names[index] if 0 <= index < len(self._names) else "–"

    # ------------------------------------------------------------ what came of it

    def comparison(self, sha256: str, total: int) -> Comparison:
        """All that was counted so far."""
        spread = 1.0
        if not self.subject.classes and self._numbers:
            mean = self._sum / self._numbers
            spread = max(self._squares / self._numbers - mean * mean, 0.0) ** 0.5 or 1.0
        samples = [sample for *_, sample in sorted(self._most, key=lambda kept: (-kept[0], -kept[1]))]
        known = Comparison(sha256=sha256, done=self.done, total=total, labelled=self.labelled)
        if not self.subject.classes:
            moved = np.concatenate(self._moved) / spread if self._moved else np.zeros(1)
            return msgspec.structs.replace(
                known,
                changed=int((moved > NOTABLE).sum()),
                quantiles=tuple(float(value) for value in np.quantile(moved, (0.5, 0.95, 1.0))),
                samples=tuple(msgspec.structs.replace(one, change=one.change / spread) for one in samples),
                columns=self._columns(),
                **self._many_classes(total),
            )
        chosen = self._shown_classes()
        return msgspec.structs.replace(
            known,
            changed=self._changed[0],
            broken=self._changed[1],
            mended=self._changed[2] if self.labelled else 0,
            classes=tuple(
                self._class(index) for index in range(len(self._names)) if self._rights[index].any()
            ),
            names=tuple(self._names[index] for index in chosen),
            left_out=len(self._names) - len(chosen),
            before=Array.of(self._before[np.ix_(chosen, chosen)]),
            after=Array.of(self._after[np.ix_(chosen, chosen)]),
            samples=tuple(samples),
            columns=self._columns(),
        )

    def _many_classes(self, total: int) -> dict[str, object]:
        """What is told of classes where a sample has many; only in the end, as intervals take a while."""
        if self._by_class is None or self.done < total:
            return {}
        changes = self._by_class.changes(self._names)
        return {"classes": changes, "classes_by": self._by_class.figure, "labelled": True}

    def _columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.info.columns if name != self.info.label_column)[:_ROW]

    def _shown_classes(self) -> list[int]:
        """All classes, or those whose row or column changed most, in their order."""
        count = len(self._names)
        if count <= MOST_CLASSES:
            return list(range(count))
        change = np.abs(self._after - self._before)
        involved = change.sum(axis=0) + change.sum(axis=1)
        return sorted(np.argsort(-involved, kind="stable")[:MOST_CLASSES].tolist())

    def _class(self, index: int) -> ClassChange:
        table = self._rights[index]
        count = int(table.sum())
        was, now = int(table[1].sum()), int(table[:, 1].sum())
        one, two = (
            np.repeat([0, 0, 1, 1], [table[0, 0], table[0, 1], table[1, 0], table[1, 1]]),
            np.repeat([0, 1, 0, 1], [table[0, 0], table[0, 1], table[1, 0], table[1, 1]]),
        )
        lost, lost_low, lost_high = paired_difference(one, two)
        before_low, before_high = wilson(was, count)
        after_low, after_high = wilson(now, count)
        return ClassChange(
            name=self._names[index],
            count=count,
            before=100.0 * was / count,
            before_low=100.0 * before_low,
            before_high=100.0 * before_high,
            after=100.0 * now / count,
            after_low=100.0 * after_low,
            after_high=100.0 * after_high,
            lost=100.0 * lost,
            lost_low=100.0 * lost_low,
            lost_high=100.0 * lost_high,
        )


def _share(probabilities: np.ndarray, row: int, chosen: int) -> float:
    return float(probabilities[row, chosen]) if 0 <= chosen < probabilities.shape[1] else 0.0


def _numbers(values: np.ndarray) -> str:
    """At most three numbers of an answer as text."""
    shown = ", ".join(f"{value:.4g}" for value in values[:3].tolist())
    return shown + (", …" if len(values) > 3 else "")


def _nearer(label: np.ndarray, before: np.ndarray, after: np.ndarray) -> Kind:
    """Whether the answer moved away from what is right, also to what is no number, or towards it."""
    was, now = np.abs(before - label).mean(), np.abs(after - label).mean()
    return "mended" if now < was else "other" if now == was else "broken"
