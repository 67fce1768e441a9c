"""What a file is worth, without the program: samples read by Pillow, wave and csv, run, counted."""

from __future__ import annotations

import csv
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from supported_kinds import GREY

from core.values import DataSpec


def truth(data: DataSpec, model: Path) -> float | None:
    """In percent: right answers, or of pixels the classes' mean overlap; None for samples of another kind."""
    folder = Path(data.path)
    if (folder / "masks").is_dir():
        return overlap(folder, model)
    if data.judge_count is not None and folder.suffix != ".csv":
        return None  # which of the samples were drawn is the program's own affair
    found = samples(data)
    if found is None:
        return None
    x, labels = found
    return 100 * float(np.mean(run(model, x).reshape(len(labels), -1).argmax(1) == labels))


def samples(data: DataSpec) -> tuple[np.ndarray, np.ndarray] | None:
    path = Path(data.path)
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        names = sorted({row[-1] for row in rows})
        return np.array([row[:-1] for row in rows], np.float32), np.array([names.index(r[-1]) for r in rows])
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return (arrays["x"], arrays["y"]) if "y" in arrays else None
    if not path.is_dir() or data.preprocess not in (None, GREY):
        return None
    found = list(labelled(path))
    return (np.stack([x for x, _ in found]), np.array([label for _, label in found])) if found else None


def labelled(folder: Path) -> Iterator[tuple[np.ndarray, int]]:
    """Pictures as grey value / 255 (1, h, w), sounds in -1..1, from a folder for each class."""
    for label, own in enumerate(sorted(one for one in folder.iterdir() if one.is_dir())):
        for path in sorted(own.iterdir()):
            if path.suffix == ".png":
                yield np.asarray(Image.open(path), np.float32)[None] / 255, label
            elif path.suffix == ".wav":
                with wave.open(str(path)) as file:
                    sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                yield sound.astype(np.float32) / 32768, label


def overlap(folder: Path, model: Path) -> float:
    names = sorted(path.name for path in (folder / "images").iterdir())
    pictures = np.stack(
        [np.asarray(Image.open(folder / "images" / name), np.float32) / 255 for name in names]
    )
    masks = np.stack([np.asarray(Image.open(folder / "masks" / name)) for name in names])
    found = run(model, pictures[:, None]).argmax(1)
    shares = [
        ((found == one) & (masks == one)).sum() / ((found == one) | (masks == one)).sum() for one in range(3)
    ]
    return 100 * float(np.mean(shares))


def run(model: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    dtype = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}[given.type]
    return session.run(None, {given.name: x.astype(dtype)})[0]
