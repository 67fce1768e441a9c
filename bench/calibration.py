"""What calibrating costs: a ResNet-50 with random weights, 224 × 224, to 8-bit weights and activations.

    python bench/calibration.py --data ../shared/data/cifar10 [--rounds 3] [--only secateur-entropy ...]

Each way runs in a process of its own, which says how long it took after its imports and how much memory it
held at most. All see the same JPEG files (pictures of the data folder, scaled up), read, decoded and
normalised by the same code. The peers get the samples one by one, which serves them best.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WAYS: dict[str, tuple[int, ...]] = {
    "secateur-entropy": (64, 256),
    "secateur-error": (64, 256),
    "secateur-min-max": (64, 256),
    "onnxruntime-MinMax": (64, 256),
    "onnxruntime-Entropy": (16, 32),
    "onnxruntime-Percentile": (16, 32),
}
"""Each way and the numbers of pictures it is given: peers that keep every activation get few."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with train/, for the pictures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(WAYS), metavar="WAY", help=", ".join(WAYS))
    parser.add_argument("--child", nargs=3, metavar=("WAY", "COUNT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        way, count, folder = options.child
        print(json.dumps(run(way, int(count), Path(folder))))
        return
    if options.data is None:
        parser.error("--data is needed")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options.data)
        compare(Path(folder), options.only, options.rounds)


def prepare(folder: Path, data: Path) -> None:
    """The network and the pictures, written by a child so that this process stays small."""
    code = "import sys; from bench import calibration as c; c.write_all(*map(c.Path, sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, str(folder), str(data)], check=True)


def write_all(folder: Path, data: Path) -> None:
    import onnx
    from PIL import Image

    from bench.channels import resnet50

    onnx.save(resnet50(), folder / "resnet50.onnx")
    (folder / "pictures").mkdir()
    files = sorted(path for path in (data / "train").rglob("*") if path.is_file())
    most = max(max(counts) for counts in WAYS.values())
    for index, path in enumerate(files[:: max(1, len(files) // most)][:most]):
        picture = Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        picture.save(folder / "pictures" / f"{index:04}.jpg", quality=90)


def compare(folder: Path, ways: list[str], rounds: int) -> None:
    seconds: dict[tuple[str, int], list[float]] = {}
    memory: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        # in turns, so that a change of the computer's speed meets all alike
        for way in ways:
            for count in WAYS[way]:
                command = [sys.executable, __file__, "--child", way, str(count), str(folder)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                told = json.loads(done.stdout.splitlines()[-1])
                seconds.setdefault((way, count), []).append(told["seconds"])
                memory[way, count] = max(memory.get((way, count), 0.0), told["megabytes"])
    print("| way | pictures | seconds (median) | lowest–highest | peak memory, MB |")
    print("|---|---:|---:|---:|---:|")
    for (way, count), times in seconds.items():
        span = f"{min(times):.1f}–{max(times):.1f}"
        median = statistics.median(times)
        print(f"| {way} | {count} | {median:.1f} | {span} | {memory[way, count]:.0f} |")


def run(way: str, count: int, folder: Path) -> dict[str, float]:
    tool, _, method = way.partition("-")
    (work := folder / f"{way}-{count}").mkdir(exist_ok=True)
    began, seconds = (
        time.process_time(),
        (ours if tool == "secateur" else theirs)(method, count, folder, work),
    )
    return {
        "seconds": seconds,
        "core_seconds": time.process_time() - began,
        "megabytes": peak_megabytes(),
    }


def peak_megabytes() -> float:
    """Of this process alone: what Linux counts starts anew with each program, getrusage's does not."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _data(folder: Path, count: int):  # type: ignore[no-untyped-def]
    from core.context import Context
    from core.data import open_data
    from core.formats import open_model
    from core.values import DataSpec, Preprocess

    opened = open_model(folder / "resnet50.onnx", Context())
    spec = DataSpec(
        path=str(folder / "pictures"),
        calibration_path=str(folder / "pictures"),
        preprocess=Preprocess(mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4), layout="NCHW", color="RGB"),
        calibration_count=count,
        judge_count=1,
    )
    return opened, open_data(spec, opened.info.inputs, opened.info.outputs, Context())


def ours(method: str, count: int, folder: Path, work: Path) -> float:
    """Open, compress without judging, write."""
    from core.compress import compress
    from core.context import Context
    from core.values import LayerPlan, Plan

    start = time.perf_counter()
    opened, data = _data(folder, count)
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"calibrate": {"range": method, "samples": count}},
    )
    compress(opened, data, None, plan, work, None, Context())
    return time.perf_counter() - start


def theirs(method: str, count: int, folder: Path, work: Path) -> float:
    """quant_pre_process and quantize_static with its fast types (U8S8, per channel)."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, batches: Iterator[dict[str, np.ndarray]]) -> None:
            self.batches = batches

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    start = time.perf_counter()
    _, data = _data(folder, count)
    feeds = (batch.feeds for batch in data.batches("calibration", 1))
    prepared = work / "prepared.onnx"
    quant_pre_process(str(folder / "resnet50.onnx"), str(prepared))
    quantize_static(
        str(prepared),
        str(work / "quantised.onnx"),
        Reader(feeds),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
