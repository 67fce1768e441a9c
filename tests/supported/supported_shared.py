"""The kinds whose networks others trained: files as their makers hand them out (see `supported_kinds`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import supported_samples as samples
from supported_journey import Saved
from supported_kinds import SHARED, kind, planned

from core.values import DataSpec, Preprocess

MODELS = SHARED / "models"
CIFAR = Preprocess(
    mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708), layout="NCHW", color="RGB"
)


def _cifar(name: str, calibration: int, sweep: int, layers: int) -> Saved:
    data = DataSpec(
        path=str(SHARED / "data" / "cifar10" / "test"),
        calibration_path=str(SHARED / "data" / "cifar10" / "train"),
        preprocess=CIFAR,
        calibration_count=calibration,
        judge_count=400,
    )
    return Saved(str(MODELS / name), data, planned(sparsity=0), sweep=sweep, layers=layers)


@kind(
    "resnet20",
    "ResNet-20 (CIFAR-10)",
    "PyTorch's `.onnx`",
    "folder of photographs",
    "top1",
    80,
    6,
    slow=True,
    shared="resnet20_cifar10.onnx",
)
def resnet20(folder: Path) -> Saved:
    return _cifar("resnet20_cifar10.onnx", 128, 32, 4)


@kind(
    "mobilenetv2",
    "MobileNetV2-like (CIFAR-10)",
    "PyTorch's `.onnx`",
    "folder of photographs",
    "top1",
    76,
    6,
    shared="mobilenet_cifar10.onnx",
)
def mobilenetv2(folder: Path) -> Saved:
    return _cifar("mobilenet_cifar10.onnx", 64, 16, 3)


@kind(
    "ppocr",
    "direction of text, MobileNetV3-like (PP-OCR)",
    "PaddlePaddle's `.onnx`, opset 11",
    "arrays (NPZ)",
    "agreement",
    100,
    100,
    slow=True,
    shared="ch_ppocr_mobile_v2.0_cls_infer.onnx",
)
def ppocr(folder: Path) -> Saved:
    random = np.random.default_rng(5)
    # lines of blurred strokes, prepared as PP-OCR does: (x / 255 - 0.5) / 0.5
    pictures = np.clip(random.normal(0.6, 0.4, (96, 3, 48, 192)).cumsum(3) % 2 - 1, -1, 1)
    np.savez(folder / "lines.npz", x=pictures.astype(np.float32))
    data = DataSpec(path=str(folder / "lines.npz"), calibration_count=32, judge_count=64)
    return Saved(
        str(MODELS / "ch_ppocr_mobile_v2.0_cls_infer.onnx"), data, planned(10, 0), sweep=16, layers=4
    )


@kind(
    "magika",
    "kind of a file from its bytes (Magika)",
    "Keras's `.onnx`, int32",
    "arrays (NPZ)",
    "agreement",
    100,
    5,
    shared="magika_standard_v3_3.onnx",
)
def magika(folder: Path) -> Saved:
    files = sorted(Path(np.__file__).parent.rglob("*"))
    files = [one for one in files if one.is_file() and one.stat().st_size > 4096][:96]
    # the first and the last 1024 bytes, 256 stands for none
    rows = [np.frombuffer(one.read_bytes(), np.uint8) for one in files]
    ends = [np.concatenate([row[:1024], row[-1024:]]) for row in rows]
    np.savez(folder / "bytes.npz", bytes=np.stack(ends).astype(np.int32))
    data = DataSpec(path=str(folder / "bytes.npz"), calibration_count=16, judge_count=64)
    return Saved(str(MODELS / "magika_standard_v3_3.onnx"), data, planned(20, 0), sweep=16)


def _speech(folder: Path, name: str) -> Saved:
    made, _ = samples.sounds(96, seed=3)
    random = np.random.default_rng(4)

    def request(place: int) -> dict[str, np.ndarray]:
        state = random.normal(0, 0.3, (2, 1, 128)).astype(np.float32)
        return {"input": made[place, None, :512], "state": state, "sr": np.array(16000)}

    path = samples.requests(folder / "requests", 96, request)
    data = DataSpec(path=str(path), calibration_count=32, judge_count=64)
    return Saved(str(MODELS / name), data, planned(0, 0), sweep=32)


@kind(
    "silero",
    "voice activity, LSTM with its state in and out, layers inside If (Silero)",
    "PyTorch's `.onnx`",
    "folder of requests (NPZ)",
    "sqnr_db",
    0,
    100,
    integers=False,
    least=5,
    shared="silero_vad.onnx",
)
def silero(folder: Path) -> Saved:
    return _speech(folder, "silero_vad.onnx")


@kind(
    "silero_ifless",
    "the same without If, its LSTM spelt out",
    "PyTorch's `.onnx`, opset 18",
    "folder of requests (NPZ)",
    "sqnr_db",
    0,
    100,
    integers=False,
    least=5,
    shared="silero_vad_op18_ifless.onnx",
)
def silero_ifless(folder: Path) -> Saved:
    return _speech(folder, "silero_vad_op18_ifless.onnx")


@kind(
    "basic_pitch",
    "notes from sound, 32 convolutions, three outputs (Basic Pitch)",
    "TensorFlow's `.onnx`",
    "arrays (NPZ)",
    "sqnr_db",
    0,
    100,
    slow=True,
    shared="basic_pitch_nmp.onnx",
)
def basic_pitch(folder: Path) -> Saved:
    made, _ = samples.sounds(11 * 24, seed=6)
    x = made.reshape(24, -1)[:, :43844, None]
    np.savez(folder / "sounds.npz", x=x)
    data = DataSpec(path=str(folder / "sounds.npz"), calibration_count=8, judge_count=16)
    return Saved(str(MODELS / "basic_pitch_nmp.onnx"), data, planned(0, 0), sweep=4, layers=2)
