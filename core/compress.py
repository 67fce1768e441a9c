"""A run: layer by layer through the network, the accuracy after each, then the artefact and its figures.

What is measured after a layer is the network that a file with the layers so far would hold, conversions
and all, so the last point is the artefact's. Each measurement goes into the store the moment it exists:
an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx_ir as ir

from core.allocate import allocate
from core.context import Context
from core.corrections import Corrections, MeasurementStore
from core.data.dataset import DataSet, data_key
from core.errors import DataError, EngineError, PlanError
from core.evaluate.give_back import give_back
from core.evaluate.judge import Judge, Judgement
from core.evaluate.latency import measure_latency
from core.evaluate.runner import weight_bytes
from core.evaluate.size import model_files, size_bytes, zipped_bytes
from core.evaluate.slower import why_slower
from core.graph.opened import OpenedModel
from core.graph.weights import LARGE_BYTES, get_weights, save
from core.methods import setting
from core.methods._ranges import RANGES
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.half_rest import HalfRest, half_rest, store_as_half
from core.methods.matmul_nbits import choose_kernels
from core.methods.quantize_activations import Range
from core.methods.resolve import Step, base_model, resolve
from core.pruning import choose_zeros
from core.readback import read_back
from core.run_notes import is_slower, run_notes, slower_notes
from core.steps import Rounded
from core.values import Latency, Measurement, Outcome, Plan, Result, RunPoint, Text, digest, text

METHOD_VERSION = 5
"""Raise it when the same plan gives another network, so that kept measurements no longer count."""

_CALIBRATION_BATCH = 32


def compress(
    opened: OpenedModel,
    data: DataSet | None,
    judge: Judge | None,
    plan: Plan,
    work_dir: Path,
    store: MeasurementStore | None,
    context: Context,
    step_samples: int = 1000,
    judge_steps: bool = True,
    refine: Callable[[Rounded], None] | None = None,
) -> Result:
    """Compress by `plan`; publishes a `RunPoint` after each changed layer; returns the judged artefact.

    The artefact is a file in `work_dir`. Without `judge` nothing is measured but bytes and latency; without
    `data` 8-bit activations are refused. Steps on the whole network were done before (`pipeline`); `refine`
    may change the layers once all have their bits. Raises
    PlanError, naming the layer, DataError, EngineError, and Cancelled at any batch boundary; what was
    measured until then is in the store.
    """
    started = time.monotonic()
    if not opened.info.compressible:
        raise PlanError(
            text("This model cannot be compressed."),
            opened.info.why_not[0] if opened.info.why_not else text("It holds operators that are not known."),
            text("It can be looked at and measured."),
        )
    asked = plan
    if data is not None and setting(plan, "allocate", "on"):
        plan = allocate(opened, data, plan, store, context)
    chosen = choose_zeros(opened, plan, resolve(opened, plan), data, store, context)
    plan, steps = chosen.plan, choose_kernels(opened.model, chosen.steps, plan)
    changing = [step for step in steps if step.changes]
    if not changing and not plan.restructures:
        raise PlanError(
            text("The plan changes nothing."),
            next_step=text("Set sparsity or bits for at least one layer."),
        )
    _check_finite(opened, changing)
    base = base_model(opened, steps)
    ranges = _ranges(opened, base, changing, data, plan, store, context)
    corrections = Corrections.start(opened, base, changing, ranges, plan, data, store, context)
    rest = half_rest(base, steps, plan)
    run = _Run(opened, base, changing, ranges, plan, Path(work_dir), corrections, rest)
    if judge is not None and judge_steps:
        for index in range(len(changing)):
            name = changing[index].layer.label
            context.report(text("Compressing layer '{layer}'", layer=name), index, len(changing))
            context.publish(run.point(index + 1, judge, store, context, step_samples))
    done = ""
    if refine is not None:
        rounded = run.rounded()
        refine(rounded)
        done = rounded.key
    context.report(text("Writing the compressed model"))
    artefact = run.write(done)
    source, listed = opened.source, opened.info.layers
    comparable = opened if weight_bytes(opened.model) <= LARGE_BYTES else None
    # nothing of a large network is needed beside the two files from here on
    del run, base, opened
    corrections.let_go()
    if comparable is None:
        give_back(networks=True)
    before, after, judged = _outcomes(source, artefact, judge, context)
    slower = _slower(comparable, artefact, judge, before, after, context)
    notes = {step.layer.id: step.note for step in steps if step.note is not None}
    layers = read_back(artefact, listed, plan, notes)
    return Result(
        artefact=str(artefact),
        sha256=file_sha256(artefact),
        plan=asked,
        before=before,
        after=after,
        layers=layers,
        notes=(
            *run_notes(changing, layers, before, after, corrections.count, slower, corrections.gain),
            *rest.notes,
        ),
        slower=slower,
        loss=judged.loss if judged is not None else None,
        loss_low=judged.loss_low if judged is not None else None,
        loss_high=judged.loss_high if judged is not None else None,
        seconds=time.monotonic() - started,
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a model file and of the external data beside it, in order."""
    whole = hashlib.sha256()
    for file in model_files(path):
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                whole.update(chunk)
    return whole.hexdigest()


