"""What compensating a large network costs: time and processor time by stage, and peak memory.

    python -m bench.cost [--jobs resnet50 vgg] [--images 256] [--bits 4] [--sparsity 0.5] [--activations 8]

'resnet50': all layers of a ResNet-50 with random weights, 224 × 224. 'vgg': VGG16's largest dense layer,
25,088 to 4,096. Each job runs in a process of its own, whose peak is the highest resident memory (VmHWM).
Processor time counts all threads: on two free cores the clock shows between the whole and half of it.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

JOBS = ("resnet50", "vgg")


class Stages:
    """Time and processor time by name, each without that of the stages inside it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self.peak: dict[str, int] = defaultdict(int)
        self._stack: list[str] = ["the rest"]
        self._since = (time.perf_counter(), time.process_time())

    def _pass(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self.seconds[self._stack[-1]] += now[0] - self._since[0]
        self.cpu[self._stack[-1]] += now[1] - self._since[1]
        self.peak[self._stack[-1]] = max(self.peak[self._stack[-1]], peak_bytes())
        reset_peak()
        self._since = now

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """From now on `owner.name` counts as this stage."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def outer(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            self._stack.append(stage)
            try:
                return inner(*args, **kwargs)
            finally:
                self._pass()
                self._stack.pop()

        setattr(owner, name, outer)

    def report(self) -> dict[str, tuple[float, float, float]]:
        """Seconds, processor seconds and highest memory in MB of each stage."""
        self._pass()
        return {name: (self.seconds[name], self.cpu[name], self.peak[name] / 1e6) for name in self.seconds}


def peak_bytes() -> int:
    """The highest resident memory since the process began or `reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def child(job: str, options: argparse.Namespace, result: Path) -> None:
    """Compress, and write what each stage took."""
    from core.compress import compress
    from core.context import Context
    from core.data import open_data
    from core.formats import open_model
    from core.values import DataSpec, LayerPlan, Plan

    stages = Stages()
    _instrument(stages)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{job}.onnx"
        # the network is made in another process, so that making it does not count
        subprocess.run([sys.executable, "-m", "bench.cost", "--make", job, "--out", str(path)], check=True)
        context = Context()
        opened = open_model(path, context)
        spec = DataSpec(path="random", calibration_count=options.images, judge_count=16)
        data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
        defaults = LayerPlan(
            weight_bits=options.bits, activation_bits=options.activations, sparsity=options.sparsity
        )
        plan = Plan(defaults=defaults, methods={"compensate": {"thorough": not options.quick}})
        compress(opened, data, None, plan, Path(folder) / "work", None, context)
    result.write_text(json.dumps(stages.report()))


def _instrument(stages: Stages) -> None:
    import core.compress
    import core.corrections
    import core.evaluate.runner
    import core.methods.compensate
    import core.methods.sequential as sequential
    from core.methods import _layer_moments, _stream

    for owner, name, stage in (
        (core.compress, "calibrate", "calibration"),
        (core.compress, "_outcomes", "latency and sizes"),
        (core.corrections.Corrections, "ensure", "compensation otherwise"),
        (core.compress._Run, "write", "writing"),
        (core.evaluate.runner, "_session", "loading into onnxruntime"),
        (sequential.Corrector, "_judged", "judging"),
        (sequential, "stored_weight", "plain rounding"),
        (sequential.Corrector, "_upto", "putting the network together"),
        (sequential, "compensated", "sweep, descent, masks"),
        (_stream._Part, "run", "passes"),
        (_stream.Shelf, "put", "putting aside"),
        (_stream.Shelf, "get", "putting aside"),
        (_layer_moments, "_products", "residuals"),
        (_layer_moments.Moments, "add", "sums of moments"),
        (_layer_moments, "patches", "im2col"),
        (_layer_moments.Moments, "quadratic", "centring"),
        (sequential.Quadratic, "best", "targets"),
        (core.methods.compensate, "search_grid", "clipping search"),
    ):
        stages.wrap(owner, name, stage)


def make(job: str, out: Path) -> None:
    """Write the network of a job."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    if job == "resnet50":
        from bench.channels import resnet50

        onnx.save(resnet50(), out)
        return
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4096, 25088), dtype=np.float32) / 25088**0.5
    last = rng.standard_normal((100, 4096), dtype=np.float32) / 64.0
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["features"], ["positive"], "relu0"),
            helper.make_node("Gemm", ["positive", "w1", "b1"], ["hidden"], "fc1", transB=1),
            helper.make_node("Relu", ["hidden"], ["active"], "relu"),
            helper.make_node("Gemm", ["active", "w2"], ["answers"], "fc2", transB=1),
        ],
        "vgg",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 25088])],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, ["N", 100])],
        [
            numpy_helper.from_array(weight, "w1"),
            numpy_helper.from_array(np.zeros(4096, np.float32), "b1"),
            numpy_helper.from_array(last, "w2"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--sparsity", type=float, default=0.0)
    parser.add_argument("--activations", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="'thorough' off")
    parser.add_argument("--json", action="store_true", help="s, processor s and MB by stage")
    parser.add_argument("--child", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--make", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make, options.out)
    elif options.child:
        child(options.child, options, options.out)
    else:
        for job in options.jobs:
            run(job, options.json)


def run(job: str, as_json: bool) -> None:
    """One job in a child, with this process's own arguments, and its table."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "stages.json"
        command = [sys.executable, "-m", "bench.cost", *sys.argv[1:], "--child", job, "--out", str(result)]
        subprocess.run(command, check=True)
        stages = json.loads(result.read_text())
    if as_json:
        print(json.dumps(stages), flush=True)
        return
    print(f"\n## {job}: {' '.join(sys.argv[1:])}")
    print("| stage | s | processor s | peak MB |")
    print("|---|---:|---:|---:|")
    for name, (seconds, cpu, peak) in sorted(stages.items(), key=lambda item: -item[1][1]):
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {peak:.0f} |")
    total = [sum(values) for values in zip(*stages.values(), strict=True)]
    print(
        f"| **all** | {total[0]:.1f} | {total[1]:.1f} | {max(v[2] for v in stages.values()):.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
