"""A sample of one's own as what the model takes, prepared as the samples of the data are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core.data.audio import SoundSource
from core.data.csv_format import to_number
from core.data.dataset import DataSet
from core.data.fit import numpy_dtype
from core.data.pictures import PictureError, decode
from core.data.preprocess import normalise, to_pixels
from core.data.requests_folder import read_request
from core.data.table import conversions
from core.data.wav import WavError, read_header
from core.errors import DataError
from core.values import DataInfo, OwnField, OwnSample, Preprocess, TensorInfo, Text, text

Feeds = dict[str, np.ndarray]
_SHARED_NAMES = ("type", "segment")


def own_feeds(sample: OwnSample, data: DataSet, inputs: tuple[TensorInfo, ...]) -> Feeds:
    """One sample for the model. Raises DataError that names what is wrong with it."""
    form = data.info.own
    if form is None:
        raise DataError(
            text("A sample of one's own cannot be tried with this model."),
            text("What can be tried is a picture, a sound, a row of a table, tokens or a request."),
            text("Look at the changed samples instead."),
        )
    if form.kind == "picture":
        return _picture(Path(sample.path), data, inputs[0])
    if form.kind == "sound":
        return _sound(Path(sample.path), data.info.spec.preprocess, inputs[0])
    if form.kind == "request" or (form.kind == "tokens" and sample.path):
        return _request(Path(sample.path), inputs)
    if len(sample.cells) != len(form.fields):
        raise DataError(
            text("The sample has {have} values instead of {wanted}.", have=len(sample.cells),
                 wanted=len(form.fields)),
            next_step=text("Type a value for each column."),
        )  # fmt: skip
    if form.kind == "row":
        return _row(sample.cells, data.info, inputs)
    return _tokens(sample.cells, form.fields, inputs)


def _picture(path: Path, data: DataSet, info: TensorInfo) -> Feeds:
    preprocess = data.info.spec.preprocess
    assert preprocess is not None
    try:
        decoded = decode(path)
    except PictureError as error:
        raise _cannot(error.reason(path.name), text("Choose a picture.")) from error
    if preprocess.resize is None:
        # the samples came in the right size; one of the person's own need not
        size = _sample_size(data, info.name, preprocess)
        decoded = ImageOps.fit(decoded, size, Image.Resampling.BILINEAR)
    return {info.name: normalise(to_pixels(decoded, preprocess)[None], preprocess, numpy_dtype(info))}


def _cannot(why: Text, next_step: Text) -> DataError:
    return DataError(text("This file cannot be tried."), why, next_step)


def _sample_size(data: DataSet, name: str, preprocess: Preprocess) -> tuple[int, int]:
    """(width, height) of the samples as the model sees them."""
    shape = next(iter(data.batches("judge", 1, 1))).feeds[name].shape
    height, width = shape[2:4] if preprocess.layout == "NCHW" else shape[1:3]
    return int(width), int(height)


def _sound(path: Path, preprocess: Preprocess | None, info: TensorInfo) -> Feeds:
    assert preprocess is not None
    try:
        read_header(path)
        source = SoundSource(path.parent, [path.name], info, preprocess, None)
        return source.load(np.zeros(1, np.int64))
    except WavError as error:
        raise _cannot(error.reason, text("Choose a sound (WAV).")) from error
    except DataError as error:  # cut off behind its header
        raise _cannot(error.why, text("Choose a sound (WAV).")) from error


def _request(path: Path, inputs: tuple[TensorInfo, ...]) -> Feeds:
    try:
        return read_request(path, inputs)
    except DataError as error:
        raise _cannot(error.what, error.next_step) from error


def _row(cells: tuple[str, ...], info: DataInfo, inputs: tuple[TensorInfo, ...]) -> Feeds:
    form = info.own
    assert form is not None
    values = []
    for field, cell in zip(form.fields, cells, strict=True):
        number = to_number(cell, form.decimal_comma)
        if number is None and form.decimal_comma:
            number = to_number(cell, False)
        if number is None or not math.isfinite(number):
            why = (
                text("There is no value in it.")
                if number is not None and math.isnan(number)
                else text("'{value}' is not a number.", value=cell[:50])
            )
            raise DataError(
                text("The row cannot be tried: column '{column}'.", column=field.name[:100]),
                why,
                text("Type a number, such as {example}.", example=field.example),
            )
        values.append(number)
    row = np.array([values], dtype=np.float32)
    names = tuple(field.name for field in form.fields)
    parts = conversions(names, inputs, info.spec.preprocess)
    return {name: conversion.apply(row[:, part]) for name, part, conversion in parts}


def _tokens(cells: tuple[str, ...], fields: tuple[OwnField, ...], inputs: tuple[TensorInfo, ...]) -> Feeds:
    """What was typed; inputs left empty follow from the first: a mask of ones, types of zeros, positions.

    Shorter ones than the model takes are filled with zeros, which the mask leaves out.
    """
    typed = [_whole_numbers(cell, field) for cell, field in zip(cells, fields, strict=True)]
    if not any(typed):
        raise DataError(
            text("There are no tokens to try."),
            next_step=text("Type whole numbers with spaces between them."),
        )
    count = next(len(one) for one in typed if one)
    length = next((field.length for field in fields if field.length is not None), count)
    feeds = {}
    for numbers, field, info in zip(typed, fields, inputs, strict=True):
        wanted = field.length or length
        values = np.zeros((1, wanted), numpy_dtype(info))
        found = numbers or _filled(info.name.lower(), count)
        if len(found) > wanted:
            raise DataError(
                text("'{name}' has {have} numbers, the model takes {wanted}.", name=field.name,
                     have=len(found), wanted=wanted),
                next_step=text("Leave some out."),
            )  # fmt: skip
        values[0, : len(found)] = found
        feeds[info.name] = values
    return feeds


def _filled(name: str, count: int) -> list[int]:
    if "position" in name:
        return list(range(count))
    return [0 if any(part in name for part in _SHARED_NAMES) else 1] * count


def _whole_numbers(cell: str, field: OwnField) -> list[int]:
    numbers = []
    for word in cell.replace(",", " ").replace("[", " ").replace("]", " ").split():
        try:
            numbers.append(int(word))
        except ValueError as error:
            raise DataError(
                text("'{name}' cannot be read.", name=field.name),
                text("'{value}' is no whole number.", value=word[:50]),
                text("Type whole numbers with spaces between them."),
            ) from error
    return numbers