def _check_finite(opened: OpenedModel, steps: list[Step]) -> None:
    for step in steps:
        for array in get_weights(opened.model, step.layer):
            # least and largest are NaN if one is, and make no array of their own
            if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
                raise PlanError(
                    text("Layer '{layer}' cannot be compressed.", layer=step.layer.label),
                    text("Its weights hold NaN or infinite values."),
                    text("Set this layer to be kept as it is, or repair the model."),
                )


def _ranges(
    opened: OpenedModel,
    base: ir.Model,
    steps: list[Step],
    data: DataSet | None,
    plan: Plan,
    store: MeasurementStore | None,
    context: Context,
) -> dict[str, Range]:
    """Ranges of all activations that the whole plan quantises, from the store if they are known."""
    placement = placement_for(base, steps)
    names, bits = placement.calibrated, placement.bits
    if not names:
        return {}
    if data is None:
        raise DataError(
            text("Integer activations need data."),
            text("Their ranges are measured on samples."),
            text("Choose data, or set the activations to 32 bits."),
        )
    method = str(setting(plan, "calibrate", "range"))
    if method not in RANGES:
        raise PlanError(
            text("There is no calibration range '{name}'.", name=method),
            next_step=text("Choose one of: {names}.", names=", ".join(RANGES)),
        )
    percentile = float(setting(plan, "calibrate", "percentile"))
    samples = min(int(setting(plan, "calibrate", "samples")), data.info.calibration_count)
    key = digest("ranges", 2, opened.info.sha256, data_key(data), bits, method, percentile, samples)
    kept = store.get(key) if store is not None else None
    if kept is not None:
        values = msgspec.msgpack.decode(kept, type=dict[str, tuple[float, float]])
        return {name: Range(low, high) for name, (low, high) in values.items()}

    def batches() -> Iterator[Mapping[str, np.ndarray]]:
        for batch in data.batches("calibration", _CALIBRATION_BATCH, samples):
            yield batch.feeds

    count = -(-samples // _CALIBRATION_BATCH)
    ranges = calibrate(base, names, batches, context, method, percentile, count, bits)
    if store is not None:
        plain = {name: (item.low, item.high) for name, item in ranges.items()}
        store.put(key, msgspec.msgpack.encode(plain))
    return ranges


@dataclass(frozen=True)
class _Run:
    """What all networks of a run have in common."""

    opened: OpenedModel
    base: ir.Model
    steps: list[Step]
    ranges: dict[str, Range]
    plan: Plan
    work_dir: Path
    corrections: Corrections
    rest: HalfRest

    def point(
        self,
        count: int,
        judge: Judge,
        store: MeasurementStore | None,
        context: Context,
        step_samples: int,
    ) -> RunPoint:
        """The accuracy with the first `count` changed layers done: kept, or measured now."""
        steps = self.steps[:count]
        samples = min(step_samples, judge.count)
        key = self._key(steps, judge, samples)
        kept = store.get(key) if store is not None else None
        if kept is not None:
            point = msgspec.msgpack.decode(kept, type=RunPoint)
            return msgspec.structs.replace(point, step=count, total=len(self.steps), from_store=True)
        network = self._network(count)
        judged = judge.measure(network, context, samples, stage=None)
        point = RunPoint(
            step=count,
            total=len(self.steps),
            layer_id=steps[-1].layer.id,
            measurement=judged.primary,
            loss=judged.loss,
        )
        if store is not None:
            store.put(key, msgspec.msgpack.encode(point))
        return point

    def rounded(self) -> Rounded:
        """All layers with their bits, open to change."""
        self.corrections.ensure(len(self.steps))
        cache, biases = self.corrections.cache, self.corrections.biases
        key = digest("rounded", METHOD_VERSION, self._about())
        return Rounded(self.opened, self.base, self.steps, self.ranges, cache, biases, key)

    def write(self, done: str = "") -> Path:
        """The artefact, under a name that follows from model, plan and what was `done` after the bits."""
        self.work_dir.mkdir(parents=True, exist_ok=True)
        key = digest("artefact", METHOD_VERSION, self.plan, done, *self._about())
        path = self.work_dir / f"{key}.onnx"
        network = self._network(len(self.steps))
        partial = self.work_dir / f"{key}.part.onnx"
        # the model comes last: it names the data file beside it, if there is one
        save(network, partial, f"{path.name}.data")
        os.replace(partial, path)
        return path

    def _about(self) -> tuple[object, ...]:
        """What decides the numbers of all layers."""
        measured = sorted((name, item.low, item.high) for name, item in self.ranges.items())
        steps = [step.key for step in self.steps]
        return self.opened.info.sha256, steps, measured, self.corrections.about(len(steps))

    def _key(self, steps: list[Step], judge: Judge, samples: int) -> str:
        methods = {name: dict(self.plan.methods[name]) for name in sorted(self.plan.methods)}
        corrected = self.corrections.about(len(steps))
        if len(steps) == len(self.steps) and self.rest.halved:
            corrected = (*corrected, self.rest.halved)
        about = (self.opened.info.sha256, data_key(judge.data), methods, samples, corrected)
        return digest("run", METHOD_VERSION, *about, [step.key for step in steps])

    def _network(self, count: int) -> ir.Model:
        """The network with the first `count` changed layers done and corrected."""
        self.corrections.ensure(count)
        cache, biases = self.corrections.cache, self.corrections.biases
        network = assemble(self.base, self.steps[:count], self.ranges, cache, biases)
        if count == len(self.steps):
            store_as_half(network, self.rest.halved)
        return network


def _outcomes(
    source: Path, artefact: Path, judge: Judge | None, context: Context
) -> tuple[Outcome, Outcome, Judgement | None]:
    before: tuple[Measurement, ...] = ()
    judged = feeds = None
    if judge is not None:
        context.report(text("Judging the compressed model"))
        before, judged = judge.baseline, judge.measure(artefact, context)
        feeds = judge.feeds(1)
    after = judged.measurements if judged is not None else ()
    latencies: list[Latency | None] = [None, None]
    try:
        latencies = list(measure_latency([source, artefact], 1, None, context, feeds))
    except DataError:
        # a model that cannot be fed without data: no latency, the rest still counts
        if feeds is not None:
            raise
    return (
        _outcome(source, before, latencies[0], context),
        _outcome(artefact, after, latencies[1], context),
        judged,
    )


def _slower(
    opened: OpenedModel | None,
    artefact: Path,
    judge: Judge | None,
    before: Outcome,
    after: Outcome,
    context: Context,
) -> tuple[Text, ...]:
    """That the file is slower than its original, and what takes the time; () if it is not.

    `opened`: None where the network is too large to be looked at once more.
    """
    if not is_slower(before, after):
        return ()
    if opened is None:
        return slower_notes(before, after, ())
    context.report(text("Looking for what takes the time"))
    feeds = judge.feeds(1) if judge is not None else None
    try:
        causes = why_slower(opened, artefact, feeds, context)
    except (DataError, EngineError):
        # that it is slower is known all the same
        causes = ()
    return slower_notes(before, after, causes)


def _outcome(
    path: Path, measurements: tuple[Measurement, ...], latency: Latency | None, context: Context
) -> Outcome:
    return Outcome(
        measurements=measurements,
        size_bytes=size_bytes(path),
        zipped_bytes=zipped_bytes(path, context),
        latency=latency,
    )
