"""Read WAV files: their header first, then a part of the samples, as one channel of floats."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.values import Text, text

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MAX_CHANNELS = 64


class WavError(Exception):
    """A sound that has to be left out; `reason` is a sentence with the file's name in it."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.template)
        self.reason = reason


@dataclass(frozen=True)
class WavHeader:
    """rate in Hz; frames: samples of each channel; offset: where they begin in the file, in bytes."""

    rate: int
    channels: int
    bits: int
    floats: bool
    frames: int
    offset: int


def read_header(path: Path) -> WavHeader:
    """What the file says of itself. Raises WavError; reads no samples."""
    name = path.name
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            return _header(file, size_bytes, name)
    except OSError as error:
        raise WavError(text("{name}: it cannot be read", name=name)) from error
    except struct.error as error:
        raise WavError(text("{name}: it is cut off or damaged", name=name)) from error


def _header(file: BinaryIO, size_bytes: int, name: str) -> WavHeader:
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise WavError(text("{name}: it is no WAV file", name=name))
    form: tuple[int, int, int, int] | None = None
    while True:
        chunk = file.read(8)
        if len(chunk) < 8:
            raise WavError(text("{name}: it is cut off or damaged", name=name))
        kind, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if kind == b"fmt ":
            fields = file.read(min(length, 40))
            code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fields[:16])
            if code == EXTENSIBLE and len(fields) >= 26:
                code = struct.unpack("<H", fields[24:26])[0]
            form = code, channels, rate, bits
            file.seek(length - len(fields) + length % 2, 1)
        elif kind == b"data":
            break
        else:
            file.seek(length + length % 2, 1)
    if form is None:
        raise WavError(text("{name}: it is cut off or damaged", name=name))
    code, channels, rate, bits = form
    known = (code == PCM and bits in (8, 16, 24, 32)) or (code == FLOAT and bits in (32, 64))
    if not known or not 1 <= channels <= MAX_CHANNELS or not 1 <= rate <= 10_000_000:
        raise WavError(
            text(
                "{name}: it is packed in a way that is not read (format {code}, {bits} bits)",
                name=name,
                code=code,
                bits=bits,
            )
        )
    offset = file.tell()
    # recorders that were stopped leave a length that is too large, or none
    available = max(size_bytes - offset, 0)
    frames = min(length, available) // (channels * bits // 8)
    if not frames:
        raise WavError(text("{name}: it holds no sound", name=name))
    return WavHeader(rate, channels, bits, code == FLOAT, frames, offset)


def read_sound(path: Path, header: WavHeader, first: int = 0, count: int | None = None) -> np.ndarray:
    """The channels' mean from frame `first` on, float32 (frames,), −1..1. Raises WavError."""
    count = header.frames - first if count is None else min(count, header.frames - first)
    width = header.bits // 8
    try:
        with path.open("rb") as file:
            file.seek(header.offset + first * width * header.channels)
            data = file.read(count * width * header.channels)
    except OSError as error:
        raise WavError(text("{name}: it cannot be read", name=path.name)) from error
    if len(data) < count * width * header.channels:
        raise WavError(text("{name}: it is cut off or damaged", name=path.name))
    values: np.ndarray
    if header.floats:
        values = np.frombuffer(data, "<f4" if width == 4 else "<f8").astype(np.float32)
    elif width == 1:
        values = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
        values = (whole - ((whole & 0x800000) << 1)).astype(np.float32) / (1 << 23)
    else:
        values = np.frombuffer(data, f"<i{width}").astype(np.float32) / (1 << (header.bits - 1))
    mono = values.reshape(-1, header.channels).mean(axis=1)
    return np.nan_to_num(mono, posinf=0, neginf=0).astype(np.float32)
