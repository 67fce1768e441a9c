"""Removing channels: accuracy at half the multiply-accumulates without labels, and the speed that it brings.

    python bench/channels.py --models ../shared/models --data ../shared/data/cifar10
    python bench/channels.py --speed

The first prints a table per network: how channels are chosen, top-1 on all test images, what is left. All
rows see the same 256 unlabelled training images, the first 192 to fit and the last 64 to accept repairs.
The second halves every layer of a ResNet-50 with random weights, 224 × 224, rounds both to 8 bits, and times
the four files in turns, on one thread and on all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.data import open_data
from core.evaluate.judge import Judge
from core.evaluate.latency import measure_latency
from core.evaluate.threads import physical_cores
from core.formats import open_model
from core.graph.coupling import channel_groups
from core.graph.weights import save
from core.methods._channel_costs import ChannelCosts
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.prune_channels import Goal, choose_channels, prune_channels
from core.methods.resolve import base_model, resolve
from core.values import DataSpec, LayerPlan, Plan, Preprocess

NETWORKS = ("resnet20_cifar10", "mobilenet_cifar10")
PREPROCESS = Preprocess(
    mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708), layout="NCHW", color="RGB"
)
HELD_OUT = 2
"""Batches of 32 of the 8 that choose and are not fitted to."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, help="folder with the two networks")
    parser.add_argument("--data", type=Path, help="folder with train/ and test/")
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--macs", type=float, default=0.5, help="share of the work to remove")
    parser.add_argument("--speed", action="store_true", help="halve a ResNet-50 and time it")
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    if options.models and options.data:
        for network in options.networks:
            accuracy(options.models / f"{network}.onnx", options.data, options.macs)
    if options.speed:
        speed(options.threads)


def accuracy(path: Path, folder: Path, macs: float) -> None:
    context = Context()
    opened = open_model(path, context)
    spec = DataSpec(
        path=str(folder / "test"),
        calibration_path=str(folder / "train"),
        preprocess=PREPROCESS,
        calibration_count=256,
        judge_count=None,
    )
    data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
    judge = Judge(path, data, context)
    feeds = [batch.feeds for batch in data.batches("calibration", 32)]
    fit, held_out = feeds[:-HELD_OUT], feeds[-HELD_OUT:]

    def batches() -> list[dict[str, np.ndarray]]:
        return fit

    same = Goal(channels=same_share(opened.model, macs), multiple=1)
    rows = {
        "magnitude, same share everywhere, no repair": (same, "magnitude", False, 1),
        "magnitude, same share everywhere + repair": (same, "magnitude", True, 1),
        "magnitude, greedy by MACs, no repair": (Goal(macs=macs, multiple=1), "magnitude", False, 1),
        "magnitude, greedy by MACs + repair": (Goal(macs=macs, multiple=1), "magnitude", True, 1),
        "second order, greedy by MACs + repair": (Goal(macs=macs, multiple=1), "moments", True, 1),
        "second order, damage measured + repair": (Goal(macs=macs, multiple=1), "measured", True, 1),
        "the same in 3 rounds": (Goal(macs=macs, multiple=1), "measured", True, 3),
        "the same, in the processor's multiples": (Goal(macs=macs), "measured", True, 3),
    }
    base = judge.baseline[0].value
    print(f"\n## {path.stem}: top-1 {base:.2f} on {judge.count} test images", flush=True)
    print("| channels chosen by | MACs left | top-1 % | lost | KL | repairs kept | s |")
    print("|---|---|---|---|---|---|---|")
    for name, (goal, score, repaired, rounds) in rows.items():
        start = time.perf_counter()
        result = prune_channels(
            opened.model,
            goal,
            batches if repaired else None,
            held_out,
            score=score,
            rounds=rounds,
            context=context,
        )
        seconds = time.perf_counter() - start
        judged = judge.measure(result.model, context)
        kept = sum(entry.kept for entry in result.repairs)
        print(
            f"| {name} | {100 * result.macs_share:.1f} % | {judged.primary.value:.2f} | {judged.loss:+.2f} "
            f"| {judged.kl:.3f} | {kept}/{len(result.repairs)} | {seconds:.0f} |",
            flush=True,
        )


def same_share(model: object, macs: float) -> float:
    """The share of every group's channels that leaves just so many MACs."""
    groups = channel_groups(model)  # type: ignore[arg-type]
    costs = ChannelCosts(model, groups)  # type: ignore[arg-type]
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        cuts = choose_channels(model, groups, Goal(channels=middle, multiple=1))  # type: ignore[arg-type]
        left = costs.total({name: len(units) for name, units in cuts.items()}) / costs.total()
        low, high = (middle, high) if left > 1 - macs else (low, middle)
    return high


