"""A network whose plans bench/best.py compares: its curves, and what plans lose on samples they never saw."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.table import PREPROCESS, call
from core.best.frontiers import Frontiers
from core.best.job import frontier_of
from core.context import Context
from core.data import open_data
from core.data.preprocess import parse_preprocess
from core.evaluate.answers import log_probabilities
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.evaluate.size import zipped_bytes
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.project import Project
from core.sweep.meter import PlanMeter
from core.values import DataSpec, Plan
from core.values.best import Goal

GOAL = Goal(profile="download", max_size_bytes=1)


@dataclass(frozen=True)
class Point:
    """A plan that was measured."""

    zipped: int
    """Bytes."""
    lost: np.ndarray
    """By unseen sample: 1 where only the original is right, -1 where only the plan's network is."""
    damage: float
    """KL divergence of the answers from the original's, nat."""

    @property
    def points(self) -> float:
        """Points of accuracy lost."""
        return 100 * float(self.lost.mean())


@dataclass
class Subject:
    """A network with its samples: the first `seen` judge the curves, the others the plans."""

    opened: OpenedModel
    judge: Judge
    frontiers: Frontiers
    meter: PlanMeter
    start: int
    """The first judging sample that no search has seen; `stop` is behind the last that judges plans."""
    stop: int
    work: Path

    def measured(self, kind: str, place: int, plan: Plan) -> Point:
        """The plan's network on samples that no search has seen, from the folder if known."""
        path = self.work / f"{kind}_{place}.json"
        wanted = {"samples": [self.start, self.stop], "plan": json.loads(msgspec.json.encode(plan))}
        known = json.loads(path.read_text()) if path.exists() else {}
        if known.get("asked") != wanted:
            file = self.meter.network(plan, Context())
            lost, damage = self._judged(file)
            known = {
                "zipped": zipped_bytes(file, Context()),
                "damage": damage,
                "points": 100 * float(lost.mean()),
                "lost": lost.tolist(),
                "asked": wanted,
            }
            path.write_text(json.dumps(known))
        return Point(known["zipped"], np.array(known["lost"], float), known["damage"])

    def _judged(self, file: Path) -> tuple[np.ndarray, float]:
        """By sample what is lost (see `Point`), and the damage."""
        runner, subject = Runner(file, self.judge.threads), self.judge.subject
        lost, damage, first = [], [], 0
        for batch, before in self.judge.pairs(self.stop):
            rows = slice(max(0, self.start - first), None)
            first += len(batch.indices)
            if first <= self.start:
                continue
            after = np.asarray(runner.run(batch.feeds)[subject.output])
            labels = np.asarray(batch.labels).reshape(-1)
            correct = [
                each.reshape(len(labels), -1).argmax(1).astype(int) == labels for each in (before, after)
            ]
            lost.append((correct[0].astype(int) - correct[1])[rows])
            own, other = log_probabilities(before, subject), log_probabilities(after, subject)
            damage.append((np.exp(own) * (own - other)).sum(axis=1)[rows])
        return np.concatenate(lost), float(np.concatenate(damage).mean())


def right(runner: Runner, judge: Judge) -> np.ndarray:
    """For each judging sample whether the likeliest class is its label."""
    found = []
    for batch, _ in judge.pairs():
        answers = np.asarray(runner.run(batch.feeds)[judge.subject.output])
        found.append(
            answers.reshape(len(batch.indices), -1).argmax(1) == np.asarray(batch.labels).reshape(-1)
        )
    return np.concatenate(found)


def subject_of(
    network: str, options: argparse.Namespace, seed: int = 0, judged: int | None = None
) -> tuple[OpenedModel, Judge]:
    """The network and its judging samples: all, or as many as asked for."""
    if network == "digits_transformer":
        path = options.work / "digits_transformer.onnx"
        if not path.exists():
            call("bench.train_transformer", "--out", str(path))
        samples = str(Path(__file__).parent.parent / "resources" / "samples" / "digits")
        spec = DataSpec(path=samples, judge_count=judged, seed=seed)
    else:
        path = options.models / f"{network}.onnx"
        spec = DataSpec(
            path=str(options.data / "test"),
            calibration_path=str(options.data / "train"),
            preprocess=parse_preprocess(json.dumps(PREPROCESS)),
            judge_count=judged,
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
    checked = min(256, (judge.count - seen) // 3)
    meter = PlanMeter(opened, judge, checked, folder, seen, store)
    stop = min(judge.count, seen + checked + options.samples)
    return Subject(opened, judge, frontiers, meter, seen + checked, stop, folder)
