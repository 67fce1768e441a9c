"""Pictures with masks: a folder of pictures beside one of pictures whose pixels are classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from core.context import Context
from core.data import folder_scan, pictures, sampling
from core.data.folder_scan import Listing
from core.data.kinds import KINDS, Kind
from core.data.labels import Labels
from core.data.picture_set import LabelsByPosition, Part, one_picture_input, picture_set
from core.data.preprocess import cropped_size, resized_size
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataSpec, Described, Preprocess, TensorInfo, Text, text

PICTURES = ("images", "imgs", "image", "img", "pictures", "jpegimages", "inputs")
MASKS = ("masks", "mask", "labels", "label", "annotations", "segmentationclass", "targets", "gt")
IGNORED = 255
_LOOKED_AT = 16
_ENDINGS = ("", "_mask", "-mask", "_label", "_labels", "_gt", "_seg")


def find_folders(root: Path) -> tuple[Path, Path] | None:
    """The folders of pictures and of masks inside, by their names; None if there are none."""
    if not root.is_dir():
        return None
    try:
        by_name = {name.lower(): name for name in folder_scan.subfolders(root)}
    except OSError:
        return None
    found = [next((by_name[name] for name in names if name in by_name), None) for names in (PICTURES, MASKS)]
    if found[0] is None or found[1] is None:
        return None
    both = root / found[0], root / found[1]
    return both if all(map(_has_pictures, both)) else None


def _split(root: Path, guessed: list[Text]) -> list[Path]:
    """The folders to judge on and to calibrate on inside, by their names; none if there are no such two."""
    if find_folders(root) is not None or not root.is_dir():
        return []
    found = folder_scan.train_and_test(folder_scan.subfolders(root))
    if found is None or any(find_folders(root / name) is None for name in found):
        return []
    train, test = found
    guessed.append(
        text("Calibrated on '{train}', judged on '{test}': from the folders' names.", train=train, test=test)
    )
    return [root / test, root / train]


def _has_pictures(folder: Path) -> bool:
    try:
        return folder_scan.has_pictures(folder)
    except OSError:
        return False


class Masks:
    """Masks by position, prepared as their pictures are: int16 (n, h, w), −1 where a pixel does not count."""

    def __init__(self, paths: list[Path], preprocess: Preprocess, doubled: bool) -> None:
        self._paths = paths
        self._preprocess = preprocess
        self._doubled = doubled
        """0 and 255 alone: 255 is the second class, not a pixel that does not count."""

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self._one(self._paths[index]) for index in np.atleast_1d(indices).tolist()])

    def _one(self, path: Path) -> np.ndarray:
        mask = read_mask(path)
        size = resized_size(mask.size, self._preprocess.resize)
        if size != mask.size:
            mask = mask.resize(size, Image.Resampling.NEAREST)
        width, height = cropped_size(size, self._preprocess.crop)
        left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
        values = np.asarray(mask.crop((left, top, left + width, top + height))).astype(np.int16)
        if self._doubled:
            return np.where(values == IGNORED, np.int16(1), values)
        return np.where(values == IGNORED, np.int16(-1), values)


def read_mask(path: Path) -> Image.Image:
    """A mask as mode L, its palette left aside. Raises DataError for colours, which name no classes."""
    try:
        picture = pictures.opened(path)
        with picture:
            picture.load()
            if picture.mode in ("P", "L"):
                return Image.fromarray(np.asarray(picture).astype(np.uint8))
            if picture.mode == "1":
                return Image.fromarray(np.asarray(picture).astype(np.uint8))
            if picture.mode.startswith("I"):
                values = np.asarray(picture)
                if values.size and values.max() <= 255 and values.min() >= 0:
                    return Image.fromarray(values.astype(np.uint8))
            mode = picture.mode
    except pictures.PictureError as error:
        raise DataError(
            text("A mask cannot be read."),
            error.reason(path.name),
            text("Correct or remove it, and its picture."),
        ) from error
    except OSError as error:
        raise DataError(
            text("A mask cannot be read."),
            text("{name}: it is cut off or damaged", name=path.name),
            text("Correct or remove it, and its picture."),
        ) from error
    raise DataError(
        text("The mask '{name}' holds colours (mode {mode}).", name=path.name, mode=mode),
        text("A mask's pixels are the numbers of their classes: grey values or a palette."),
        text("Save the masks with one channel, 0 for the first class; 255 does not count."),
    )


def open_masks(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open pictures with masks for a model with one picture input and an answer for every pixel."""
    one_picture_input(inputs)
    guessed: list[Text] = []
    parts: list[Part] = []
    apart = _split(Path(spec.path), guessed) if spec.calibration_path is None else []
    for path in apart or sampling.source_paths(spec):
        parts.append(_part(path, guessed if not parts else [], context))
    return picture_set("masks", spec, inputs, parts, guessed, [], context)


def _part(root: Path, guessed: list[Text], context: Context) -> Part:
    folders = find_folders(root)
    if folders is None:
        raise DataError(
            text("'{path}' has no folders of pictures and of masks.", path=str(root)),
            text("They are called {pictures} and {masks}.", pictures="images", masks="masks"),
            text("Put pictures and masks of the same names into two such folders."),
        )
    where_pictures, where_masks = folders
    context.report(text("Listing pictures"))
    listing = folder_scan.scan_flat(where_pictures, context.check)
    masks = folder_scan.scan_flat(where_masks, context.check)
    by_stem = {os.path.splitext(name)[0]: name for name in masks.names}
    kept, paths = Listing(where_pictures), []
    kept.skipped = list(listing.skipped)
    for name, size in zip(listing.names, listing.sizes, strict=True):
        stem = os.path.splitext(name)[0]
        mask = next((by_stem[stem + end] for end in _ENDINGS if stem + end in by_stem), None)
        if mask is None:
            kept.skipped.append(text("{name}: it has no mask of its name", name=name))
            continue
        kept.names.append(name)
        kept.sizes.append(size)
        paths.append(where_masks / mask)
    if not paths:
        raise DataError(
            text("No picture in '{path}' has a mask.", path=str(where_pictures)),
            text("A mask has its picture's name, perhaps with '_mask' behind it."),
            text("Rename the masks like their pictures."),
        )
    seen: set[int] = set()
    for path in paths[:: max(1, len(paths) // _LOOKED_AT)]:
        context.check()
        seen |= set(np.unique(np.asarray(read_mask(path))).tolist())
    doubled = seen == {0, IGNORED}
    guessed.append(
        text(
            "Pictures in '{pictures}', masks in '{masks}': from the folders' names.",
            pictures=where_pictures.name,
            masks=where_masks.name,
        )
    )
    if doubled:
        guessed.append(text("The masks hold 0 and 255 alone: 255 is taken as the second class."))
    classes = 2 if doubled else max(seen - {IGNORED}, default=0) + 1
    note = text("Labels are classes of pixels: judged by the overlap of areas (mean IoU).")
    guessed.append(note)
    names = tuple(map(str, range(classes)))
    labels = Labels("segmentation", None, names, np.ones(len(paths), dtype=bool), (note,))

    def late(preprocess: Preprocess) -> LabelsByPosition:
        return Masks(paths, preprocess, doubled)

    return Part(kept, labels, None, late)


KINDS.add(
    Described(
        name="masks",
        label=text("Pictures with masks"),
        help=text("A folder 'images' and a folder 'masks' with a class for every pixel, for segmentation."),
    ),
    Kind(lambda path, head: find_folders(path) is not None or bool(_split(path, [])), open_masks),
)
