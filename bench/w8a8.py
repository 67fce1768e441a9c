"""W8A8 with no setting touched, against every configuration of onnxruntime's quantize_static.

    python bench/w8a8.py --models ../shared/models --data ../shared/data/cifar10 [--rounds 400] [--threads 1]
        [--networks resnet20_cifar10 ...] [--calibrations MinMax Entropy Percentile]

For each network: agreement with the original and KL from it, top-1 on all test images, size, which kernels
onnxruntime really runs, and the latency of one image, all files in turns in the same run. Both quantisers
see the same 256 training images.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from core.compress import compress
from core.context import Context
from core.data import open_data
from core.data.dataset import DataSet
from core.evaluate.judge import Judge
from core.formats import open_model
from core.values import DataSpec, LayerPlan, Plan, Preprocess

NETWORKS = ("resnet20_cifar10", "mobilenet_cifar10")
PREPROCESS = Preprocess(
    mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708), layout="NCHW", color="RGB"
)
TYPES = {"U8S8": (QuantType.QUInt8, QuantType.QInt8), "S8S8": (QuantType.QInt8, QuantType.QInt8)} | {
    "U8U8": (QuantType.QUInt8, QuantType.QUInt8)
}


@dataclass
class Row:
    name: str
    path: Path
    top1: float = 0.0
    loss: float = 0.0
    agreement: float = 0.0
    kl: float = 0.0
    size: int = 0
    integer: int = 0
    float_convs: int = 0
    kernels: str = ""
    latency_ms: float = 0.0
    low_ms: float = 0.0
    high_ms: float = 0.0


class Reader(CalibrationDataReader):
    """Hands quantize_static the calibration samples of a Secateur data set."""

    def __init__(self, data: DataSet) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = (b.feeds for b in data.batches("calibration", 32))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="folder with the two networks")
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--calibrations", nargs="+", default=("MinMax", "Entropy", "Percentile"))
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"onnxruntime {ort.__version__}, {options.threads} thread(s), {options.rounds} rounds")
    for network in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            run(options.models / f"{network}.onnx", options, Path(folder))


def run(model: Path, options: argparse.Namespace, folder: Path) -> None:
    context = Context()
    opened = open_model(model, context)
    spec = DataSpec(
        path=str(options.data / "test"),
        calibration_path=str(options.data / "train"),
        preprocess=PREPROCESS,
        calibration_count=256,
        judge_count=None,
    )
    data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
    judge = Judge(model, data, context)
    start = time.perf_counter()
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
    result = compress(opened, data, None, plan, folder / "work", None, context)
    seconds = time.perf_counter() - start
    files = static(model, data, folder, options.calibrations)
    rows = [Row("float32", model), Row("Secateur", Path(result.artefact)), *files]
    for row in rows:
        judged = judge.measure(row.path, context)
        row.top1, row.loss, row.size = judged.primary.value, judged.loss, row.path.stat().st_size
        row.agreement = next(m.value for m in judged.measurements if m.metric == "agreement")
        row.kl = judged.kl or 0.0
        row.integer, row.float_convs, row.kernels = kernels(row.path, folder)
    latency(rows, judge.feeds(1), options.rounds, options.threads)
    show(model.stem, rows, len(opened.info.layers), judge.count, data.info.calibration_count, seconds)
    for note in result.notes:
        print(f"- {note}")


def static(model: Path, data: DataSet, folder: Path, calibrations: Sequence[str]) -> Iterator[Row]:
    """Each configuration of quantize_static, on a model prepared by its own pre-processing."""
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(model), str(prepared))
    for calibration, types, per_channel, form in product(
        calibrations, TYPES, (True, False), (QuantFormat.QDQ, QuantFormat.QOperator)
    ):
        if calibration != "MinMax" and form is QuantFormat.QOperator:
            continue  # the same numbers as in its QDQ form
        name = f"{calibration} {types} {'channel' if per_channel else 'tensor'} {form.name}"
        path = folder / f"{name.replace(' ', '_')}.onnx"
        activation, weight = TYPES[types]
        quantize_static(
            str(prepared),
            str(path),
            Reader(data),
            quant_format=form,
            per_channel=per_channel,
            activation_type=activation,
            weight_type=weight,
            calibrate_method=CalibrationMethod[calibration],
        )
        yield Row(name, path)


def session(path: Path, threads: int, optimised: Path | None = None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def kernels(path: Path, folder: Path) -> tuple[int, int, str]:
    """Integer layers, float layers and all operators in the graph that onnxruntime really runs."""
    optimised = folder / "optimised.onnx"
    session(path, 1, optimised)
    counts = Counter(node.op_type for node in onnx.load(str(optimised)).graph.node)
    integer = sum(counts[op] for op in ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat"))
    floats = sum(counts[op] for op in ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"))
    return integer, floats, " ".join(f"{op}:{count}" for op, count in sorted(counts.items()))


def latency(rows: list[Row], feeds: dict[str, np.ndarray], rounds: int, threads: int) -> None:
    """One image, every file once in each round; the first tenth of the rounds warms up."""
    sessions = [session(row.path, threads) for row in rows]
    names = [item.get_inputs()[0].name for item in sessions]
    image = next(iter(feeds.values()))
    times = np.zeros((rounds, len(rows)))
    rng = np.random.default_rng(0)
    for turn in range(rounds):
        # who runs after a file that fills the cache is slower, so the order changes every time
        for column in rng.permutation(len(rows)):
            start = time.perf_counter()
            sessions[column].run(None, {names[column]: image})
            times[turn, column] = 1000 * (time.perf_counter() - start)
    kept = times[rounds // 10 :]
    for column, row in enumerate(rows):
        row.latency_ms = float(np.median(kept[:, column]))
        row.low_ms, row.high_ms = (float(np.percentile(kept[:, column], p)) for p in (5, 95))


def show(name: str, rows: list[Row], layers: int, judged: int, calibrated: int, seconds: float) -> None:
    base = rows[0]
    print(f"\n## {name}: {layers} layers, {judged} test images, {calibrated} calibration images")
    print("| file | agreement % | KL, 1e-4 | top-1 % | lost | size | integer | float | ms (5–95 %) | speed |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.name} | {row.agreement:.2f} | {1e4 * row.kl:.2f} | {row.top1:.2f} | {row.loss:+.2f} "
            f"| {row.size / base.size:.3f} | {row.integer} | {row.float_convs} "
            f"| {row.latency_ms:.3f} ({row.low_ms:.3f}–{row.high_ms:.3f}) "
            f"| {base.latency_ms / row.latency_ms:.2f} |"
        )
    fastest = min(rows[2:], key=lambda row: row.latency_ms)
    nearest = max(rows[2:], key=lambda row: row.agreement)
    ours = rows[1]
    print(f"\nSecateur took {seconds:.1f} s. Its graph in onnxruntime: {ours.kernels}")
    print(f"Its nearest: {nearest.name}, {nearest.agreement:.2f} %; ours {ours.agreement:.2f} %.")
    print(
        f"Its fastest: {fastest.name}, {fastest.latency_ms:.3f} ms; ours {ours.latency_ms:.3f} ms, "
        f"{fastest.latency_ms / ours.latency_ms:.3f} times its speed."
    )


if __name__ == "__main__":
    main()
