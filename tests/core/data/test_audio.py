"""Folders of sounds: read as their headers say, at one rate, of one length."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from data_makers import sentences

from core.context import Context
from core.data import DataSet, open_data
from core.data.wav import WavError, read_header, read_sound
from core.errors import DataError
from core.values import DataSpec, Preprocess, TensorInfo

SOUND = TensorInfo(name="waveform", dtype="float32", shape=("N", 1000))
OPEN = TensorInfo(name="waveform", dtype="float32", shape=("N", 1, "T"))
SCORES = TensorInfo(name="y", dtype="float32", shape=("N", 2))


def tone(frames: int, rate: int, hertz: float, loud: float = 0.5) -> np.ndarray:
    return loud * np.sin(2 * np.pi * hertz * np.arange(frames) / rate)


def save(path: Path, values: np.ndarray, rate: int, width: int = 2, channels: int = 1) -> None:
    """values: −1..1, (frames,) or (frames, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.rint(values * ((1 << (8 * width - 1)) - 1)).astype(np.int64)
    if width == 1:
        data = (whole + 128).astype(np.uint8).tobytes()
    elif width == 3:
        data = whole.astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        data = whole.astype(f"<i{width}").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)


def save_floats(path: Path, values: np.ndarray, rate: int, bits: int = 32) -> None:
    width = bits // 8
    data = values.astype(f"<f{width}").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, rate, rate * width, width, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def opened(root: Path, info: TensorInfo = SOUND, **spec: object) -> DataSet:
    return open_data(DataSpec(path=str(root), calibration_count=1, **spec), (info,), (SCORES,), Context())


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_numbers_of_every_width_are_read(tmp_path: Path, bits: int) -> None:
    values = tone(500, 8000, 300)
    values[:3] = [0.0, 1.0, -1.0]
    save(tmp_path / "a.wav", values, 8000, bits // 8)
    header = read_header(tmp_path / "a.wav")
    assert (header.rate, header.frames, header.bits, header.floats) == (8000, 500, bits, False)
    assert read_sound(tmp_path / "a.wav", header) == pytest.approx(values, abs=2 ** (2 - bits) + 1e-6)


@pytest.mark.parametrize("bits", [32, 64])
def test_floats_are_read_behind_chunks_of_odd_length(tmp_path: Path, bits: int) -> None:
    values = tone(500, 8000, 300)
    values[120] = np.nan
    save_floats(tmp_path / "f.wav", values, 8000, bits)
    header = read_header(tmp_path / "f.wav")
    assert (header.bits, header.floats) == (bits, True)
    known = np.nan_to_num(values[100:150])
    assert read_sound(tmp_path / "f.wav", header, 100, 50) == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_of_stereo_the_mean_is_heard(tmp_path: Path, width: int) -> None:
    values = tone(500, 8000, 300)
    both = np.stack([values, -values / 2], axis=1)
    save(tmp_path / "stereo.wav", both, 8000, width, 2)
    header = read_header(tmp_path / "stereo.wav")
    assert (header.channels, header.frames) == (2, 500)
    heard = read_sound(tmp_path / "stereo.wav", header)
    assert heard == pytest.approx(both.mean(axis=1), abs=2 ** (2 - 8 * width) + 1e-6)


@pytest.mark.parametrize("cut", [1, 3, 401])
def test_of_a_recording_that_breaks_off_the_whole_frames_are_heard(tmp_path: Path, cut: int) -> None:
    """Its header promises more than there is: recorders write it first and were stopped."""
    values = tone(500, 8000, 300)
    save(tmp_path / "a.wav", np.stack([values, values], axis=1), 8000, 2, 2)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:-cut])
    header = read_header(tmp_path / "a.wav")
    assert header.frames == 500 - -(-cut // 4)
    assert read_sound(tmp_path / "a.wav", header) == pytest.approx(values[: header.frames], abs=1e-4)
    # cut once more while it is open
    (tmp_path / "a.wav").write_bytes(whole[:-800])
    with pytest.raises(WavError, match="cut off"):
        read_sound(tmp_path / "a.wav", header)


@pytest.mark.parametrize(("code", "bits", "rate"), [(1, 16, 0), (1, 12, 8000), (6, 8, 8000), (3, 16, 8000)])
def test_forms_that_are_not_read_are_named(tmp_path: Path, code: int, bits: int, rate: int) -> None:
    """No rate, odd widths, telephone's logarithms (A-law), halves."""
    save_floats(tmp_path / "a.wav", tone(500, 8000, 300), 8000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[20:36] = struct.pack("<HHIIHH", code, 1, rate, rate * 4, 4, bits)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(WavError, match="not read") as caught:
        read_header(tmp_path / "a.wav")
    assert caught.value.reason.params["bits"] == bits


@pytest.mark.parametrize(
    "content", [b"", b"RIFF\0\0\0\0WAVE", b"RIFF1234WAVEfmt \x10\0\0\0\1", b"\x89PNG1234"]
)
def test_what_is_no_sound_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(WavError):
        read_header(tmp_path / "bad.wav")
    save(tmp_path / "a" / "good.wav", tone(1000, 8000, 200), 8000)
    save(tmp_path / "b" / "good.wav", tone(1000, 8000, 400), 8000)
    (tmp_path / "b" / "bad.wav").write_bytes(content)
    data = opened(tmp_path)
    assert data.info.sample_count == 2
    assert "b/bad.wav" in sentences(data.info)


def test_class_folders_and_the_models_length(tmp_path: Path) -> None:
    for place in range(4):
        save(tmp_path / "high" / f"{place}.wav", tone(1500, 8000, 2000), 8000)
        save(tmp_path / "low" / f"{place}.wav", tone(600, 8000, 200), 8000)
    data = opened(tmp_path)
    assert (data.info.kind, data.info.task) == ("audio", "classification")
    assert data.info.class_names == ("high", "low")
    (batch,) = data.batches("judge", 100)
    assert batch.labels is not None
    for row, label in zip(batch.feeds["waveform"], batch.labels, strict=True):
        assert row.shape == (1000,)
        if label == 0:  # the middle of the longer ones
            assert row == pytest.approx(tone(1500, 8000, 2000)[250:1250], abs=1e-3)
        else:  # silence behind the shorter ones
            assert row[:600] == pytest.approx(tone(600, 8000, 200), abs=1e-3)
            assert not row[600:].any()


def test_sounds_are_resampled_to_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    for place in range(3):
        save(tmp_path / f"{place}.wav", tone(4410, 44100, 440), 44100)
    data = opened(tmp_path, OPEN, preprocess=Preprocess(sample_rate=16000))
    assert data.info.task == "unlabelled"
    (batch,) = data.batches("judge", 100)
    heard = batch.feeds["waveform"]
    assert heard.shape == (2, 1, 1600)
    # the same tone, sampled at 16 kHz; the filter rings at the ends
    assert heard[0, 0, 200:1400] == pytest.approx(tone(1600, 16000, 440)[200:1400], abs=0.01)
    assert data.info.spec.preprocess == Preprocess(sample_rate=16000, crop=1600)
    assert "resampled to 16000 Hz" in sentences(data.info)


def test_several_rates_are_said(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", tone(800, 8000, 200), 8000)
    save(tmp_path / "b.wav", tone(800, 22050, 200), 22050)
    save(tmp_path / "c.wav", tone(800, 22050, 200), 22050)
    said = sentences(opened(tmp_path, OPEN).info)
    assert "16000 Hz, a guess" in said


def test_a_model_of_several_inputs_is_pointed_to_requests(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", tone(800, 8000, 200), 8000)
    state = TensorInfo(name="state", dtype="float32", shape=(2, "N", 64))
    with pytest.raises(DataError, match="does not take sounds alone"):
        open_data(DataSpec(path=str(tmp_path)), (OPEN, state), (SCORES,), Context())
