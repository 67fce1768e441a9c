"""How well the latency of plans is predicted from the table of kernel times, against usual factors.

    python -m bench.latency_table --models ../shared/models --work build/latency
        [--networks resnet20_cifar10 ...] [--seconds 1.5] [--seed 0] [--again]

For each network about a dozen plans: the same setting everywhere, mixtures (drawn from --seed), fewer
channels. Each is written as the engine writes it (ranges are made up: no time depends on them) and measured
in shuffled turns with the original and all others. The quicker quarter of the runs counts, as it does for
kernels: other programs only ever make a run slower. Each plan is predicted from the table, and from the
factors that stood in its place, which is `core.estimate` without the table. The table is kept in --work;
--again begins it anew and tells what it costs. An idle machine is wanted.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.w8a8 import NETWORKS
from core.context import Context
from core.estimate import estimate
from core.evaluate.example_feeds import example_feeds
from core.evaluate.latency import measure_latency
from core.evaluate.profile import layer_times
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import save
from core.kernel_model import KernelModel
from core.kernels.shelf import Shelf
from core.kernels.table import KernelTable
from core.methods.assemble import assemble, placement_for
from core.methods.matmul_nbits import choose_kernels
from core.methods.prune_channels import from_plan
from core.methods.quantize_activations import Range
from core.methods.resolve import base_model, resolve
from core.values import Latency, LatencyTable, LayerPlan, Outcome, Plan, Timings

TRANSFORMER = "digits_transformer"
INTEGER = LayerPlan(weight_bits=8, activation_bits=8)
MIXED = "mixed"
_UNDISTURBED = 0.25
_WARM_UP, _LEAST_RUNS = 5, 10


@dataclass(frozen=True)
class Row:
    plan: str
    measured_ms: float
    table_ms: float
    factor_ms: float

    @property
    def errors(self) -> tuple[float, float]:
        """Relative, of the table's prediction and of the factors'."""
        return abs(self.table_ms / self.measured_ms - 1), abs(self.factor_ms / self.measured_ms - 1)


def plans_of(opened: OpenedModel, seed: int) -> Iterator[tuple[str, Plan]]:
    layers = [layer.id for layer in opened.info.layers]
    yield "W8A8", Plan(defaults=INTEGER)
    yield "W4A8", Plan(defaults=LayerPlan(weight_bits=4, activation_bits=8))
    yield "4-bit weights", Plan(defaults=LayerPlan(weight_bits=4))
    blocks = LayerPlan(weight_bits=4, granularity="block", block_size=32)
    yield "4-bit weights in blocks", Plan(defaults=blocks, methods={"matmul_nbits": {"use": "always"}})
    yield "W8, 16-bit activations", Plan(defaults=LayerPlan(weight_bits=8, activation_bits=16))
    rng = np.random.default_rng(seed)
    for number, share in enumerate((0.25, 0.5, 0.5, 0.75), 1):
        chosen = rng.choice(layers, size=max(1, round(share * len(layers))), replace=False)
        yield f"{MIXED} {number}: {share:.0%} W8A8", integer_in(sorted(chosen))
    begin, end = sorted(rng.choice(len(layers) + 1, size=2, replace=False))
    yield f"{MIXED} 5: layers {begin + 1} to {end} W8A8", integer_in(layers[begin:end])
    yield f"{MIXED} 6: first half W8A8", integer_in(layers[: len(layers) // 2])
    for percent in (25.0, 50.0):
        cut = {"prune_channels": {"channels": percent, "score": "magnitude"}}
        yield f"{percent:.0f} % of the channels gone", Plan(methods=cut)
    yield "50 % gone, W8A8", Plan(defaults=INTEGER, methods=cut)


def integer_in(layers: list[str]) -> Plan:
    plan = Plan()
    for name in layers:
        plan = plan.with_layer(name, weight_bits=8, activation_bits=8)
    return plan


def written(opened: OpenedModel, plan: Plan, path: Path) -> None:
    """The network that the plan asks for, without samples."""
    if plan.work_removed:
        pruned = from_plan(opened.model, plan, None, (), Context())
        assert pruned is not None
        save(pruned.model, path)
        opened = open_model(path, Context())
    steps = choose_kernels(opened.model, resolve(opened, plan), plan)
    base = base_model(opened, steps)
    ranges = dict.fromkeys(placement_for(base, steps).calibrated, Range(-1.0, 1.0))
    save(assemble(base, steps, ranges), path)


def measured(files: list[Path], feeds: dict[str, np.ndarray], seconds: float) -> list[Latency]:
    """All in turns, so that a change of the computer's speed meets each alike; `median_ms` is the quartile.

    Shuffled, as what always comes at the same time after another program's turn would always wait for it.
    """
    runners = [Runner(file) for file in files]
    times: list[list[float]] = [[] for _ in files]
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds * len(files) or len(times[0]) < _WARM_UP + _LEAST_RUNS:
        for place in rng.permutation(len(files)):
            start = time.perf_counter()
            runners[place].run(feeds)
            times[place].append(1000 * (time.perf_counter() - start))
    return [
        Latency(
            median_ms=float(np.quantile(each[_WARM_UP:], _UNDISTURBED)),
            low_ms=float(np.percentile(each[_WARM_UP:], 5)),
            high_ms=float(np.percentile(each[_WARM_UP:], 95)),
            runs=len(each) - _WARM_UP,
            threads=runner.threads,
        )
        for each, runner in zip(times, runners, strict=True)
    ]


def rows_of(path: Path, work: Path, shelf: Shelf, seconds: float, seed: int) -> list[Row]:
    opened = open_model(path, Context())
    runner = Runner(path)
    feeds = example_feeds(runner, runner.batch_size(1))
    plans = dict(plans_of(opened, seed))
    timings = layer_times(opened, feeds, Context())
    original = measure_latency([path], feeds=feeds, seconds=1.0)[0]
    table = filled(opened, feeds, shelf, list(plans.values()), timings)
    model = KernelModel(table, timings)
    tell_cost(model, plans["W8A8"], original)
    files = [path]
    for number, plan in enumerate(plans.values()):
        files.append(work / f"{path.stem}-{number}.onnx")
        written(opened, plan, files[-1])
    times = measured(files, feeds, seconds)
    return [
        Row(name, found.median_ms, *predicted(opened, plan, times[0], timings, model))
        for (name, plan), found in zip(plans.items(), times[1:], strict=True)
    ]


def filled(
    opened: OpenedModel, feeds: dict[str, np.ndarray], shelf: Shelf, plans: list[Plan], timings: Timings
) -> LatencyTable:
    """The table with all that these plans need, the first one's part and the whole timed by the clock."""
    seconds = []
    for wanted, widths in ((plans[:1], False), (plans, True), (plans, True)):
        began = time.perf_counter()
        kernels = KernelTable(opened, feeds, shelf)
        for plan in wanted:
            table = kernels.fill(plan, timings, Context(), widths=widths, seconds=600)
        seconds.append(time.perf_counter() - began)
    count = sum(1 for node in table.nodes if node.times)
    print(
        f"\n{opened.source.stem}: {count} nodes; float and W8A8 {seconds[0]:.1f} s, all plans and widths "
        f"{seconds[1]:.1f} s more, all from the shelf {seconds[2]:.2f} s"
    )
    return table


