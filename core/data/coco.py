"""COCO annotations: a JSON file that names pictures, categories and what of them each picture shows."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.context import Context
from core.data import sampling
from core.data.boxes import Boxes, PictureBoxes, detection_labels, detects, lists_boxes
from core.data.fit import class_count
from core.data.folder_scan import Listing, ignored
from core.data.kinds import KINDS, Kind
from core.data.labels import Labels, unlabelled
from core.data.picture_set import Part, one_picture_input, picture_set
from core.data.pictures import named_picture
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataSpec, Described, TensorInfo, Text, text

MAX_BYTES = 1 << 30
"""A larger file would take many times as much memory once read."""
_FOLDERS = 30
_NAMES = ("images", "annotations", "categories")
_KEYS = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id",),
}


def looks_like_coco(path: Path, head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    return not path.is_dir() and path.suffix.lower() == ".json" and start == b"{"


def open_coco(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open the pictures of a COCO file for a model with one picture input. Raises DataError.

    A detector is judged by the boxes, a model with a score for each category by those that a picture shows.
    """
    one_picture_input(inputs)
    guessed: list[Text] = []
    warnings: list[Text] = []
    parts: list[Part] = []
    for path in sampling.source_paths(spec):
        listing, boxes, names = _read(path, guessed if not parts else [], context)
        labels = _labels(boxes, names, inputs, outputs, spec.task, warnings if not parts else [])
        if parts and labels.class_names != parts[0].labels.class_names:
            labels = unlabelled(len(listing.names))
        strata = labels.values if labels.task == "classification" else None
        late = partial(Boxes, boxes) if labels.task == "detection" else None
        parts.append(Part(listing, labels, strata, late))
    guessed += parts[0].labels.guessed
    return picture_set("coco", spec, inputs, parts, guessed, warnings, context)


def _read(path: Path, guessed: list[Text], context: Context) -> tuple[Listing, list[PictureBoxes], list[str]]:
    """The pictures that are there, what each shows, and the categories' names."""
    context.report(text("Reading annotations"))
    document = _document(path)
    categories = {
        int(one["id"]): str(one.get("name", one["id"]))[:100]
        for one in _entries(document, "categories", path)
    }
    order = sorted(categories)
    place = {identity: position for position, identity in enumerate(order)}
    shown: dict[int, list[tuple[int, list[float]]]] = {}
    crowds: dict[int, list[tuple[int, list[float]]]] = {}
    for one in _entries(document, "annotations", path):
        if one.get("category_id") in place:
            picture_id, category, box = (
                int(one["image_id"]),
                place[int(one["category_id"])],
                _box(one.get("bbox")),
            )
            if one.get("iscrowd"):
                crowds.setdefault(picture_id, []).append((category, box))
                box = []
            shown.setdefault(picture_id, []).append((category, box))
    pictures = _entries(document, "images", path)
    root = _root(path, pictures)
    listing, found = Listing(root), []
    for one in pictures:
        context.check()
        name = str(one.get("file_name", ""))
        picture = named_picture(root, name)
        if picture is None:
            listing.skipped.append(text("{name}: there is no such picture", name=name[:100]))
            continue
        listing.names.append(picture.relative_to(root).as_posix())
        listing.sizes.append(picture.stat().st_size)
        own = int(one["id"])
        found.append(PictureBoxes(_size(one), tuple(shown.get(own, ())), tuple(crowds.get(own, ()))))
    if not found:
        raise DataError(
            text("None of the pictures that '{name}' names is there.", name=path.name),
            text("They are looked for beside the file and in the folders around it."),
            text("Put the annotations beside the folder of pictures."),
        )
    guessed.append(
        text(
            "COCO: {pictures} pictures in '{folder}', {count} categories in the order of their numbers.",
            pictures=len(found),
            folder=root.name,
            count=len(order),
        )
    )
    return listing, found, [categories[identity] for identity in order]


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(
                text("'{name}' is larger than 1 GB.", name=path.name),
                text("Annotations of that size do not fit into memory."),
                text("Save those of a few thousand pictures."),
            )
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            text("'{path}' cannot be read.", path=str(path)),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            text("'{name}' is damaged or incomplete.", name=path.name),
            text("Reading it failed: {reason}.", reason=str(error)[:200]),
            text("Download the data again."),
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise DataError(
            text("'{name}' is no COCO file.", name=path.name),
            text("It needs the lists {names}.", names=", ".join(_NAMES)),
            text("Choose another file."),
        )
    return document


