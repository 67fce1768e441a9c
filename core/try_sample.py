"""A sample of the person's own: what the original and a compressed file make of it, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core.compare import class_names
from core.context import Context
from core.data.dataset import DataSet
from core.data.fit import numpy_dtype
from core.data.pictures import PictureError, decode
from core.data.preprocess import normalise, to_pixels
from core.data.preview import sample_pictures
from core.errors import DataError
from core.evaluate.answers import Subject, as_columns, find_subject, log_probabilities
from core.evaluate.runner import Runner
from core.graph.labels import clean
from core.values import Answer, Preprocess, Tried, text

MOST_ANSWERS = 3


def try_picture(picture: Path, original: Path, other: Path, data: DataSet, context: Context) -> Tried:
    """Both networks' answers to a picture, prepared as the judging samples are.

    Raises DataError if it is no picture, or the model takes none; and what `Runner` raises.
    """
    preprocess = data.info.spec.preprocess
    one, two = Runner(original), Runner(other)
    if preprocess is None or not preprocess.layout or len(one.inputs) != 1:
        raise DataError(
            text("This model does not look at pictures."),
            text("What can be tried is one picture, prepared as the samples are."),
            text("Look at the changed samples instead."),
        )
    info = one.inputs[0]
    context.report(text("Trying the picture"))
    try:
        decoded = decode(picture)
    except PictureError as error:
        raise DataError(
            text("This file cannot be tried."), error.reason(clean(picture.name)), text("Choose a picture.")
        ) from error
    if preprocess.resize is None:
        # the samples came in the right size; one of the person's own need not
        decoded = ImageOps.fit(decoded, _sample_size(data, info.name, preprocess), Image.Resampling.BILINEAR)
    values = normalise(to_pixels(decoded, preprocess)[None], preprocess, numpy_dtype(info))
    feeds = {info.name: values}
    answers = [runner.run(feeds) for runner in (one, two)]
    context.check()
    subject = find_subject(answers[0], data.info.task, None)
    before, after = (
        _answers(np.asarray(outputs[subject.output]), subject, class_names(data.info, subject.classes))
        for outputs in answers
    )
    shown = sample_pictures(values, preprocess)
    return Tried(name=clean(picture.name), picture_png=shown[0] if shown else b"", before=before, after=after)


def _sample_size(data: DataSet, name: str, preprocess: Preprocess) -> tuple[int, int]:
    """(width, height) of the samples as the model sees them."""
    shape = next(iter(data.batches("judge", 1, 1))).feeds[name].shape
    height, width = shape[2:4] if preprocess.layout == "NCHW" else shape[1:3]
    return int(width), int(height)


def _answers(output: np.ndarray, subject: Subject, names: tuple[str, ...]) -> tuple[Answer, ...]:
    """The likeliest classes of the first sample, or its first numbers."""
    if not subject.classes:
        values = as_columns(output)[0, :MOST_ANSWERS]
        return tuple(Answer(name=f"{value:.4g}") for value in values.tolist())
    shares = np.exp(log_probabilities(output, subject)[0])
    best = np.argsort(-shares, kind="stable")[:MOST_ANSWERS]
    return tuple(Answer(name=names[index], share=float(shares[index])) for index in best)
