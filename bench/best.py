"""Are the best plans the best: against even, magnitude-global and greedy plans of the same size.

    python -m bench.best --models ../shared/models --data ../shared/data/cifar10 --work build/best
        [--networks resnet20_cifar10 ...] [--budgets 10]

The smallest download (zipped size) is the goal, as there zeros and bits both count. Curves come from the
first 512 test samples, everything is judged on the others by plain onnxruntime; all plans are carried out
in the same way, so only the choice differs. Each plan's figures are kept in --work, so an interrupted run
goes on. The baselines: (a) every layer the same zeros and bits, the better of 8 and 4 bits; (b) the smallest
weights of the whole network go, the rest in 8 bits; (c) greedy: always the step with the least growth of its
own layer's relative error for each byte saved.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.table import PREPROCESS, call
from core.best.frontiers import Frontiers
from core.best.job import frontier_of
from core.best.options import Option
from core.best.search import find
from core.best.solve import total
from core.context import Context
from core.data import open_data
from core.data.preprocess import parse_preprocess
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.methods.resolve import resolve
from core.project import Project
from core.sweep.candidates import layer_errors, make
from core.sweep.meter import PlanMeter
from core.values import FLOAT_BITS, DataSpec, LayerPlan, Plan
from core.values.best import Goal

NETWORKS = ("resnet20_cifar10", "mobilenet_cifar10", "digits_transformer")
GOAL = Goal(profile="download", max_size_bytes=1)


@dataclass
class Subject:
    """A network with its samples: the first `seen` judge the curves, the others the plans."""

    opened: OpenedModel
    judge: Judge
    frontiers: Frontiers
    meter: PlanMeter
    seen: int
    work: Path

    def measured(self, kind: str, place: int, plan: Plan) -> tuple[int, float]:
        """(bytes zipped, points lost on samples that no search has seen), from the folder if known."""
        path = self.work / f"{kind}_{place}.json"
        wanted = json.loads(msgspec.json.encode(plan))
        if path.exists():
            known = json.loads(path.read_text())
            if known["plan"] == wanted:
                return known["zipped"], known["lost"]
        found = self.meter.measure(plan, Context(), latency=False)
        zipped = found.outcome.zipped_bytes
        lost = self.accuracy(self.opened.source) - self.accuracy(self.meter.path)
        path.write_text(json.dumps({"plan": wanted, "zipped": zipped, "lost": lost}))
        return zipped, lost

    def accuracy(self, model: Path) -> float:
        """Per cent of the unseen samples that are right."""
        return 100 * float(np.mean(right(Runner(model, self.judge.threads), self.judge)[self.seen :]))


def right(runner: Runner, judge: Judge) -> np.ndarray:
    """For each judging sample whether the likeliest class is its label."""
    found = []
    for batch, _ in judge.pairs():
        answers = np.asarray(runner.run(batch.feeds)[judge.subject.output])
        found.append(
            answers.reshape(len(batch.indices), -1).argmax(1) == np.asarray(batch.labels).reshape(-1)
        )
    return np.concatenate(found)


def subject_of(network: str, options: argparse.Namespace, seed: int = 0) -> tuple[OpenedModel, Judge]:
    """The network and all its judging samples."""
    if network == "digits_transformer":
        path = options.work / "digits_transformer.onnx"
        if not path.exists():
            call("bench.train_transformer", "--out", str(path))
        samples = str(Path(__file__).parent.parent / "resources" / "samples" / "digits")
        spec = DataSpec(path=samples, judge_count=None, seed=seed)
    else:
        path = options.models / f"{network}.onnx"
        spec = DataSpec(
            path=str(options.data / "test"),
            calibration_path=str(options.data / "train"),
            preprocess=parse_preprocess(json.dumps(PREPROCESS)),
            judge_count=None,
            seed=seed,
        )
    opened = open_model(str(path), Context())
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    return opened, Judge(opened.source, data, Context())


def prepared(network: str, options: argparse.Namespace) -> Subject:
    opened, judge = subject_of(network, options)
    seen = min(512, judge.count // 2)
    folder = options.work / network
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sweep.secateur"
    store = Project(file)
    frontiers, _ = frontier_of(opened, judge, GOAL, Plan(), seen, store, Context(), folder)
    meter = PlanMeter(opened, judge, min(1024, judge.count - seen), folder, seen, store)
    return Subject(opened, judge, frontiers, meter, seen, folder)


def ours(subject: Subject, budgets: Sequence[float]) -> list[tuple[int, float]]:
    """What the search returns for each size."""
    points = []
    for place, budget in enumerate(budgets):
        kept = subject.work / f"best_{place}.plan.json"
        if kept.exists():
            plan = msgspec.json.decode(kept.read_bytes(), type=Plan)
        else:
            goal = msgspec.structs.replace(GOAL, max_size_bytes=int(budget))
            found = find(subject.frontiers, goal, subject.meter, None, Context()).chosen
            assert found is not None
            plan = found.plan
            kept.write_bytes(msgspec.json.encode(plan))
        points.append(subject.measured("best", place, plan))
    return points


def uniform(subject: Subject, budgets: Sequence[float]) -> list[tuple[int, float]]:
    """The better of 8 and 4 bits, with the zeros that the budget asks for."""
    points = []
    for bits in (8, 4):

        def setting(share: float, bits: int = bits) -> Mapping[str, float]:
            return {option.layers[0]: share for option in firsts(subject)}

        points += along(subject, f"uniform{bits}", budgets, setting, bits)
    return points


def magnitude(subject: Subject, budgets: Sequence[float]) -> list[tuple[int, float]]:
    weights = {
        layer.id: np.abs(get_weights(subject.opened.model, layer)[0]).ravel()
        for layer in subject.opened.info.layers
        if layer.prunable
    }
    every = np.sort(np.concatenate(list(weights.values())))

    def setting(share: float) -> Mapping[str, float]:
        cut = every[min(int(share * len(every)), len(every) - 1)]
        return {name: float(np.mean(values < cut)) for name, values in weights.items()}

    return along(subject, "magnitude", budgets, setting, 8)


def firsts(subject: Subject) -> list[Option]:
    return [each[0] for each in subject.frontiers.whole.options]


def along(
    subject: Subject,
    kind: str,
    budgets: Sequence[float],
    setting: Callable[[float], Mapping[str, float]],
    bits: int,
) -> list[tuple[int, float]]:
    """For each budget the share of zeros with which the plan is as large, found on predicted sizes."""
    from core.estimate import zipped_layer_bytes

    layers = {layer.id: layer for layer in subject.opened.info.layers}

    def plan(share: float) -> Plan:
        zeros = setting(share)
        result = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS))
        for option in firsts(subject):
            for name in option.layers:
                result = result.with_layer(
                    name,
                    sparsity=min(zeros.get(option.layers[0], 0.0), 0.995) if layers[name].prunable else 0.0,
                    weight_bits=bits if layers[name].quantizable else FLOAT_BITS,
                    activation_bits=8 if layers[name].quantizable else FLOAT_BITS,
                )
        return result

    def size(share: float) -> float:
        asked = plan(share)
        return subject.frontiers.whole.rest_zipped + sum(
            zipped_layer_bytes(layers[option.layers[0]], asked.layer(option.layers[0]))
            for option in firsts(subject)
        )

    points = []
    for place, budget in enumerate(budgets):
        if size(0.0) < budget or size(0.98) > budget:
            continue
        low, high = 0.0, 0.98
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if size(middle) > budget else (low, middle)
        points.append(subject.measured(kind, place, plan(high)))
    return points


def greedy(subject: Subject, budgets: Sequence[float]) -> list[tuple[int, float]]:
    """Always the step that saves a byte for the least of its own layer's relative error."""
    errors = own_errors(subject)
    chosen = [0] * len(subject.frontiers.whole.options)
    points = []
    for place, budget in enumerate(budgets):
        while subject.frontiers.whole.rest_zipped + total(picked(subject, chosen), "zipped") > budget:
            steps = [
                (
                    (errors[row][column] - errors[row][now]) / (each[now].zipped - each[column].zipped),
                    row,
                    column,
                )
                for row, (each, now) in enumerate(zip(subject.frontiers.whole.options, chosen, strict=True))
                for column in range(len(each))
                if each[column].zipped < each[now].zipped
            ]
            if not steps:
                return points
            _, row, column = min(steps)
            chosen[row] = column
        points.append(
            subject.measured("greedy", place, subject.frontiers.whole.best(picked(subject, chosen)).plan)
        )
    return points