def _entries(document: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    """A list of the document whose entries hold what is read of them. Raises DataError naming the entry."""
    entries = document.get(name, [])
    keys = _KEYS[name]
    for position, one in enumerate(entries if isinstance(entries, list) else [None]):
        whole = isinstance(one, dict) and all(
            isinstance(one.get(key), str if key == "file_name" else int) for key in keys
        )
        if not whole:
            raise DataError(
                text(
                    "Entry {place} of '{list}' in '{name}' is not as COCO has it.",
                    place=position + 1,
                    list=name,
                    name=path.name,
                ),
                text("It needs {keys}.", keys=", ".join(keys)),
                text("Correct the file, or save it again with the tool that made it."),
            )
    return list(entries)


def _box(value: object) -> list[float]:
    """x, y, width, height, or nothing where there is no box."""
    if not isinstance(value, list) or len(value) != 4:
        return []
    numbers = [float(one) for one in value if isinstance(one, int | float)]
    return numbers if len(numbers) == 4 and all(map(math.isfinite, numbers)) else []


def _size(picture: dict[str, Any]) -> tuple[int, int] | None:
    width, height = picture.get("width"), picture.get("height")
    known = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0
    return (int(width), int(height)) if known else None  # type: ignore[arg-type]


def _root(path: Path, pictures: list[dict[str, Any]]) -> Path:
    """The folder in which most of the first pictures are: beside the file, around it, or inside those."""
    around = [path.parent, path.parent.parent]
    for folder in tuple(around):
        try:
            inside = sorted(one for one in folder.iterdir() if one.is_dir() and not ignored(one.name))
        except OSError:
            continue
        around += inside[:_FOLDERS]
    first = [str(one.get("file_name", "")) for one in pictures[:20]]
    counts = [sum(named_picture(folder, name) is not None for name in first) for folder in around]
    return around[int(np.argmax(counts))]


def _labels(
    boxes: list[PictureBoxes],
    names: list[str],
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    task: str,
    warnings: list[Text],
) -> Labels:
    """One class a picture where each shows just one category, several labels otherwise."""
    count = len(boxes)
    if not any(one.boxes for one in boxes):
        # the files of COCO's own test pictures are like this
        warnings.append(text("No annotation says what a picture shows: there are no labels."))
        return unlabelled(count)
    detector = class_count(outputs) != len(names) and detects(outputs, len(names))
    boxed = not task and (detector or lists_boxes(inputs, outputs))
    if task == "detection" or boxed:
        return detection_labels(boxes, names)
    shown = [{category for category, _ in one.boxes} for one in boxes]
    if task in ("unlabelled", "embedding") or not names:
        return unlabelled(count)
    if class_count(outputs) != len(names):
        warnings.append(
            text(
                "The model has no score for each of the {count} categories: the labels are not used.",
                count=len(names),
            )
        )
        return unlabelled(count)
    single = all(len(one) == 1 for one in shown)
    if task == "classification" or (single and not task):
        usable = np.array([len(one) == 1 for one in shown])
        values = np.array([next(iter(one)) if len(one) == 1 else -1 for one in shown], dtype=np.int64)
        note = text("Classes: the categories in the order of their numbers are the model's outputs.")
        return Labels("classification", values, tuple(names), usable, (note,))
    held = np.zeros((count, len(names)), dtype=np.int8)
    for row, one in enumerate(shown):
        held[row, sorted(one)] = 1
    note = text("Each sample may have several labels: judged by F1 and mean average precision.")
    return Labels("multilabel", held, tuple(names), np.ones(count, dtype=bool), (note,))


KINDS.add(
    Described(
        name="coco",
        label=text("COCO annotations (JSON)"),
        help=text("Pictures, categories and what of them each picture shows."),
    ),
    Kind(looks_like_coco, open_coco),
)
