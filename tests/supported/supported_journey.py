"""One file, as its framework saved it, through all of the work: run by itself, so that its memory is its own.

    python supported_journey.py FOLDER

FOLDER holds `saved.json` (a `Saved`); what came of it is left there as `account.json` (an `Account`).
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from core import messages as m
from core.context import Context
from core.errors import PlanError
from core.importance import SCORES
from core.jobs import perform
from core.scoring import Scoring
from core.values import (
    Analysis,
    DataSpec,
    Exported,
    Foreign,
    ModelInfo,
    Outcome,
    Plan,
    Recipe,
    Result,
)
from core.workspace import Workspace

COMPRESSED = "compressed.onnx"


class Saved(msgspec.Struct, frozen=True):
    """What a person brings: the file, what is said about it, the samples, and what is to be done."""

    model: str
    data: DataSpec
    plan: Plan
    recipe: Recipe | None = None
    sweep: int = 32
    """Judging samples a point of the sensitivity."""
    layers: int = 0
    """The sweep looks at so many layers, spread over the network; 0: all."""
    bits: tuple[int, ...] = (8, 4)
    sparsities: tuple[float, ...] = (0.5,)


class Account(msgspec.Struct, frozen=True):
    """What came of it. Sizes in bytes, times in seconds."""

    asked: bool
    """Whether something had to be said before the file was opened."""
    model: str
    """The ONNX file that all the work is done on."""
    source_bytes: int
    onnx_bytes: int
    difference: float | None
    """From the original's answers after a conversion; None: it was ONNX."""
    inputs: dict[str, tuple[str, list[int | str | None]]]
    outputs: int
    params: int
    layers: dict[str, int]
    """How many of each kind."""
    refused: dict[str, str]
    """Layers that are left alone, with the reason."""
    untouchable: list[str]
    """Of those, layers of which nothing at all can be done."""
    scores: dict[str, str]
    """Of each importance score why it is not to be had; empty: measured on every layer."""
    swept: int
    """Layers whose sensitivity was measured."""
    damages: dict[int, float]
    """By bits of the weights: what the layers harm, each by itself, put together."""
    task: str
    metric: str
    unit: str
    count: int
    before: float
    after: float
    loss: float
    agreement: dict[str, float]
    """Of the compressed network with the original, by metric."""
    out_bytes: int
    bits: dict[int, int]
    """Bits of the weights as read back from the file: how many layers."""
    activation_bits: dict[int, int]
    macs: tuple[int, int]
    sparsity: float
    """Zeros among the weights that are left, 0..1."""
    did: list[str]
    channels_refused: str
    """Why no channels could be taken; empty where they were, or none were asked for."""
    notes: list[str]
    seconds: dict[str, float]
    memory: dict[str, int]
    """Most bytes of this process during each stage; converting adds the converter's own."""
    started: int
    """Bytes of this process before it opened anything."""


class Stages:
    """Times each stage and takes its peak of memory."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.memory: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        forget_peak()
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        self.memory[name] = peak()


def forget_peak() -> None:
    """Let the kernel count anew from what is held now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """The most bytes of this process since `forget_peak`."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]


def children() -> int:
    """The most bytes of the largest process that this one has waited for."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def compression(path: str, saved: Saved, plan: Plan) -> m.Compress:
    return m.Compress(model=path, data=saved.data, plan=plan, judge_steps=False, step_samples=saved.sweep)


