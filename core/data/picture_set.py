"""A data set of pictures from listings, wherever their labels come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np

from core.context import Context
from core.data import sampling
from core.data.batch_cache import CachedSource
from core.data.fit import fits, show_shape
from core.data.folder_scan import Listing
from core.data.labels import Labels
from core.data.picture_source import Checker, PictureSource
from core.data.preprocess import check_preprocess, complete, result_shape, uniform_size
from core.data.preprocess_guess import guess
from core.data.preview import previews
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataInfo, DataSpec, Preprocess, TensorInfo, Text, text

MAX_LISTED = 100


class LabelsByPosition(Protocol):
    """Labels that are read when they are asked for, such as masks."""

    def __getitem__(self, indices: np.ndarray) -> Any: ...


@dataclass
class Part:
    """Pictures of one source, with their labels.

    strata: int class of every picture for drawing, or None. late: makes labels that depend on how the
    pictures are prepared.
    """

    listing: Listing
    labels: Labels
    strata: np.ndarray | None = None
    late: Callable[[Preprocess], LabelsByPosition] | None = None


def one_picture_input(inputs: tuple[TensorInfo, ...]) -> TensorInfo:
    """The model's only input. Raises DataError if there are several."""
    if len(inputs) != 1:
        raise DataError(
            text("The model has {count} inputs, a folder of pictures fills one.", count=len(inputs)),
            text("Secateur can't know what belongs into the others."),
            text("Choose an NPZ file with an array for each input."),
        )
    return inputs[0]


def picture_set(
    kind: str,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    parts: list[Part],
    guessed: list[Text],
    warnings: list[Text],
    context: Context,
) -> SampledDataSet:
    """The data set of one part, or of one to judge on and one to calibrate on. Raises DataError."""
    info = one_picture_input(inputs)
    apart = len(parts) > 1
    checkers = [Checker(part.listing, context) for part in parts]
    for checker, part in zip(checkers, parts, strict=True):
        checker.usable &= part.labels.usable
    if apart:
        judge_positions = _choose_one(checkers[0], parts[0], spec.judge_count, spec.seed)
        calibration_positions = _choose_one(checkers[1], parts[1], spec.calibration_count, spec.seed)
    else:
        calibration_positions, judge_positions = _choose_both(checkers[0], parts[0], spec)
    judge = parts[0].listing
    if not len(judge_positions):
        raise DataError(
            text("No picture in '{path}' can be read.", path=str(judge.root)),
            judge.skipped[-1] if judge.skipped else Text(""),
            text("Choose a folder with JPEG or PNG pictures."),
        )
    preprocess = _preprocess(spec.preprocess, info, checkers, guessed)
    _note_odd(checkers, warnings)
    skipped = [reason for checker in checkers for reason in checker.listing.skipped]
    for checker in checkers:
        for loop in checker.listing.loops:
            warnings.append(text("'{name}' links back to a folder above it: not followed.", name=loop))
    sources = [PictureSource(part.listing, preprocess, info, _labels(part, preprocess)) for part in parts]
    task = parts[0].labels.task
    class_names = parts[0].labels.class_names
    shown = class_names if task == "classification" else ()
    preview, preview_labels = previews(sources[0], judge_positions, preprocess, inputs, shown)
    data = DataInfo(
        spec=msgspec.structs.replace(spec, kind=kind, preprocess=preprocess),
        sha256=sampling.combined_sha256([part.listing.sha256() for part in parts]),
        kind=kind,
        task=task,
        sample_count=sum(len(part.listing.names) for part in parts),
        calibration_count=len(calibration_positions),
        judge_count=len(judge_positions),
        class_names=class_names,
        preview_png=preview,
        preview_labels=preview_labels,
        guessed=tuple(guessed),
        warnings=tuple(warnings),
        skipped=tuple(skipped[:MAX_LISTED]),
        skipped_count=len(skipped),
    )
    kept = [CachedSource(source) for source in sources]
    return SampledDataSet(data, (kept[0], judge_positions), (kept[-1], calibration_positions))


def _labels(part: Part, preprocess: Preprocess) -> LabelsByPosition | None:
    return part.labels.values if part.late is None else part.late(preprocess)


def _choose_one(checker: Checker, part: Part, wanted: int | None, seed: int) -> np.ndarray:
    """Pictures that work, for one role, from a listing of its own."""
    keys = sampling.name_keys(checker.listing.names)
    (chosen,) = checker.select(lambda usable: [sampling.select_one(keys, part.strata, wanted, seed, usable)])
    return chosen


def _choose_both(checker: Checker, part: Part, spec: DataSpec) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that work, for calibration and for judging, from one listing."""
    keys = sampling.name_keys(checker.listing.names)

    def choose(usable: np.ndarray) -> list[np.ndarray]:
        chosen = sampling.select(
            keys, part.strata, spec.calibration_count, spec.judge_count, spec.seed, usable
        )
        return [chosen.calibration, chosen.judge]

    calibration, judge = checker.select(choose)
    return calibration, judge


def _preprocess(
    given: Preprocess | None, info: TensorInfo, checkers: list[Checker], guessed: list[Text]
) -> Preprocess:
    """Guess or complete the preprocessing, and make sure that every picture fits the model."""
    sizes = [checked.size for checker in checkers for checked in checker.checked.values()]
    if given is None:
        preprocess, notes = guess(info, uniform_size(sizes))
        guessed += notes
    else:
        preprocess = complete(given, info)
        check_preprocess(preprocess)
    first: tuple[int, ...] | None = None
    for checker in checkers:
        for index, checked in checker.checked.items():
            shape = result_shape(checked.size, preprocess)
            first = first or shape
            if info.shape is not None and not fits(shape, info.shape[1:]):
                raise DataError(
                    text(
                        "The preprocessed picture '{name}' is {shape}, the model takes {wanted}.",
                        name=checker.listing.names[index],
                        shape=show_shape(shape),
                        wanted=show_shape(info.shape[1:]),
                    ),
                    text("Resize, crop, layout and colour together must give the model's input."),
                    text("Correct the preprocessing."),
                )
            if shape != first:
                raise DataError(
                    text(
                        "The preprocessed pictures differ in size: {first} and, for '{name}', {shape}.",
                        first=show_shape(first),
                        name=checker.listing.names[index],
                        shape=show_shape(shape),
                    ),
                    text("All pictures of a batch must have one size."),
                    text("Set a crop in the preprocessing."),
                )
    return preprocess


def _note_odd(checkers: list[Checker], warnings: list[Text]) -> None:
    odd = Counter(checked.odd for checker in checkers for checked in checker.checked.values() if checked.odd)
    for name, template in _ODD.items():
        if odd[name]:
            warnings.append(Text(template.template, {"count": odd[name]}))


_ODD = {
    "animated": text("{count} animated pictures: the first frame is used."),
    "rotated": text("{count} pictures were turned upright as their EXIF data says."),
    "16-bit": text("{count} pictures were reduced from 16 to 8 bits."),
    "CMYK": text("{count} pictures were converted from CMYK."),
    "transparent": text("{count} pictures are transparent: the transparency is ignored."),
}
