"""Folders of sounds (WAV): a subfolder per class, or a flat folder without labels."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from math import gcd
from pathlib import Path

import msgspec
import numpy as np

from core.context import Context
from core.data import folder_scan, sampling
from core.data.batch_cache import CachedSource
from core.data.fit import answers_classes, batch_axis, check_classes, numpy_dtype, show_shape
from core.data.kinds import KINDS, Kind
from core.data.labels import Labels, unlabelled
from core.data.sample_set import SamplePart, sample_set
from core.data.sampled import SampledDataSet
from core.data.wav import WavError, WavHeader, read_header, read_sound
from core.errors import DataError
from core.values import DataSpec, Described, Preprocess, TensorInfo, Text, text

SUFFIXES = (".wav", ".wave")
USUAL_RATE = 16000
_LOOKED_AT = 200
_MOST_SECONDS = 30
_DEEPEST = 4


def holds_sounds(path: Path) -> bool:
    """Whether a folder, or one directly inside, holds a WAV file."""
    if not path.is_dir():
        return False
    try:
        folders = [path, *(path / name for name in folder_scan.subfolders(path)[:50])]
        return any(_sounds_in(folder, 1) for folder in folders)
    except OSError:
        return False


def _sounds_in(folder: Path, most: int | None = None) -> list[str]:
    with os.scandir(folder) as entries:
        found = []
        for entry in entries:
            if (
                not folder_scan.ignored(entry.name)
                and entry.name.lower().endswith(SUFFIXES)
                and entry.is_file()
            ):
                found.append(entry.name)
                if most is not None and len(found) >= most:
                    break
    return sorted(found)


class SoundSource:
    """Serves sounds at one rate and of one length: cut in the middle, or with silence behind."""

    def __init__(
        self,
        root: Path,
        names: list[str],
        info: TensorInfo,
        preprocess: Preprocess,
        labels: np.ndarray | None,
    ) -> None:
        assert isinstance(preprocess.crop, int) and preprocess.sample_rate is not None
        self.labels = labels
        self._root, self._names, self._info = root, names, info
        self._rate, self._length = preprocess.sample_rate, preprocess.crop
        self._preprocess = preprocess
        self._shape = tuple(1 if size == 1 else self._length for size in (info.shape or (None, None))[1:])

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The sounds at these positions. Raises DataError if one is gone since."""
        rows = np.stack([self._one(self._names[index]) for index in indices.tolist()])
        values = rows.reshape(len(rows), *(self._shape or (self._length,)))
        return {self._info.name: values.astype(numpy_dtype(self._info))}

    def _one(self, name: str) -> np.ndarray:
        path = self._root / name
        try:
            header = read_header(path)
            # only what will be heard is read, with a little around it for the filter
            wanted = int(np.ceil(self._length * header.rate / self._rate)) + 64
            first = max(0, (header.frames - wanted) // 2)
            sound = read_sound(path, header, first, wanted)
        except WavError as error:
            raise DataError(
                text("A sound changed or went away since the data was opened."),
                error.reason,
                text("Open the data again."),
            ) from error
        sound = resampled(sound, header.rate, self._rate)
        spare = len(sound) - self._length
        if spare > 0:
            sound = sound[spare // 2 : spare // 2 + self._length]
        else:
            sound = np.pad(sound, (0, -spare))
        if self._preprocess.mean:
            sound = sound - np.float32(self._preprocess.mean[0])
        return sound / np.float32(self._preprocess.std[0]) if self._preprocess.std else sound


def resampled(sound: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The sound at another rate, float32, by a polyphase filter."""
    if rate == wanted:
        return sound
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(sound, wanted // common, rate // common), dtype=np.float32)


def open_audio(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open a folder of sounds for a model that takes one row of them. Raises DataError."""
    info = inputs[0] if inputs else None
    if info is None or len(inputs) != 1 or not _takes_sound(info, inputs):
        shapes = ", ".join(f"{one.name}: {show_shape(one.shape)}" for one in inputs[:5])
        raise DataError(
            text("The model does not take sounds alone."),
            text("Its inputs are {inputs}; a sound is one row of numbers.", inputs=shapes or "–"),
            text("Choose a folder of requests (.npz) with an array for each input."),
        )
    guessed: list[Text] = []
    warnings: list[Text] = []
    found = [_list(path, context) for path in sampling.source_paths(spec)]
    preprocess = _preprocess(spec.preprocess, info, found[0], guessed)
    parts: list[SamplePart] = []
    for listed in found:
        labels = _labels(listed, outputs, parts[0].labels if parts else None, warnings)
        source = CachedSource(SoundSource(listed.root, listed.names, info, preprocess, labels.values))
        parts.append(
            SamplePart(source, labels, sampling.name_keys(listed.names), listed.sha256(), listed.skipped)
        )
    return sample_set("audio", spec, parts, guessed, warnings, preprocess)


def _takes_sound(info: TensorInfo, inputs: tuple[TensorInfo, ...]) -> bool:
    shape = info.shape
    if shape is None or batch_axis(info, inputs) != 0 or not info.dtype.startswith("float"):
        return False
    return sum(size != 1 for size in shape[1:]) == 1


class _Listed:
    """Sounds below a folder with the folder of each, and the headers of some."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self.sizes: list[int] = []
        self.headers: list[WavHeader] = []
        self.skipped: list[Text] = []

    def sha256(self) -> str:
        lines = (f"{name}\0{size}\n" for name, size in zip(self.names, self.sizes, strict=True))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _list(root: Path, context: Context) -> _Listed:
    """Raises DataError if there is no sound that can be read."""
    listed = _Listed(root)
    context.report(text("Listing sounds"))
    try:
        folders = folder_scan.subfolders(root)
        names = [f"{folder}/{name}" for folder in folders for name in _below(root / folder, "", _DEEPEST)]
        names = names or _sounds_in(root)
    except OSError as error:
        raise folder_scan.unreadable(root, error) from error
    for name in names:
        context.check()
        try:
            header = read_header(root / name)
        except WavError as error:
            listed.skipped.append(Text(error.reason.template, {**error.reason.params, "name": name}))
            continue
        listed.names.append(name)
        listed.sizes.append((root / name).stat().st_size)
        if len(listed.headers) < _LOOKED_AT:
            listed.headers.append(header)
    if not listed.names:
        raise DataError(
            text("The folder '{path}' holds no sounds that can be read.", path=str(root)),
            listed.skipped[0] if listed.skipped else text("Sounds end in .wav."),
            text("Choose a folder of WAV files with a subfolder for each class."),
        )
    return listed


def _below(folder: Path, prefix: str, depth: int) -> list[str]:
    found = [prefix + name for name in _sounds_in(folder)]
    if depth:
        for name in folder_scan.subfolders(folder):
            found += _below(folder / name, f"{prefix}{name}/", depth - 1)
    return found


def _preprocess(
    given: Preprocess | None, info: TensorInfo, listed: _Listed, guessed: list[Text]
) -> Preprocess:
    """The rate that the model takes, and how many samples it hears: what is open is guessed, and said."""
    rates = Counter(header.rate for header in listed.headers)
    usual = rates.most_common(1)[0][0]
    fixed = next((size for size in (info.shape or ())[1:] if isinstance(size, int) and size != 1), None)
    rate = given.sample_rate if given is not None else None
    if rate is None:
        rate = usual if len(rates) == 1 else USUAL_RATE
        guessed.append(
            text("Rate: {rate} Hz, as the sounds have; resampled if the model takes another.", rate=rate)
            if len(rates) == 1
            else text("Rate: {rate} Hz, a guess; the sounds have several.", rate=rate)
        )
    elif set(rates) != {rate}:
        guessed.append(text("Rate: resampled to {rate} Hz.", rate=rate))
    length = given.crop if given is not None else None
    if isinstance(length, tuple) or (fixed is not None and length is not None and length != fixed):
        raise DataError(
            text("The sounds are cut to another length than the model takes."),
            text("The model takes {count} samples.", count=fixed or 0),
            text("Correct the preprocessing."),
        )
    if length is None and fixed is not None:
        length = fixed
    if length is None:
        seconds = sorted(header.frames / header.rate for header in listed.headers)
        length = max(1, int(min(seconds[len(seconds) * 9 // 10], _MOST_SECONDS) * rate))
        guessed.append(text("Length: {count} samples, which nine of ten sounds don't exceed.", count=length))
    guessed.append(text("Each sound: its middle {count} samples, or silence behind it.", count=length))
    base = given or Preprocess()
    return msgspec.structs.replace(base, sample_rate=rate, crop=length)


def _labels(
    listed: _Listed, outputs: tuple[TensorInfo, ...], judged: Labels | None, warnings: list[Text]
) -> Labels:
    """The folders as classes, where there are several and the model answers classes."""
    count = len(listed.names)
    folders = [name.split("/", 1)[0] if "/" in name else "" for name in listed.names]
    names = tuple(sorted(set(folders)))
    if names == ("",):
        return unlabelled(count)
    if len(names) < 2:
        return unlabelled(
            count, text("All samples have the label '{name}': used without labels.", name=names[0])
        )
    if not answers_classes(outputs):
        shape = show_shape(outputs[0].shape if outputs else None)
        return unlabelled(
            count,
            text("The model answers {shape}, not one score per class: the labels are not used.", shape=shape),
        )
    if judged is not None and judged.class_names != names:
        return unlabelled(count)
    check_classes(names, outputs)
    place = {name: index for index, name in enumerate(names)}
    values = np.array([place[folder] for folder in folders], dtype=np.int64)
    note = text("Classes: the folders' names in alphabetical order are the model's outputs.")
    return Labels("classification", values, names, np.ones(count, dtype=bool), (note,))


KINDS.add(
    Described(
        name="audio",
        label=text("Folder of sounds (WAV)"),
        help=text("A subfolder of WAV files for each class, resampled to the model's rate."),
    ),
    Kind(lambda path, head: holds_sounds(path), open_audio),
)
