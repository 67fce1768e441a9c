"""Every goal of keeping accuracy, size and speed in one command: asked for, found, met or not, as Markdown.

    python -m bench.table --models ../shared/models --data ../shared/data/cifar10 --work build/table
        [--only W8A8 channels ...] [--list]

Each row is kept in --work the moment it is there, so an interrupted run goes on; remove a row's .json to have
it measured again. 256 unlabelled training images calibrate, 5,000 test images judge; rows with labels train
on 20,000 training images. The peers' environments come from bench/peers/setup.sh. An idle machine is wanted:
rows with seconds are measured by the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.w8a8 import NETWORKS

RESNET, MOBILENET = NETWORKS
Methods = Mapping[str, Mapping[str, Any]]
SPREAD: Methods = {"allocate": {"on": True}}
TUNE = {"mirror": True}


@dataclass(frozen=True)
class Found:
    """A row's figures, in words, and whether they are what was asked for (None: nothing was)."""

    figure: str
    met: bool | None


@dataclass(frozen=True)
class Row:
    name: str
    network: str
    goal: str
    measure: Callable[[Bench, Row], Found]
    most: float | None = None
    """Points that may be lost."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    methods: Methods = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "".join(c if c.isalnum() else "_" for c in f"{self.name}_{self.network}")


@dataclass(frozen=True)
class Bench:
    """Where things are."""

    models: Path
    data: Path
    work: Path

    def model(self, row: Row) -> Path:
        known = self.models / f"{row.network}.onnx"
        return known if known.exists() else self.work / f"{row.network}.onnx"

    def compress(self, row: Row, model: Path, data: list[str]) -> dict[str, Any]:
        """Run the command line, as anybody would; its account of the file."""
        plan, report = self.work / f"{row.key}.plan.json", self.work / f"{row.key}.report.json"
        plan.write_text(json.dumps({"defaults": dict(row.defaults), "methods": dict(row.methods)}))
        out = self.work / f"{row.key}.onnx"
        out.unlink(missing_ok=True)
        more = ["--plan", str(plan), "--report", str(report), "--out", str(out), "--quiet"]
        call("core.cli", "compress", str(model), *data, *more)
        return dict(json.loads(report.read_text()))

    def pictures(self, row: Row) -> list[str]:
        train, test = str(self.data / "train"), str(self.data / "test")
        return [
            *("--data", test, "--calibration-data", train, "--calibration-count", "256"),
            *("--preprocess", json.dumps(PREPROCESS)),
        ]


PREPROCESS = {
    "mean": [125.307, 122.961, 113.8575],
    "std": [62.985, 62.0925, 66.708],
    "layout": "NCHW",
    "color": "RGB",
}


def call(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def judged(row: Row, report: Mapping[str, Any]) -> Found:
    """The loss on the test samples, with size and speed."""
    before, after = report["before"], report["after"]
    lost = before["accuracy"] - after["accuracy"]
    size = after["bytes"] / before["bytes"]
    zipped = after["zipped_bytes"] / before["zipped_bytes"]
    speed = before["latency"]["median_ms"] / after["latency"]["median_ms"]
    figure = f"{lost:.2f} lost, {size:.3f} of the size ({zipped:.3f} zipped), {speed:.2f} times as fast"
    if speed < 0.95 and not any("slower" in note for note in report["notes"]):
        return Found(figure + "; slower without a warning", False)
    return Found(figure, None if row.most is None else round(lost, 6) <= row.most)


def compressed(bench: Bench, row: Row) -> Found:
    return judged(row, bench.compress(row, bench.model(row), bench.pictures(row)))


def transformer(bench: Bench, row: Row) -> Found:
    model = bench.work / f"{row.network}.onnx"
    if not model.exists():
        call("bench.train_transformer", "--out", str(model))
    samples = Path(__file__).parent.parent / "resources" / "samples" / "digits"
    return judged(row, bench.compress(row, model, ["--data", str(samples)]))


def against_peers(bench: Bench, row: Row) -> Found:
    call(
        "bench.peers",
        *("--models", str(bench.models), "--data", str(bench.data), "--networks", row.network),
        *("--work", str(bench.work / "peers")),
    )
    found = json.loads((bench.work / "peers" / row.network / "standing.json").read_text())
    ahead, speed = found["agreement"] - found["best_agreement"], found["speed"]
    return Found(
        f"agreement {found['agreement']:.2f} %, {ahead:+.2f} from the best peer's ({found['best']}); "
        f"{found['lost']:.2f} lost; {speed:.3f} of the fastest peer's speed ({found['fastest']})",
        ahead >= 0.2 and found["lost"] <= 0.3 and speed >= 0.97,
    )


def channels(bench: Bench, row: Row) -> Found:
    """Half the work in whole channels: the default against magnitude with the same repair."""
    printed = call(
        "bench.channels",
        *("--models", str(bench.models), "--data", str(bench.data), "--networks", row.network),
    )
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "|" in line]
    top1 = {cell[0]: float(cell[2]) for cell in cells if len(cell) > 4 and cell[2][:1].isdigit()}
    ours = top1["second order, damage measured + repair"]
    magnitude = max(value for name, value in top1.items() if name.startswith("magnitude") and "+" in name)
    return Found(
        f"{ours:.2f} %, magnitude with the same repair {magnitude:.2f} %: {ours - magnitude:+.2f}",
        ours - magnitude >= 5.0,
    )


def half_resnet50(bench: Bench, row: Row) -> Found:
    """Half the channels, 8 bits, and both, of a ResNet-50 with random weights; timed in turns."""
    import onnx

    from bench.channels import resnet50
    from core.context import Context
    from core.evaluate.latency import measure_latency

    source = bench.work / "resnet50.onnx"
    onnx.save(resnet50(), source)
    eight = {"weight_bits": 8, "activation_bits": 8}
    cut: Methods = {"prune_channels": {"channels": 50.0, "score": "magnitude"}}
    files = [source]
    for name, defaults, methods in (("half", {}, cut), ("int8", eight, {}), ("both", eight, cut)):
        part = Row(f"resnet50 {name}", row.network, "", half_resnet50, None, defaults, methods)
        random = ["--data", "random", "--calibration-count", "32", "--limit", "16"]
        bench.compress(part, source, random)
        files.append(bench.work / f"{part.key}.onnx")
    files.append(peers_int8(source, bench.work / "resnet50_peer.onnx"))
    words, met = [], True
    for threads in (1, 2):
        first, half, int8, both, peer = (
            each.median_ms for each in measure_latency(files, 1, threads, Context())
        )
        words.append(
            f"{threads} thread(s): half {first / half:.2f}, int8 {first / int8:.2f} (quantize_static's "
            f"{first / peer:.2f}), both {first / both:.2f}"
        )
        met = met and first / half >= 3.6 and first / int8 >= 3.3
    return Found("; ".join(words), met)


def peers_int8(source: Path, out: Path) -> Path:
    """What onnxruntime itself makes of it, as it is fastest: how much 8 bits can bring on this processor."""
    import numpy as np
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Random(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self._left = [rng.standard_normal((1, 3, 224, 224), dtype=np.float32) for _ in range(8)]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return {"image": self._left.pop()} if self._left else None

    if not out.exists():
        kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(source, out, Random(), quant_format=QuantFormat.QOperator, **kinds)
    return out


def sweep_cost(bench: Bench, row: Row) -> Found:
    printed = call("bench.cost", "--jobs", "resnet50", "--json")
    stages = json.loads(printed.strip().splitlines()[-1])
    swept = ("sweep, descent, masks", "targets", "clipping search", "plain rounding")
    seconds = sum(stages[name][0] for name in swept if name in stages)
    # what a run does besides: reading, calibrating, writing, timing
    apart = (*swept, "calibration", "latency and sizes", "writing", "the rest")
    gathered = sum(stage[0] for name, stage in stages.items() if name not in apart)
    peak = max(stage[2] for stage in stages.values())
    return Found(
        f"{seconds:.0f} s; {gathered:.0f} s more to gather what it needs from 256 images; "
        f"highest memory {peak:.0f} MB",
        seconds <= 60,
    )


def loss(name: str, limits: tuple[float | None, float | None], defaults: Mapping[str, Any]) -> list[Row]:
    """The same setting of both networks, with bits and zeros spread over the layers."""
    rows = []
    for network, most in zip(NETWORKS, limits, strict=True):
        goal = "" if most is None else f"at most {most:g} lost"
        rows.append(Row(name, network, goal, compressed, most, defaults, SPREAD))
    return rows


def tuned(name: str, seconds: int, defaults: Mapping[str, Any], methods: Methods) -> Row:
    every = {**methods, "finetune": {"seconds": seconds, **TUNE}}
    return Row(name, RESNET, "at most 1.5 lost", compressed, 1.5, defaults, every)


ROWS = [
    *(Row("W8A8", network, "agreement +0.2, 0.3 lost, 0.97", against_peers) for network in NETWORKS),
    *loss("W4A8", (1, 2), {"weight_bits": 4, "activation_bits": 8}),
    *loss("W3A8", (2.5, 5), {"weight_bits": 3, "activation_bits": 8}),
    *loss("50 % zeros", (1, 3), {"sparsity": 0.5}),
    *loss("75 % zeros", (5, None), {"sparsity": 0.75}),
    *loss("2:4", (1.5, None), {"pattern": "2:4"}),
    *loss("50 % zeros, W4A8", (2.5, None), {"sparsity": 0.5, "weight_bits": 4, "activation_bits": 8}),
    tuned("75 % zeros, 3 minutes of training", 180, {"sparsity": 0.75}, SPREAD),
    *(Row("channels: half the work", n, "magnitude + repair + 5", channels) for n in NETWORKS),
    tuned(
        "channels: half the work, 5 minutes of training",
        300,
        {},
        {"prune_channels": {"macs": 50.0, "multiple": 1}},
    ),
    Row(
        "transformer, W8A8",
        "digits_transformer",
        "at most 0.3 lost",
        transformer,
        0.3,
        {"weight_bits": 8, "activation_bits": 8},
    ),
    Row(
        "transformer, 4-bit weights",
        "digits_transformer",
        "at most 0.5 lost",
        transformer,
        0.5,
        {"weight_bits": 4},
    ),
    Row("ResNet-50: half the channels, int8, both", "resnet50", "3.6 and 3.3 times as fast", half_resnet50),
    Row("ResNet-50: compensation of all layers", "resnet50", "60 s", sweep_cost),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="rows whose name or network contains it")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if not options.only or any(part in f"{row.name} {row.network}" for part in options.only)
    ]
    if options.list:
        print("\n".join(f"{row.name} ({row.network}): {row.goal}" for row in rows))
        return
    if not (options.models and options.data and options.work):
        parser.error("--models, --data and --work are needed")
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.models, options.data, options.work)
    print("| | network | asked for | found | met |")
    print("|---|---|---|---|---|")
    for row in rows:
        found = kept(bench, row)
        met = "" if found.met is None else "yes" if found.met else "**no**"
        print(f"| {row.name} | {row.network} | {row.goal} | {found.figure} | {met} |", flush=True)


def kept(bench: Bench, row: Row) -> Found:
    """From the folder, or measured now. What fails says so in its row and is tried again next time."""
    path = bench.work / f"{row.key}.json"
    if path.exists():
        return Found(**json.loads(path.read_text()))
    try:
        found = row.measure(bench, row)
    except (RuntimeError, KeyError, OSError) as error:
        return Found(f"failed: {error}", False)
    path.write_text(json.dumps({"figure": found.figure, "met": found.met}))
    return found


if __name__ == "__main__":
    main()
