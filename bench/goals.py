"""Does a goal hold where nobody looked: `--max-loss` on samples that neither search nor check have seen.

    python -m bench.goals --models ../shared/models --data ../shared/data/cifar10 --work build/goals
        [--networks resnet20_cifar10 ...] [--seeds 20] [--max-loss 1.0] [--target cpu]

Each seed draws other calibration images (256) and other judging images: the first 2,000 serve the search and
its own verification, the remaining 3,000 judge the file that the run writes, in plain onnxruntime. Each
seed's figures are kept in --work.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec
import numpy as np

from bench.best_subject import right, subject_of
from core import messages as m
from core.context import Context
from core.evaluate.runner import Runner
from core.jobs import perform
from core.values import BestPlans, Goal, Result
from core.workspace import Workspace

SEARCHED = 2000


def one(network: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Points lost by the file on unseen images, the half width of its 95 % interval, size and predictions."""
    opened, judge = subject_of(network, options, seed)
    spec = msgspec.structs.replace(judge.data.info.spec, judge_count=SEARCHED)
    folder = options.work / f"{network}_{seed}"
    workspace = Workspace(cache_dir=folder / "cache", data_dir=folder / "data")
    path = str(opened.source)
    goal = Goal(max_loss=options.max_loss, profile=options.target)
    found = perform(m.FindPlan(model=path, data=spec, goal=goal), workspace, Context())
    assert isinstance(found, BestPlans) and found.chosen is not None and found.chosen.measured is not None
    made = perform(
        m.Compress(model=path, data=spec, plan=found.chosen.plan, judge_steps=False), workspace, Context()
    )
    assert isinstance(made, Result)
    file = Path(made.artefact)
    before = right(Runner(opened.source, judge.threads), judge)[SEARCHED:].astype(float)
    after = right(Runner(file, judge.threads), judge)[SEARCHED:].astype(float)
    differences = 100 * (before - after)
    return {
        "lost": float(differences.mean()),
        "half": float(1.96 * differences.std(ddof=1) / np.sqrt(len(differences))),
        "count": len(differences),
        "checked": found.chosen.measured.loss,
        "size": file.stat().st_size / Path(path).stat().st_size,
        "channels": found.chosen.plan.work_removed,
        "reached": float(found.reached),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=["resnet20_cifar10", "mobilenet_cifar10"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--max-loss", type=float, default=1.0)
    parser.add_argument("--target", default="cpu")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for network in options.networks:
        print(f"\n### {network}, at most {options.max_loss:g} points\n", flush=True)
        print(
            "| seed | lost, unseen | its check said | size | work gone in channels |\n|---|---|---|---|---|"
        )
        held = 0
        for seed in range(options.seeds):
            kept = options.work / f"{network}_{seed}_{options.target}.json"
            if not kept.exists():
                kept.write_text(json.dumps(one(network, seed, options)))
            found = json.loads(kept.read_text())
            held += found["lost"] - found["half"] <= options.max_loss
            print(
                f"| {seed} | {found['lost']:.2f} ± {found['half']:.2f} | {found['checked']:.2f} "
                f"| {found['size']:.3f} | {found['channels']:.0%} |",
                flush=True,
            )
        print(f"\nheld within the interval in {held} of {options.seeds}", flush=True)


if __name__ == "__main__":
    main()
