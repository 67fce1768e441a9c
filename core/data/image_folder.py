"""Folders of pictures: a subfolder per class, or a flat folder without labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np

from core.context import Context
from core.data import folder_scan, sampling
from core.data.fit import answers_classes, check_classes, fits, show_shape
from core.data.folder_scan import Listing
from core.data.kinds import KINDS, Kind
from core.data.picture_source import Checker, PictureSource
from core.data.preprocess import check_preprocess, complete, result_shape, uniform_size
from core.data.preprocess_guess import guess
from core.data.preview import previews
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataInfo, DataSpec, Described, Preprocess, TensorInfo, Text, text

MAX_LISTED = 100
_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")


def open_image_folder(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open pictures for a model with one picture input. Raises DataError."""
    if len(inputs) != 1:
        raise DataError(
            text("The model has {count} inputs, a folder of pictures fills one.", count=len(inputs)),
            text("Secateur can't know what belongs into the others."),
            text("Choose an NPZ file with an array for each input."),
        )
    info = inputs[0]
    root = Path(spec.path)
    guessed: list[Text] = []
    warnings: list[Text] = []
    judge_root, calibration_root = _roles(root, spec.calibration_path, guessed)
    judge = _scan(judge_root, context)
    apart = calibration_root != judge_root
    calibration = _scan(calibration_root, context) if apart else judge
    labelled = _labelled(judge, outputs, guessed, warnings)
    if apart:
        _compare_classes(judge, calibration, warnings)

    judge_checker = Checker(judge, context)
    calibration_checker = Checker(calibration, context) if apart else judge_checker
    if apart:
        judge_positions = _choose_one(judge_checker, spec.judge_count, spec.seed)
        calibration_positions = _choose_one(calibration_checker, spec.calibration_count, spec.seed)
    else:
        calibration_positions, judge_positions = _choose_both(judge_checker, spec)
    checkers = [judge_checker, calibration_checker] if apart else [judge_checker]
    if not len(judge_positions):
        raise DataError(
            text("No picture in '{path}' can be read.", path=str(judge_root)),
            judge.skipped[-1] if judge.skipped else Text(""),
            text("Choose a folder with JPEG or PNG pictures."),
        )

    preprocess = _preprocess(spec.preprocess, info, checkers, guessed)
    _note_odd(checkers, warnings)
    skipped = [reason for checker in checkers for reason in checker.listing.skipped]
    for checker in checkers:
        for loop in checker.listing.loops:
            warnings.append(text("'{name}' links back to a folder above it: not followed.", name=loop))
    class_names = judge.class_names if labelled else ()
    judge_source = PictureSource(judge, preprocess, info, labelled)
    calibration_source = judge_source
    if apart:
        same_classes = calibration.class_names == judge.class_names
        calibration_source = PictureSource(calibration, preprocess, info, labelled and same_classes)
    preview, preview_labels = previews(judge_source, judge_positions, preprocess, inputs, class_names)
    data = DataInfo(
        spec=msgspec.structs.replace(spec, kind="images", preprocess=preprocess),
        sha256=sampling.combined_sha256([checker.listing.sha256() for checker in checkers]),
        kind="images",
        task="classification" if labelled else "unlabelled",
        sample_count=sum(len(checker.listing.names) for checker in checkers),
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
    return SampledDataSet(data, (judge_source, judge_positions), (calibration_source, calibration_positions))


def _strata(listing: Listing) -> np.ndarray | None:
    return np.array(listing.class_of) if listing.class_of else None


def _choose_one(checker: Checker, wanted: int | None, seed: int) -> np.ndarray:
    """Pictures that work, for one role, from a listing of its own."""
    keys, strata = sampling.name_keys(checker.listing.names), _strata(checker.listing)
    (chosen,) = checker.select(lambda usable: [sampling.select_one(keys, strata, wanted, seed, usable)])
    return chosen


def _choose_both(checker: Checker, spec: DataSpec) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that work, for calibration and for judging, from one listing."""
    keys, strata = sampling.name_keys(checker.listing.names), _strata(checker.listing)

    def choose(usable: np.ndarray) -> list[np.ndarray]:
        chosen = sampling.select(keys, strata, spec.calibration_count, spec.judge_count, spec.seed, usable)
        return [chosen.calibration, chosen.judge]

    calibration, judge = checker.select(choose)
    return calibration, judge


def _roles(root: Path, calibration: str | None, guessed: list[Text]) -> tuple[Path, Path]:
    """The folders to judge on and to calibrate on (the same one if there are no train and test)."""
    _check_folder(root)
    if calibration is not None:
        own = Path(calibration)
        same = own.resolve() == root.resolve()
        return root, root if same else own
    folders = folder_scan.subfolders(root)
    if len(folders) == 1 and not folder_scan.has_pictures(root):
        inner = root / folders[0]
        if folder_scan.subfolders(inner) and not folder_scan.has_pictures(inner):
            guessed.append(text("Pictures: taken from the folder '{name}' inside.", name=folders[0]))
            return _roles(inner, None, guessed)
    by_name = {name.lower(): name for name in folders}
    train = next((by_name[name] for name in _TRAIN if name in by_name), None)
    test = next((by_name[name] for name in _TEST if name in by_name), None)
    if train is None or test is None:
        return root, root
    guessed.append(
        text("Calibrated on '{train}', judged on '{test}': from the folders' names.", train=train, test=test)
    )
    return root / test, root / train


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise DataError(
            text("There is no folder '{path}'.", path=str(root)),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        )


def _scan(root: Path, context: Context) -> Listing:
    _check_folder(root)
    context.report(text("Listing pictures"))
    listing = folder_scan.scan(root, context.check)
    if not listing.names:
        raise DataError(
            text("The folder '{path}' holds no pictures.", path=str(root)),
            text("Pictures end in .jpg, .png, .bmp, .gif, .webp, .tif or .ppm."),
            text("Choose a folder with a subfolder of pictures for each class, or a folder of pictures."),
        )
    return listing


def _labelled(
    listing: Listing, outputs: tuple[TensorInfo, ...], guessed: list[Text], warnings: list[Text]
) -> bool:
    """Whether the folders are labels for this model. Raises DataError if their number doesn't fit."""
    if not listing.class_names:
        guessed.append(text("No class folders: judged by agreement with the original's answers."))
        return False
    counts = Counter(listing.class_of)
    filled = [name for index, name in enumerate(listing.class_names) if counts[index]]
    if len(filled) == 1:
        warnings.append(
            text("Only one class, '{name}', has pictures: they are used without labels.", name=filled[0])
        )
        return False
    if not answers_classes(outputs):
        warnings.append(
            text(
                "The model answers {shape}, not one score per class: the class folders are not used.",
                shape=show_shape(outputs[0].shape),
            )
        )
        return False
    check_classes(listing.class_names, outputs)
    for index, name in enumerate(listing.class_names):
        if not counts[index]:
            warnings.append(text("The class '{name}' has no pictures.", name=name))
    guessed.append(text("Classes: the folders' names in alphabetical order are the model's outputs."))
    if all(name.isdecimal() for name in listing.class_names):
        numbers = [int(name) for name in listing.class_names]
        if numbers != sorted(numbers):
            warnings.append(
                text("The class folders are numbers in alphabetical order (0, 1, 10, 2 …). Please check.")
            )
    return True


def _compare_classes(judge: Listing, calibration: Listing, warnings: list[Text]) -> None:
    missing = sorted(set(judge.class_names) - set(calibration.class_names))
    if missing and calibration.class_names:
        warnings.append(text("The calibration pictures lack the class '{name}'.", name=missing[0]))


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


KINDS.add(
    Described(
        name="images",
        label=text("Folder of pictures"),
        help=text("A subfolder of pictures for each class, or pictures without classes."),
    ),
    Kind(lambda path, head: path.is_dir(), open_image_folder),
)