def picked(subject: Subject, chosen: Sequence[int]) -> list[Option]:
    return [each[column] for each, column in zip(subject.frontiers.whole.options, chosen, strict=True)]


def own_errors(subject: Subject) -> list[list[float]]:
    """By layer and option the error of its outputs relative to their power, compensated as in a run."""
    layers = {layer.id: layer for layer in subject.opened.info.layers}
    wanted = [layers[each[0].layers[0]] for each in subject.frontiers.whole.options]
    known = dict(layer_errors(subject.opened, subject.judge.data, wanted, Plan(), Context()))
    found = []
    for each, layer in zip(subject.frontiers.whole.options, wanted, strict=True):
        row = []
        error = known.get(layer.id)
        whole = get_weights(subject.opened.model, layer)[0]
        for option in each:
            plan = Plan(
                defaults=LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS), layers={layer.id: option.plan}
            )
            step = next(step for step in resolve(subject.opened, plan) if step.layer.id == layer.id)
            if not step.changes:
                row.append(0.0)
            elif error is not None:
                before = error.form.matrices(whole)
                made = make(subject.opened, step, error, plan)
                row.append((made.error or 0.0) / error.quadratic.error(np.zeros_like(before), before))
            else:
                made = make(subject.opened, step, None, plan)
                change = next(iter(made.weights().values())) - whole
                row.append(float(np.sum(change**2) / np.sum(whole**2)))
        found.append(row)
    return found


