"""What the corrections are worth: each setting plain, compensated, with statistics, and spread over layers.

    python bench/compensate.py --models ../shared/models --data ../shared/data/cifar10 [--judge 5000]
        [--networks resnet20_cifar10 mobilenet_cifar10] [--settings W4A8 ...] [--ways plain ...]

256 unlabelled calibration images from train/, judged on test/. Loss in points of top-1 with its paired 95 %
interval; agreement with the original's answers; the KL divergence from them; bytes as zipped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from math import prod
from pathlib import Path

from core.compress import compress
from core.context import Context
from core.data import open_data
from core.evaluate.judge import Judge
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.values import DataSpec, LayerPlan, Plan, Preprocess

NETWORKS = ("resnet20_cifar10", "mobilenet_cifar10")
PREPROCESS = Preprocess(
    mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708), layout="NCHW", color="RGB"
)
SETTINGS = {
    "W8A8": LayerPlan(weight_bits=8, activation_bits=8),
    "W4A8": LayerPlan(weight_bits=4, activation_bits=8),
    "W3A8": LayerPlan(weight_bits=3, activation_bits=8),
    "50 % zeros": LayerPlan(sparsity=0.5),
    "75 % zeros": LayerPlan(sparsity=0.75),
    "2:4": LayerPlan(pattern="2:4"),
    "50 % zeros, W4A8": LayerPlan(sparsity=0.5, weight_bits=4, activation_bits=8),
}
OFF: dict[str, dict[str, str | int | float | bool]] = {
    "compensate": {"on": False},
    "match_statistics": {"on": False},
}
WAYS: dict[str, dict[str, dict[str, str | int | float | bool]]] = {
    "plain": OFF,
    "compensated": {"match_statistics": {"on": False}},
    "+ statistics": {},
    "+ spread": {"allocate": {"on": True}},
}


def plan_for(opened: OpenedModel, name: str, way: str) -> Plan:
    """Without spreading, the first, the last and all depthwise layers keep 8 bits (under 10 % of weights)."""
    defaults = SETTINGS[name]
    plan = Plan(defaults=defaults, methods=WAYS[way])
    if (defaults.weight_bits or 32) < 8 and way != "+ spread":
        layers = opened.info.layers
        for layer in layers:
            if layer in (layers[0], layers[-1]) or layer.kind.startswith("Depthwise"):
                plan = plan.with_layer(layer.id, weight_bits=8)
    return plan


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--judge", type=int, default=5000)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--settings", nargs="+", default=tuple(SETTINGS))
    parser.add_argument("--ways", nargs="+", default=tuple(WAYS))
    options = parser.parse_args()
    context = Context()
    for network in options.networks:
        path = options.models / f"{network}.onnx"
        opened = open_model(path, context)
        spec = DataSpec(
            path=str(options.data / "test"),
            calibration_path=str(options.data / "train"),
            preprocess=PREPROCESS,
            calibration_count=256,
            judge_count=None,
        )
        data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
        judge = Judge(path, data, context, limit=options.judge)
        print(f"\n## {network}: top-1 {judge.baseline[0].value:.2f} % on {judge.count} test images")
        print("| setting | way | points lost | agreement % | KL, nat | at 8 bits or more % | zipped kB | s |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for name in options.settings:
            for way in options.ways:
                row(opened, data, judge, name, way)


def row(opened: OpenedModel, data: object, judge: Judge, name: str, way: str) -> None:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_for(opened, name, way)
        result = compress(opened, data, None, plan, Path(folder), None, Context())  # type: ignore[arg-type]
        seconds = time.perf_counter() - start
        judged = judge.measure(Path(result.artefact), Context())
    agreement = next(m.value for m in judged.measurements if m.metric == "agreement")
    weights = {layer.id: prod(layer.shape) for layer in opened.info.layers}
    kept = [layer.layer_id for layer in result.layers if layer.weight_bits >= 8]
    eight = sum(weights[name] for name in kept) / sum(weights.values())
    print(
        f"| {name} | {way} | {judged.loss:.2f} ({judged.loss_low:.2f} to {judged.loss_high:.2f}) "
        f"| {agreement:.2f} | {judged.kl:.4f} | {100 * eight:.1f} "
        f"| {result.after.zipped_bytes / 1000:.0f} | {seconds:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
