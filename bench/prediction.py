"""How long an edit's prediction takes with many layers: size, zipped size, time and accuracy with its band.

    python -m bench.prediction [--layers 300] [--edits 200]

A residual network with random weights, its kernels timed on this computer. The curves of its layers are
those of a network of a few such blocks, analyzed on random input and dealt out in turn: what they say has no
part in how long they take. Milliseconds of the thread itself, so that others on the machine do not count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import onnx

from bench.make_models import NODES_PER_BLOCK, residual_network
from core.context import Context
from core.data import open_data
from core.estimate import estimate
from core.evaluate.judge import Judge
from core.evaluate.outcome import outcome
from core.evaluate.profile import layer_times
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.kernel_model import KernelModel
from core.kernels.shelf import Shelf
from core.kernels.table import KernelTable
from core.predict import Curve
from core.sweep.analyze import analyze
from core.sweep.settings import settings_of
from core.values import DataSpec, LayerPlan, Plan, SensitivityPoint

SHARES, BITS = (0.25, 0.5, 0.75, 0.9), (8, 4, 3)
FEW_BLOCKS = 5
WIDTH = 4
SAMPLES = 64
WARM_UP = 10
LIMIT_MS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--layers", type=int, default=300)
    parser.add_argument("--edits", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as folder:
        few, judge = opened_and_judged(Path(folder) / "few.onnx", FEW_BLOCKS)
        points, link = analyze(few, judge, settings_of(SHARES, BITS), SAMPLES, (), None, Context())
        many, judge = opened_and_judged(Path(folder) / "many.onnx", -(-(options.layers - 2) // 2))
        baseline = outcome(many.source, judge, Context())
        feeds = judge.feeds(judge.run_batch)
        timings = layer_times(many, feeds, Context())
        start = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
        table = KernelTable(many, feeds, Shelf(Path(folder))).fill(start, timings, Context())
    dealt = {layer.id: dealt_to(layer.id, points) for layer in many.info.layers}
    every = [point for own in dealt.values() for point in own]
    curves = {name: Curve(own) for name, own in dealt.items()}
    kernels = KernelModel(table, timings)
    rng = np.random.default_rng(0)
    plan, times = start, []
    for turn in range(WARM_UP + options.edits):
        change = (
            {"sparsity": float(0.9 * rng.random())} if turn % 2 else {"weight_bits": int(rng.choice(BITS))}
        )
        plan = plan.with_layer(str(rng.choice(list(dealt))), **change)
        begun = time.thread_time()
        found = estimate(many.info, plan, baseline, every, timings, link, curves, (), kernels)
        times.append(1e3 * (time.thread_time() - begun))
        assert found.latency is not None and found.zipped_bytes and found.measurements[0].low is not None
    median, most, worst = np.percentile(times[WARM_UP:], (50, 95, 100))
    print(
        f"{len(dealt)} layers, {len(every):,} points: median {median:.1f} ms, 95th percentile {most:.1f} ms "
        f"(at most {LIMIT_MS}), worst {worst:.1f} ms; load {os.getloadavg()[0]:.1f}"
    )


def opened_and_judged(path: Path, blocks: int) -> tuple[OpenedModel, Judge]:
    weights = 4 * 9 * WIDTH * WIDTH * 2 * blocks
    onnx.save(residual_network(NODES_PER_BLOCK * blocks + 4, weights / 1e6), path)
    opened = open_model(path, Context())
    spec = DataSpec(path="random", judge_count=SAMPLES, calibration_count=SAMPLES)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    return opened, Judge(opened.source, data, Context())


def dealt_to(layer: str, points: tuple[SensitivityPoint, ...]) -> list[SensitivityPoint]:
    """The points of the layer in the same place of its block in the network of a few blocks."""
    block, _, place = layer.partition(".")
    if block.startswith("block"):
        layer_like = f"block{int(block.removeprefix('block')) % FEW_BLOCKS}.{place}"
    else:
        layer_like = layer
    own = [point for point in points if point.layer_id == layer_like]
    return [msgspec.structs.replace(point, layer_id=layer) for point in own]


if __name__ == "__main__":
    main()
