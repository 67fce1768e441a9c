"""What each importance score is worth: the same share of zeros chosen by each, plain and compensated.

    python bench/scores.py --models ../shared/models --data ../shared/data/cifar10 [--judge 5000]
        [--networks resnet20_cifar10] [--sparsity 0.5] [--scopes layer network] [--rounds 1] [--scores ...]

256 unlabelled calibration images from train/, judged on test/. Points of top-1 lost with the paired 95 %
interval, and the KL divergence from the original's answers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from compensate import PREPROCESS

from core.context import Context
from core.data import open_data
from core.data.dataset import DataSet
from core.errors import SecateurError
from core.evaluate.judge import Judge
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.importance import SCORES
from core.pipeline import run
from core.values import DataSpec, LayerPlan, Plan

NAMES = ("automatic", *(score.name for score in SCORES.descriptions()))


def plan_for(name: str, scope: str, compensated: bool, sparsity: float, rounds: int) -> Plan:
    return Plan(
        defaults=LayerPlan(sparsity=sparsity),
        methods={
            "prune_weights": {"score": name, "scope": scope, "rounds": rounds},
            "compensate": {"on": compensated},
            "match_statistics": {"on": False},
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--judge", type=int, default=5000)
    parser.add_argument("--networks", nargs="+", default=("resnet20_cifar10",))
    parser.add_argument("--scores", nargs="+", default=NAMES)
    parser.add_argument("--scopes", nargs="+", default=("layer", "network"))
    parser.add_argument("--sparsity", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for network in options.networks:
        path = options.models / f"{network}.onnx"
        opened = open_model(path, Context())
        spec = DataSpec(
            path=str(options.data / "test"),
            calibration_path=str(options.data / "train"),
            preprocess=PREPROCESS,
            calibration_count=256,
            judge_count=None,
        )
        data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
        judge = Judge(path, data, Context(), limit=options.judge)
        top1 = judge.baseline[0].value
        print(f"\n## {network}: {100 * options.sparsity:g} % zeros, {options.rounds} round(s)")
        print(f"top-1 {top1:.2f} % on {judge.count} test images\n")
        print("| score | share of | compensated | points lost | KL, nat | s |")
        print("|---|---|---|---|---|---|", flush=True)
        for name in options.scores:
            for scope in options.scopes:
                for compensated in (False, True):
                    wanted = plan_for(name, scope, compensated, options.sparsity, options.rounds)
                    row(opened, data, judge, wanted, (name, scope, "yes" if compensated else "no"))


def row(opened: OpenedModel, data: DataSet, judge: Judge, plan: Plan, about: tuple[str, ...]) -> None:
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = run(opened, data, None, plan, Path(folder), None, Context())
            seconds = time.perf_counter() - start
            judged = judge.measure(Path(result.artefact), Context())
    except SecateurError as error:
        print(f"| {' | '.join(about)} | {error.one_line()} | | |", flush=True)
        return
    by_magnitude = sum(layer.note is not None for layer in result.layers)
    remark = f" ({by_magnitude} layers by magnitude)" if by_magnitude else ""
    print(
        f"| {' | '.join(about)} "
        f"| {judged.loss:.2f} ({judged.loss_low:.2f} to {judged.loss_high:.2f}){remark} "
        f"| {judged.kl:.4f} | {seconds:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