def speed(threads: int | None) -> None:
    context = Context()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "resnet50.onnx", Path(folder) / "half.onnx"
        onnx.save(resnet50(), source)
        opened = open_model(source, context)
        start = time.perf_counter()
        groups = channel_groups(opened)
        found = time.perf_counter() - start
        result = prune_channels(opened.model, Goal(channels=0.5, multiple=16), score="magnitude")
        seconds = time.perf_counter() - start
        save(result.model, target)
        whole = Path(folder) / "normalised.onnx"
        save(opened.model, whole)
        files = {"float32": whole, "half the channels": target}
        for name, path in list(files.items()):
            files[f"{name}, 8 bits"] = eight_bits(path, context)
        free = sum(group.removable for group in groups)
        print(f"\n## ResNet-50, random weights, 1 × 3 × 224 × 224: {free} of {len(groups)} groups can be cut")
        print(f"found in {found:.2f} s, cut in {seconds - found:.2f} s; MACs left {result.macs_share:.3f}")
        for count in [threads] if threads else sorted({1, physical_cores()}):
            found = measure_latency(list(files.values()), 1, count, context, seconds=6.0)
            print(f"\n| file, {count} threads | MB | ms (5 %) | ms (median) | speed (5 %) | speed |")
            print("|---|---|---|---|---|---|")
            for (name, path), item in zip(files.items(), found, strict=True):
                speeds = found[0].low_ms / item.low_ms, found[0].median_ms / item.median_ms
                size = path.stat().st_size / 1e6
                print(
                    f"| {name} | {size:.1f} | {item.low_ms:.1f} | {item.median_ms:.1f} "
                    f"| {speeds[0]:.2f} | {speeds[1]:.2f} |",
                    flush=True,
                )


def eight_bits(path: Path, context: Context) -> Path:
    """The file with 8-bit weights and activations, calibrated on four random pictures, beside it."""
    opened = open_model(path, context)
    steps = resolve(opened, Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8)))
    base = base_model(opened, steps)
    feeds = {"image": np.random.default_rng(0).standard_normal((4, 3, 224, 224), dtype=np.float32)}
    ranges = calibrate(base, placement_for(base, steps).calibrated, lambda: iter([feeds]), context, "min-max")
    target = path.with_suffix(".int8.onnx")
    save(assemble(base, steps, ranges), target)
    return target


def resnet50() -> onnx.ModelProto:
    """The usual bottleneck network, batch norms folded, weights drawn at random (He et al. 2016)."""
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def conv(name: str, source: str, n_in: int, n_out: int, k: int, stride: int = 1) -> str:
        weight = rng.standard_normal((n_out, n_in, k, k), dtype=np.float32) * (2 / (n_in * k * k)) ** 0.5
        weights.append(numpy_helper.from_array(weight, f"{name}.weight"))
        weights.append(numpy_helper.from_array(np.zeros(n_out, np.float32), f"{name}.bias"))
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        pads = [k // 2] * 4
        nodes.append(helper.make_node("Conv", inputs, [name], name, strides=[stride] * 2, pads=pads))
        return name

    def simple(op: str, name: str, *sources: str, **attributes: object) -> str:
        nodes.append(helper.make_node(op, list(sources), [name], name, **attributes))
        return name

    value = simple("Relu", "stem.relu", conv("stem", "image", 3, 64, 7, 2))
    value = simple("MaxPool", "pool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    width = 64
    for stage, (inner, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            name, stride = f"layer{stage + 1}.{block}", 2 if block == 0 and stage else 1
            way = simple("Relu", f"{name}.relu1", conv(f"{name}.conv1", value, width, inner, 1))
            way = simple("Relu", f"{name}.relu2", conv(f"{name}.conv2", way, inner, inner, 3, stride))
            way = conv(f"{name}.conv3", way, inner, 4 * inner, 1)
            if block == 0:
                value = conv(f"{name}.downsample", value, width, 4 * inner, 1, stride)
            width = 4 * inner
            value = simple("Relu", f"{name}.relu3", simple("Add", f"{name}.add", way, value))
    flat = simple("Flatten", "flatten", simple("GlobalAveragePool", "mean", value))
    weight = rng.standard_normal((1000, width), dtype=np.float32) / width**0.5
    weights.append(numpy_helper.from_array(weight, "fc.weight"))
    weights.append(numpy_helper.from_array(np.zeros(1000, np.float32), "fc.bias"))
    nodes.append(helper.make_node("Gemm", [flat, "fc.weight", "fc.bias"], ["logits"], "fc", transB=1))
    graph = helper.make_graph(
        nodes,
        "resnet50",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    main()
