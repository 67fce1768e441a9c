"""How true the time left is that jobs tell of the whole of themselves, and the usual routes that ship.

    python -m bench.routes [--model FILE --data FOLDER --preprocess JSON] [--write]

The jobs of a journey run twice, each time on an empty project and with an empty cache of measurements: first
with what ships, then with what the first time taught. At a tenth, a quarter, half and three quarters of each
job: how far the end that was told lay from the one that came, as a share of the job's length; in brackets,
if the stage's own time left had been told, as it is where no route is known. `--write` puts what the jobs
took into core/usual_routes.json (with the sample, which is what ships).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import msgspec

from core import jobs
from core import messages as m
from core.context import Context
from core.kernels.shelf import Shelf
from core.routes import Routes
from core.values import BestPlans, DataSpec, Plan, Preprocess, Result, Text
from core.values.best import Goal
from core.workspace import Workspace
from gui import samples

ROOT = Path(__file__).resolve().parent.parent
MOMENTS = (0.1, 0.25, 0.5, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--data")
    parser.add_argument("--preprocess", default="{}")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.model:
        preprocess = msgspec.json.decode(options.preprocess, type=Preprocess)
        model, data = options.model, DataSpec(path=options.data, preprocess=preprocess)
    else:
        sample = samples.samples()[0]
        model, data = samples.model_path(sample), samples.data_spec(sample)
    print("| job | time | s | " + " | ".join(f"{moment:.0%}" for moment in MOMENTS) + " |")
    print("|---" * (3 + len(MOMENTS)) + "|")
    known: dict[str, list[object]] = {}
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as folder:
        shelf = Shelf(Path(folder))
        for turn in ("first", "second"):
            with tempfile.TemporaryDirectory(prefix="secateur-bench-") as fresh:
                for name, legs in journey(model, data, Routes(shelf), Path(fresh), turn).items():
                    known.setdefault(name, legs)
    if options.write:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(known[name])}" for name in sorted(known))
        (ROOT / "core" / "usual_routes.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def journey(model: str, data: DataSpec, routes: Routes, folder: Path, turn: str) -> dict[str, list[object]]:
    """The stages of each job, by the request's name."""
    plan = Plan()
    about = {"model": model, "data": data}
    legs: dict[str, list[object]] = {}

    def fresh(name: str) -> Workspace:
        return Workspace(cache_dir=folder / name, data_dir=folder / name)

    workspace = fresh("analysis")

    def told(request: m.Request) -> object:
        value, ends, by_stage, seconds, legs[type(request).__name__] = timed(request, workspace, routes)
        shares = [
            f"{off(whole, seconds)} ({off(stage, seconds)})"
            for whole, stage in zip(ends, by_stage, strict=True)
        ]
        print(f"| {type(request).__name__} | {turn} | {seconds:.1f} | {' | '.join(shares)} |", flush=True)
        return value

    told(m.Analyze(**about))
    told(m.BestCurve(**about, goal=Goal(max_loss=1.0)))
    workspace = fresh("search")  # which measures the layers itself if nobody has
    found = told(m.FindPlan(**about, goal=Goal(max_loss=1.0)))
    if isinstance(found, BestPlans) and found.chosen is not None:
        plan = found.chosen.plan
    told(m.MeasurePlan(**about, plan=plan))
    told(m.BlamePlan(**about, plan=plan))
    result = told(m.Compress(**about, plan=plan))
    assert isinstance(result, Result)
    told(m.Compare(**about, artefact=result.artefact, sha256=result.sha256))
    told(m.Export(**about, result=result, destination=str(folder / "out.onnx")))
    return legs


Ends = list[float | None]


def timed(
    request: m.Request, workspace: Workspace, routes: Routes
) -> tuple[object, Ends, Ends, float, list[object]]:
    """The job's value, the ends in seconds that were told at `MOMENTS` of the whole and by stages alone, its
    seconds, its stages."""
    whole: list[tuple[float, float]] = []
    stages: list[tuple[float, float]] = []
    started = time.monotonic()

    def on_stage(_stage: Text, _done: int, _total: int, left: float | None) -> None:
        if left is not None:
            stages.append((time.monotonic() - started, left))

    context = Context(on_stage, on_whole=lambda _, left: whole.append((time.monotonic() - started, left)))
    value = jobs.perform(request, workspace, context, routes)
    seconds = time.monotonic() - started
    legs = msgspec.to_builtins(routes.of(request).legs())
    return value, ends_of(whole, seconds), ends_of(stages, seconds), seconds, legs


def ends_of(told: list[tuple[float, float]], seconds: float) -> Ends:
    """The ends that the last words before each of `MOMENTS` promised; None before the first word."""
    ends: Ends = []
    for moment in MOMENTS:
        before = [at + left for at, left in told if at <= moment * seconds]
        ends.append(before[-1] if before else None)
    return ends


def off(end: float | None, seconds: float) -> str:
    return "-" if end is None else f"{abs(end - seconds) / seconds:.0%}"


if __name__ == "__main__":
    main()