def travel(folder: Path) -> Account:
    saved = msgspec.json.decode((folder / "saved.json").read_bytes(), type=Saved)
    stages, context = Stages(), Context()
    workspace = Workspace(folder / "cache", folder / "kept")
    started = peak()

    def do(request: m.Request) -> object:
        return perform(request, workspace, context)

    with stages.stage("open"):
        found = do(m.OpenModel(model=saved.model))
        asked = isinstance(found, Foreign)
        if asked:
            found = do(m.OpenModel(model=saved.model, recipe=saved.recipe or Recipe(trusted=True)))
    assert isinstance(found, ModelInfo)
    info, path = found, found.path
    if info.origin is not None:
        stages.memory["convert"], stages.seconds["convert"] = children(), stages.seconds["open"]
        # from now on it opens like this
        workspace = Workspace(folder / "cache", folder / "kept")
        with stages.stage("open"):
            again = do(m.OpenModel(model=saved.model))
        assert isinstance(again, ModelInfo) and again.path == path

    with stages.stage("importance"):
        opened = workspace.opened(path, context)
        data = workspace.data(path, saved.data, context)
        store = workspace.project(None, opened.info.sha256)
        scoring = Scoring(opened, data, store)
        names = [layer.id for layer in info.layers if layer.quantizable or layer.prunable]
        if saved.layers:
            names = names[:: max(1, len(names) // saved.layers)][: saved.layers]
        scores = {}
        for described, _ in SCORES:
            reason = scoring.why_not(described.name)
            if reason is None:
                scoring.measure(names, described.name, context)
                for name in names:
                    weights, why = scoring.weights(name, described.name)
                    assert all(np.isfinite(one).all() for one in weights), (described.name, name)
                    reason = reason or why
            scores[described.name] = str(reason or "")
        del scoring
    with stages.stage("sensitivity"):
        analysis = do(
            m.Analyze(
                model=path,
                data=saved.data,
                plan=saved.plan,
                sparsities=saved.sparsities,
                weight_bits=saved.bits,
                samples=saved.sweep,
                layers=tuple(names),
            )
        )
        assert isinstance(analysis, Analysis)
    plan, channels_refused = saved.plan, ""
    with stages.stage("compress"):
        try:
            result = do(compression(path, saved, plan))
        except PlanError as error:
            if not plan.restructures:
                raise
            # a network whose channels cannot go still takes its bits
            channels_refused, plan = error.one_line(), plan.without_parameters([("prune_channels", "macs")])
            result = do(compression(path, saved, plan))
        assert isinstance(result, Result)
    with stages.stage("export"):
        exported = do(
            m.Export(
                result=result,
                model=path,
                data=saved.data,
                destination=str(folder / COMPRESSED),
                expected=None,
            )
        )
    assert isinstance(exported, Exported)
    with stages.stage("read back"):
        # by a program that knows nothing of the run
        again_opened = Workspace(folder / "other", folder / "otherkept").opened(exported.path, context)
    judged = do(m.Evaluate(model=exported.path, data=saved.data, reference=path, latency=False))
    assert isinstance(judged, Outcome) and judged.primary is not None
    before, after = result.before.primary, result.after.primary
    assert before is not None and after is not None
    assert abs(judged.primary.value - after.value) < 1e-6 + 1e-4 * abs(after.value), (
        "the file is the judged one"
    )
    points = [point for point in analysis.points if not point.estimate]
    by_bits = {(p.layer_id, p.weight_bits): p.damage or 0.0 for p in points if not p.sparsity}
    swept = {name for name, _ in by_bits}
    kept = {one.layer_id: one for one in result.layers}
    return Account(
        asked=asked,
        model=path,
        source_bytes=Path(saved.model).stat().st_size,
        onnx_bytes=info.size_bytes,
        difference=info.origin.difference if info.origin else None,
        inputs={one.name: (one.dtype, list(one.shape)) for one in info.inputs},
        outputs=len(info.outputs),
        params=info.params,
        layers=dict(Counter(layer.kind for layer in info.layers)),
        refused={layer.label: str(layer.why_not[0]) for layer in info.layers if layer.why_not},
        untouchable=[one.label for one in info.layers if not (one.quantizable or one.prunable)],
        scores=scores,
        swept=len(swept),
        damages={bits: sum(by_bits[name, bits] for name in swept) for bits in saved.bits},
        task=data.info.task,
        metric=after.metric,
        unit=after.unit,
        count=after.count,
        before=before.value,
        after=after.value,
        loss=result.loss if result.loss is not None else float("nan"),
        agreement={one.metric: one.value for one in judged.measurements},
        out_bytes=exported.size_bytes,
        bits=dict(Counter(one.weight_bits for one in result.layers)),
        activation_bits=dict(Counter(one.activation_bits for one in result.layers)),
        macs=(info.macs or 0, again_opened.info.macs or 0),
        sparsity=sum(kept[one.layer_id].sparsity for one in result.layers) / max(1, len(result.layers)),
        channels_refused=channels_refused,
        did=[str(one) for point in result.course for one in point.did],
        notes=[str(one) for one in result.notes],
        seconds=stages.seconds,
        memory=stages.memory,
        started=started,
    )


if __name__ == "__main__":
    work = Path(sys.argv[1])
    account = travel(work)
    (work / "account.json").write_bytes(msgspec.json.format(msgspec.json.encode(account), indent=2))
