"""The command line's side of a project file: made, given a snapshot, and told what is in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from core.console import human_bytes
from core.project import Project, RunRecord, Snapshot
from core.report import outcome_json
from core.values import Exported, Outcome, Plan, Result

LAST_STEPS = 5


def make_project(path: str | None) -> None:
    """Make the file that a job is to write into, if one is named. Raises ProjectError."""
    if path:
        Project(path).close()


def take_snapshot(path: str, label: str, result: Result, exported: Exported) -> None:
    """Keep the plan of the run that has just ended, with the figures of its file, under a name.

    Raises ProjectError.
    """
    project = Project(path, create=False)
    run = project.runs.all()[-1]
    project.snapshots.add(
        Snapshot(
            label=label,
            plan=result.plan,
            outcome=msgspec.structs.replace(result.after, size_bytes=exported.size_bytes),
            model_sha256=run.model_sha256,
            data_sha256=run.data_sha256,
        )
    )
    project.close()


def project_json(project: Project) -> dict[str, Any]:
    """The stable form of `secateur project FILE --json`. Raises ProjectReadError."""
    steps, index, _ = project.history.load()
    return {
        "path": str(project.path),
        "models": [msgspec.to_builtins(model) for model in project.references.models],
        "data": msgspec.to_builtins(project.references.data),
        "plan": msgspec.to_builtins(steps[index].plan) if steps else None,
        "steps": [
            {"label": step.label, "time": _time(step.made), "in_force": place == index}
            for place, step in enumerate(steps)
        ],
        "snapshots": [_snapshot_json(snapshot) for snapshot in project.snapshots.all()],
        "runs": [_run_json(run) for run in project.runs.all()],
        "measurements": project.measurements.count,
        "findings": project.findings.count,
    }


def project_lines(project: Project) -> Iterator[str]:
    """The same, shorter, line by line. Raises ProjectReadError."""
    references = project.references
    yield f"{project.path}  {human_bytes(project.path.stat().st_size)}"
    model, data = references.model, references.data
    if model is None:
        yield "model: none yet"
    else:
        yield f"model: {model.path}  {human_bytes(model.size_bytes)}  SHA-256 {model.sha256[:16]}…"
        earlier = len({one.sha256 for one in references.models}) - 1
        if earlier:
            yield f"  {earlier} earlier: what was measured of them is kept, and does not count"
    if data is not None:
        yield f"data: {data.spec.path}  {data.sample_count:,} samples  SHA-256 {data.sha256[:16]}…"
    steps, index, _ = project.history.load()
    if steps:
        words = plan_words(steps[index].plan)
        yield f"plan: step {index} of {len(steps) - 1}, {_time(steps[index].made)}  {words}"
        for place in range(max(1, index - LAST_STEPS + 1), index + 1):
            yield f"  {place:>4}  {_time(steps[place].made)}  {steps[place].label}"
    snapshots = project.snapshots.all()
    yield f"snapshots: {len(snapshots)}"
    for snapshot in snapshots:
        known = outcome_words(snapshot.outcome) if snapshot.outcome is not None else plan_words(snapshot.plan)
        yield f"  {_time(snapshot.made)}  {snapshot.label}: {known}"
        if snapshot.note:
            yield f"      {snapshot.note}"
    runs = project.runs.all()
    yield f"runs: {len(runs)}"
    for run in runs:
        known = outcome_words(run.result.after) if run.result is not None else plan_words(run.plan)
        yield f"  {_time(run.started)}  {run.state}: {known}"
        for artefact in run.artefacts:
            yield f"      {artefact.path}  SHA-256 {artefact.sha256[:16]}…"
    yield f"measurements: {project.measurements.count:,}"


def outcome_words(outcome: Outcome) -> str:
    """'238.00 kB, 0.12 ms, top1 90.30 %', with 'about' before an estimate."""
    parts = [human_bytes(outcome.size_bytes)]
    if outcome.latency is not None:
        parts.append(f"{outcome.latency.median_ms:.3f} ms")
    primary = outcome.primary
    if primary is not None:
        on = f" on {primary.count}" if primary.count else ""
        parts.append(f"{primary.metric} {primary.value:.2f} {primary.unit}".rstrip() + on)
    return ("about " if outcome.estimate else "") + ", ".join(parts)


def plan_words(plan: Plan) -> str:
    """The defaults' settings and how many layers differ."""
    defaults = msgspec.to_builtins(plan.defaults)
    words = ", ".join(f"{name} {value}" for name, value in defaults.items()) or "no change"
    return f"{words}; {len(plan.exceptions)} layers differ" if plan.exceptions else words


def _snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "label": snapshot.label,
        "note": snapshot.note,
        "time": _time(snapshot.made),
        "measured": snapshot.measured,
        "outcome": outcome_json(snapshot.outcome) if snapshot.outcome is not None else None,
        "plan": msgspec.to_builtins(snapshot.plan),
        "model_sha256": snapshot.model_sha256,
        "data_sha256": snapshot.data_sha256,
    }


def _run_json(run: RunRecord) -> dict[str, Any]:
    return {
        "state": run.state,
        "started": _time(run.started),
        "ended": _time(run.ended) if run.ended is not None else None,
        "plan": msgspec.to_builtins(run.plan),
        "points": len(run.partials),
        "before": outcome_json(run.result.before) if run.result is not None else None,
        "after": outcome_json(run.result.after) if run.result is not None else None,
        "artefacts": [msgspec.to_builtins(artefact) for artefact in run.artefacts],
        "model_sha256": run.model_sha256,
        "data_sha256": run.data_sha256,
    }


def _time(seconds: float) -> str:
    """Local time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
