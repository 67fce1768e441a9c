"""The samples of `docs/supported.md` as people have them: folders of pictures, masks, sounds, arrays."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 48
"""Pixels of the pictures with shapes."""
RATE, SOUND = 8000, 4000
WORDS, LENGTH = 40, 16


def shapes(
    count: int, seed: int
) -> tuple[np.ndarray, np.ndarray, list[list[tuple[int, int, int, int, int]]]]:
    """Grey noise with two or three bright squares and dark discs that do not touch.

    Pictures uint8 (n, 48, 48); masks uint8 of that shape: 0 ground, 1 square, 2 disc; for each picture
    (class, left, top, right, bottom).
    """
    random = np.random.default_rng(seed)
    pictures = random.normal(110, 14, (count, SIDE, SIDE))
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    boxes: list[list[tuple[int, int, int, int, int]]] = []
    down, across = np.mgrid[:SIDE, :SIDE]
    for place in range(count):
        own: list[tuple[int, int, int, int, int]] = []
        for _ in range(random.integers(2, 4)):
            kind, size = int(random.integers(2)), int(random.integers(10, 17))
            left, top = (int(at) for at in random.integers(1, SIDE - size - 1, 2))
            inside = (across >= left) & (across < left + size) & (down >= top) & (down < top + size)
            if masks[place][inside].any():
                continue
            if kind:
                middle = (left + size / 2 - 0.5, top + size / 2 - 0.5)
                inside = (across - middle[0]) ** 2 + (down - middle[1]) ** 2 <= (size / 2) ** 2
            masks[place][inside] = kind + 1
            pictures[place][inside] += (-1 if kind else 1) * random.uniform(30, 70)
            own.append((kind, left, top, left + size, top + size))
        boxes.append(own)
    return np.clip(pictures, 0, 255).astype(np.uint8), masks, boxes


def masks_folder(folder: Path, pictures: np.ndarray, masks: np.ndarray) -> Path:
    for name, arrays in (("images", pictures), ("masks", masks)):
        (folder / name).mkdir(parents=True)
        for place, array in enumerate(arrays):
            Image.fromarray(array).save(folder / name / f"{place:04d}.png")
    return folder


def coco(folder: Path, pictures: np.ndarray, boxes: list[list[tuple[int, int, int, int, int]]]) -> Path:
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for place, (picture, own) in enumerate(zip(pictures, boxes, strict=True)):
        name = f"{place:04d}.png"
        Image.fromarray(picture).save(folder / "images" / name)
        images.append({"id": place, "file_name": name, "width": SIDE, "height": SIDE})
        for kind, left, top, right, bottom in own:
            size = (right - left, bottom - top)
            entry = {"bbox": [left, top, *size], "area": size[0] * size[1], "iscrowd": 0}
            annotations.append(
                {"id": len(annotations) + 1, "image_id": place, "category_id": kind + 1, **entry}
            )
    categories = [{"id": 1, "name": "square"}, {"id": 2, "name": "disc"}]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def sounds(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Half a second at 8 kHz, float32 (n, 4000) in -1..1, of three classes: a tone, a sweep, bursts."""
    random = np.random.default_rng(seed)
    at = np.arange(SOUND) / RATE
    labels = np.arange(count) % 3
    made = np.empty((count, SOUND), np.float32)
    for place, label in enumerate(labels):
        pitch, phase = random.uniform(300, 1200), random.uniform(0, 2 * np.pi)
        if label == 0:
            sound = np.sin(2 * np.pi * pitch * at + phase)
        elif label == 1:
            sound = np.sin(2 * np.pi * (pitch + random.uniform(400, 900) * at) * at + phase)
        else:
            sound = np.sin(2 * np.pi * pitch * at + phase) * (
                np.sin(2 * np.pi * random.uniform(6, 14) * at) > 0
            )
        made[place] = 0.5 * sound + random.normal(0, random.uniform(0.1, 0.4), SOUND)
    return np.clip(made, -1, 1), labels.astype(np.int64)


def sounds_folder(folder: Path, made: np.ndarray, labels: np.ndarray) -> Path:
    for place, (sound, label) in enumerate(zip(made, labels, strict=True)):
        own = folder / ("tone", "sweep", "bursts")[label]
        own.mkdir(parents=True, exist_ok=True)
        with wave.open(str(own / f"{place:04d}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return folder


def texts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (n, 16) and one of 4 classes: which of four pairs of words comes in that order."""
    random = np.random.default_rng(seed)
    ids = random.integers(8, WORDS, (count, LENGTH))
    labels = random.integers(0, 4, count)
    for place, label in enumerate(labels):
        first, second = np.sort(random.choice(LENGTH, 2, replace=False))
        ids[place, [first, second]] = (2 * (label // 2), 2 * (label // 2) + 1)[:: 1 if label % 2 else -1]
    return ids.astype(np.int64), labels.astype(np.int64)


def requests(folder: Path, count: int, make: object) -> Path:
    """A folder of one NPZ file for each sample; `make(index)` gives its arrays by the inputs' names."""
    folder.mkdir(parents=True)
    for place in range(count):
        np.savez(folder / f"{place:04d}.npz", **make(place))  # type: ignore[operator]
    return folder