def predicted(
    opened: OpenedModel, plan: Plan, original: Latency, timings: Timings, model: KernelModel
) -> tuple[float, float]:
    baseline = Outcome(latency=original)
    both = (
        estimate(opened.info, plan, baseline, (), timings, kernels=kernels).latency
        for kernels in (model, None)
    )
    first, second = (0.0 if each is None else each.median_ms for each in both)
    return first, second


def tell_cost(model: KernelModel, plan: Plan, original: Latency) -> None:
    times = []
    for _ in range(50):
        began = time.perf_counter()
        model.predicted(plan, original)
        times.append(1000 * (time.perf_counter() - began))
    print(f"a prediction takes {np.percentile(times, 95):.2f} ms (95th percentile)\n")


def show(rows: list[Row]) -> None:
    print("| plan | measured | from the table | | by factors | |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.plan} | {row.measured_ms:.3f} ms | {row.table_ms:.3f} | {signed(row.table_ms, row)} | "
            f"{row.factor_ms:.3f} | {signed(row.factor_ms, row)} |"
        )
    tell_errors(rows)


def tell_errors(rows: list[Row]) -> None:
    for kind, some in (("all", rows), (MIXED, [row for row in rows if row.plan.startswith(MIXED)])):
        for place, name in enumerate(("table", "factors")):
            errors = [100 * row.errors[place] for row in some]
            print(
                f"- {kind}, {name}: relative error, median {np.median(errors):.1f} %, "
                f"90th percentile {np.percentile(errors, 90):.1f} %"
            )


def signed(value: float, row: Row) -> str:
    return f"{100 * (value / row.measured_ms - 1):+.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS, TRANSFORMER])
    parser.add_argument("--seconds", type=float, default=1.5, help="for the runs of each plan")
    parser.add_argument("--seed", type=int, default=0, help="of the mixtures")
    parser.add_argument("--again", action="store_true", help="forget the times of kernels")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.again:
        shutil.rmtree(options.work / "shelf", ignore_errors=True)
    shelf = Shelf(options.work / "shelf")
    everything: list[Row] = []
    for network in options.networks:
        path = options.models / f"{network}.onnx"
        if network == TRANSFORMER and not path.exists():
            path = options.work / f"{network}.onnx"
            if not path.exists():
                arguments = ["-m", "bench.train_transformer", "--out", str(path)]
                subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        rows = rows_of(path, options.work, shelf, options.seconds, options.seed)
        show(rows)
        everything += rows
    print("\nAll networks:")
    tell_errors(everything)


if __name__ == "__main__":
    main()
