"""A sample of the person's own: what the original and a compressed file make of it, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.context import Context
from core.data.dataset import DataSet
from core.data.own_feeds import own_feeds
from core.data.preview import sample_pictures
from core.evaluate.answers import Subject, as_columns, find_subject, log_probabilities
from core.evaluate.in_words import has_words, in_words, token_answers, token_shares
from core.evaluate.judge import Judge
from core.evaluate.marks import marks, picture_size
from core.evaluate.runner import Runner
from core.graph.labels import clean
from core.values import Answer, Array, ClassName, Marks, OwnField, OwnSample, Tried, class_names, text

MOST_ANSWERS = 3
ENVELOPE = 96
"""Columns in which a sound is drawn."""


def try_own(
    sample: OwnSample,
    original: Path,
    other: Path,
    data: DataSet,
    context: Context,
    judge: Judge | None = None,
) -> Tried:
    """Both networks' answers to a sample, prepared as the judging samples are.

    `judge`: knows how to read answers that are areas or boxes; without one their first numbers are told.
    Raises DataError if it is no such sample, or none can be tried; and what `Runner` raises.
    """
    one, two = Runner(original), Runner(other)
    context.report(text("Trying the sample"))
    feeds = own_feeds(sample, data, one.inputs)
    answers = [runner.run(feeds) for runner in (one, two)]
    context.check()
    form, apart = data.info.own, None
    seen = feeds[one.inputs[0].name]
    placed: tuple[Marks | None, ...] = (None, None)
    if data.info.task == "language" and form is not None and form.kind == "tokens":
        place = _last(sample, form.fields) if sample.cells else seen.shape[1] - 1
        before, after = (_next_tokens(outputs, place) for outputs in answers)
    elif judge is not None and has_words(judge.subject):
        places = judge.subject.outputs
        parts = [judge.part([outputs[place] for place in places]) for outputs in answers]
        names, size = class_names(data.info), picture_size(seen.shape, data.info.spec.preprocess)
        before, after = (in_words(part, judge.subject, names) for part in parts)
        placed = tuple(marks(part, judge.subject, names, size) for part in parts)
    else:
        subject = find_subject(answers[0], data.info.task, None)
        names = class_names(data.info, subject.classes)
        ours, theirs = (np.asarray(outputs[subject.output]) for outputs in answers)
        before, after = (_answers(output, subject, names) for output in (ours, theirs))
        apart = None if subject.classes else _apart(ours, theirs)
    pictures = sample_pictures(seen, data.info.spec.preprocess)
    return Tried(
        name=clean(Path(sample.path).name) if sample.path else "",
        picture_png=pictures[0] if pictures else b"",
        envelope=_envelope(seen) if form is not None and form.kind == "sound" else None,
        fields=tuple(field.name for field in form.fields[: len(sample.cells)]) if form is not None else (),
        cells=sample.cells,
        before=before,
        after=after,
        before_marks=placed[0],
        after_marks=placed[1],
        apart=apart,
    )


def _answers(output: np.ndarray, subject: Subject, names: tuple[ClassName, ...]) -> tuple[Answer, ...]:
    """The likeliest classes of the first sample, or its first numbers."""
    if not subject.classes:
        values = as_columns(output)[0, :MOST_ANSWERS]
        more = [Answer(name="…")] if as_columns(output).shape[1] > MOST_ANSWERS else []
        return (*(Answer(name=f"{value:.4g}") for value in values.tolist()), *more)
    shares = np.exp(log_probabilities(output, subject)[0])
    best = np.argsort(-shares, kind="stable")[:MOST_ANSWERS]
    return tuple(Answer(name=names[index], share=float(shares[index])) for index in best)


def _apart(before: np.ndarray, after: np.ndarray) -> float | None:
    """By how much two answers differ, as a share of the first's size."""
    size = float(np.linalg.norm(before.astype(np.float64)))
    moved = float(np.linalg.norm(after.astype(np.float64) - before))
    return moved / size if size > 0 and np.isfinite(moved / size) else None


def _last(sample: OwnSample, fields: tuple[OwnField, ...]) -> int:
    """The place of the last token that was typed, from 0 on."""
    cells = zip(sample.cells, fields, strict=True)
    words = next((cell.replace(",", " ").split() for cell, _ in cells if cell.strip()), [""])
    return len(words) - 1


def _next_tokens(outputs: list[np.ndarray], place: int) -> tuple[Answer, ...]:
    """The likeliest tokens behind the place, from scores (1, places, vocabulary)."""
    scores = next(np.asarray(one) for one in outputs if np.ndim(one) == 3)
    logits = scores[0, min(place, scores.shape[1] - 1)].astype(np.float64)
    return token_answers(token_shares(logits[None])[0], MOST_ANSWERS)


def _envelope(sound: np.ndarray) -> Array:
    """The lowest and the highest value of each stretch of a sound, float32 (2, stretches)."""
    flat = sound.reshape(-1).astype(np.float32)
    parts = np.array_split(flat, min(ENVELOPE, len(flat)))
    ends = [[float(part.min()) for part in parts], [float(part.max()) for part in parts]]
    return Array.of(np.array(ends, dtype=np.float32))
