"""Folders of pictures: a subfolder per class, or a flat folder without labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from core.context import Context
from core.data import folder_scan
from core.data.fit import answers_classes, check_classes, show_shape
from core.data.folder_scan import Listing
from core.data.kinds import KINDS, Kind
from core.data.labels import Labels
from core.data.picture_set import Part, one_picture_input, picture_set
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataSpec, Described, TensorInfo, Text, text


def open_image_folder(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open pictures for a model with one picture input. Raises DataError."""
    one_picture_input(inputs)
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

    parts = [_part(judge, labelled)]
    if apart:
        same_classes = calibration.class_names == judge.class_names
        parts.append(_part(calibration, labelled and same_classes))
    return picture_set("images", spec, inputs, parts, guessed, warnings, context)


def _part(listing: Listing, labelled: bool) -> Part:
    classes = np.array(listing.class_of, dtype=np.int64) if listing.class_of else None
    labels = Labels(
        "classification" if labelled else "unlabelled",
        classes if labelled else None,
        listing.class_names if labelled else (),
        np.ones(len(listing.names), dtype=bool),
    )
    return Part(listing, labels, classes)


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
    found = folder_scan.train_and_test(folders)
    if found is None:
        return root, root
    train, test = found
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


KINDS.add(
    Described(
        name="images",
        label=text("Folder of pictures"),
        help=text("A subfolder of pictures for each class, or pictures without classes."),
    ),
    Kind(lambda path, head: path.is_dir(), open_image_folder, last=True),
)