def on_hull(points: Sequence[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, ascending, with the least loss among plans of at most that size."""
    ordered = sorted(points)
    sizes = np.array([size for size, _ in ordered], float)
    return sizes, np.minimum.accumulate([lost for _, lost in ordered])


def compare(name: str, best: Sequence[tuple[int, float]], other: Sequence[tuple[int, float]]) -> str:
    """Our loss against the other's at our sizes, between its neighbouring plans on a logarithmic scale."""
    sizes, losses = on_hull(other)
    inside = [(size, lost) for size, lost in sorted(best) if sizes[0] <= size <= sizes[-1]]
    theirs = [float(np.interp(np.log(size), np.log(sizes), losses)) for size, _ in inside]
    ahead = [there - lost for there, (_, lost) in zip(theirs, inside, strict=True)]
    at = np.log([size for size, _ in inside])
    area = float(np.trapezoid(ahead, at) / (at[-1] - at[0])) if len(inside) > 1 else float("nan")
    won = sum(points >= 0 for points in ahead)
    cells = ", ".join(f"{points:+.2f}" for points in reversed(ahead))
    return f"| {name} | {won} of {len(ahead)} | {area:+.2f} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--budgets", type=int, default=10)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for network in options.networks:
        subject = prepared(network, options)
        frontiers = subject.frontiers
        whole = frontiers.most
        budgets = list(
            np.geomspace(
                0.26 * whole,
                max(0.06 * whole, 1.05 * (frontiers.whole.rest() + frontiers.whole.least)),
                options.budgets,
            )
        )
        count = subject.judge.count - subject.seen
        print(f"\n### {network}, judged on {count} samples that no search has seen\n", flush=True)
        best = ours(subject, budgets)
        print("best: " + ", ".join(f"{size / 1000:.0f} kB {lost:.2f}" for size, lost in best), flush=True)
        print("\n| against | at least as good | area between, points | points ahead, largest budget first |")
        print("|---|---|---|---|")
        for name, other in (("even", uniform), ("magnitude, global", magnitude), ("greedy", greedy)):
            print(compare(name, best, other(subject, budgets)), flush=True)


if __name__ == "__main__":
    main()
