"""Measure a whole plan within seconds: each layer as it was made by itself, put together and run.

What a run adds (each layer corrected for what those before it broke, gates, training) is left out, so a run
ends as good or better. What layers became is kept from plan to plan: moving one slider makes one layer anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.corrections import MeasurementStore
from core.evaluate.judge import Judge
from core.evaluate.latency import measure_latency
from core.evaluate.runner import Runner
from core.evaluate.size import size_bytes, zipped_bytes
from core.graph.opened import OpenedModel
from core.graph.weights import save
from core.methods import setting as parameter
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.quantize_activations import Range
from core.methods.resolve import Step, base_model, resolve
from core.methods.stored import StoredWeight
from core.restructured import restructured
from core.sweep.candidates import Candidate, LayerError, layer_errors, make
from core.sweep.figures import Tally
from core.sweep.samples import Samples, draw
from core.values import Outcome, Plan, PlanMeasured, text

VERSION = 4
_KEPT_BYTES = 512 << 20
"""Layers as they became and their second-order errors that are kept from plan to plan."""
_LATENCY_SECONDS = 0.8
"""Of one file or of both."""
_PAIRED_BYTES = 128 << 20
"""Of an original that is timed beside the plan; a larger one takes too long to load."""


@dataclass
class PlanMeter:
    """For one model and its data; keep it for as long as those are open."""

    opened: OpenedModel
    judge: Judge
    count: int
    folder: Path
    start: int = 0
    """Judging samples before this one are left to those who looked for the plan."""
    store: MeasurementStore | None = None
    """Where steps on the whole network keep what they make, for the run that follows."""
    _samples: dict[int, Samples] = field(default_factory=dict)
    _errors: dict[str, LayerError] = field(default_factory=dict)
    _made: dict[tuple[object, ...], Candidate] = field(default_factory=dict)
    _ranges: dict[tuple[object, ...], dict[tuple[str, int], Range]] = field(default_factory=dict)
    _changed: tuple[str, PlanMeter] | None = None
    """The network that the last plan's steps on the whole network made, by its digest."""

    def measure(self, plan: Plan, context: Context, latency: bool = True) -> PlanMeasured:
        """Size, accuracy (on the meter's samples) and time of the network that `plan` asks for.

        Channels and blocks that go are taken out first; training is left out.
        Raises PlanError for a plan that cannot be followed, and Cancelled.
        """
        return self.measure_on(self.drawn(self.count), plan, context, latency)[0]

    def drawn(self, count: int) -> Samples:
        """So many of the judging samples from `start` on, or fewer where they are too large to keep."""
        if count not in self._samples:
            self._samples[count] = draw(self.judge, count, start=self.start)
        return self._samples[count]

    def measure_on(
        self, samples: Samples, plan: Plan, context: Context, latency: bool = True
    ) -> tuple[PlanMeasured, Tally]:
        """The same on samples of the caller's, and the figures of each of them."""
        if plan.restructures:
            meter, left = self.changed(plan, context)
            measured, tally = meter.measure_on(samples, left, context, latency=False)
            measured = msgspec.structs.replace(measured, plan=plan)
            return self._timed(measured, meter.path, latency, context), tally
        tally = self.run(plan, samples, context)
        path = self.path
        figures = tally.figures()
        measured = PlanMeasured(
            plan=plan,
            outcome=Outcome(
                measurements=(figures.measurement,),
                size_bytes=size_bytes(path),
                zipped_bytes=zipped_bytes(path, context),
            ),
            loss=figures.loss,
            loss_low=figures.loss_low,
            loss_high=figures.loss_high,
            damage=figures.damage,
        )
        return self._timed(measured, path, latency, context), tally

    def _timed(self, measured: PlanMeasured, path: Path, latency: bool, context: Context) -> PlanMeasured:
        """The same with the time of the network at `path`, in turns with the original: one timed minutes ago
        met a computer with other programs at work."""
        if not latency:
            return measured
        paths = [path, self.opened.source] if self.opened.info.size_bytes <= _PAIRED_BYTES else [path]
        feeds = self.judge.feeds(1)
        own, *original = measure_latency(paths, 1, None, context, feeds, _LATENCY_SECONDS / len(paths))
        outcome = msgspec.structs.replace(measured.outcome, latency=own)
        return msgspec.structs.replace(measured, outcome=outcome, original=original[0] if original else None)

    def run(self, plan: Plan, samples: Samples, context: Context, quiet: bool = False) -> Tally:
        """The answers of the network that `plan` asks for, which then lies at `path`.

        Without its steps on the whole network: `changed` does those. `quiet`: the caller reports where it is;
        cancelling works all the same. Raises as `measure`.
        """
        self.write(plan, context, quiet)
        tally = Tally(self.judge, samples)
        runner = Runner(self.path, self.judge.threads)
        for position, piece in enumerate(samples.pieces):
            if quiet:
                context.check()
            else:
                context.report(text("Measuring the plan"), position, len(samples.pieces))
            tally.add(position, self._judged(runner.run(piece.feeds)))
        return tally

    def network(self, plan: Plan, context: Context) -> Path:
        """The whole of what `plan` asks for, training left out, as a file that lies there until another
        plan is measured. Raises as `measure`."""
        if plan.restructures:
            meter, left = self.changed(plan, context)
            return meter.network(left, context)
        self.write(plan, context)
        return self.path

    def write(self, plan: Plan, context: Context, quiet: bool = False) -> None:
        """Make the network of `plan`'s settings for layers at `path`. Raises as `measure`."""
        resolved = resolve(self.opened, plan)
        steps = [step for step in resolved if step.changes]
        base = base_model(self.opened, resolved)
        self._learn(steps, plan, context)
        cache: dict[tuple[object, ...], StoredWeight] = {}
        biases: dict[str, np.ndarray] = {}
        for place, step in enumerate(steps):
            if not quiet:
                context.report(text("Making layer '{layer}'", layer=step.layer.label), place, len(steps))
            candidate = self._candidate(step, plan)
            cache.update({(name, step.weight_key): weight for name, weight in candidate.stored.items()})
            if candidate.bias is not None:
                biases[step.layer.id] = candidate.bias
        ranges = self._measured_ranges(base, steps, plan, context)
        network = assemble(base, steps, ranges, cache, biases)
        self.folder.mkdir(parents=True, exist_ok=True)
        save(network, self.path)

    def _judged(self, outputs: Sequence[object]) -> np.ndarray:
        return self.judge.part([outputs[place] for place in self.judge.subject.outputs])

    def changed(self, plan: Plan, context: Context) -> tuple[PlanMeter, Plan]:
        """A meter for the network that the plan's steps on the whole network make, and what is left to do.

        The last one is kept, as the next plan often asks for the same channels. Raises what the steps raise.
        """
        opened, left = restructured(self.opened, self.judge.data, plan, self.store, self.folder, context)
        key = opened.info.sha256
        if self._changed is None or self._changed[0] != key:
            meter = PlanMeter(opened, self.judge, self.count, self.folder, self.start, self.store)
            meter._samples = self._samples
            self._changed = (key, meter)
        return self._changed[1], left

    @property
    def path(self) -> Path:
        """The network measured last."""
        return self.folder / f"what-if-{os.getpid()}.onnx"

    def _learn(self, steps: list[Step], plan: Plan, context: Context) -> None:
        """The second-order errors of layers that have to be made and are not known yet."""
        missing = [
            step.layer
            for step in steps
            if step.layer.id not in self._errors and self._key(step, plan) not in self._made
        ]
        if not missing:
            return
        for name, error in layer_errors(self.opened, self.judge.data, missing, plan, context):
            if self._kept_bytes() + error.quadratic.hessian.nbytes <= _KEPT_BYTES:
                self._errors[name] = error
            else:  # too large to keep: made at once
                step = next(step for step in steps if step.layer.id == name)
                self._made[self._key(step, plan)] = make(self.opened, step, error, plan)

    def _kept_bytes(self) -> int:
        kept = sum(error.quadratic.hessian.nbytes for error in self._errors.values())
        return kept + sum(candidate.nbytes for candidate in self._made.values())

    def _key(self, step: Step, plan: Plan) -> tuple[object, ...]:
        settings = plan.methods.get("compensate", {})
        return (*step.key, *sorted(settings.items()))

    def _candidate(self, step: Step, plan: Plan) -> Candidate:
        key = self._key(step, plan)
        if key not in self._made:
            candidate = make(self.opened, step, self._errors.get(step.layer.id), plan)
            while self._made and self._kept_bytes() + candidate.nbytes > _KEPT_BYTES:
                self._made.pop(next(iter(self._made)))
            self._made[key] = candidate
        return self._made[key]

    def _measured_ranges(
        self, base: ir.Model, steps: list[Step], plan: Plan, context: Context
    ) -> dict[str, Range]:
        bits = placement_for(base, steps).bits
        if not bits:
            return {}
        settings = tuple(sorted(plan.methods.get("calibrate", {}).items()))
        known = self._ranges.setdefault(settings, {})
        missing = [name for name, width in bits.items() if (name, width) not in known]
        samples = min(int(parameter(plan, "calibrate", "samples")), self.judge.data.info.calibration_count)
        if missing and samples:
            method = str(parameter(plan, "calibrate", "range"))
            percentile = float(parameter(plan, "calibrate", "percentile"))

            def batches() -> Iterator[Mapping[str, np.ndarray]]:
                for batch in self.judge.data.batches("calibration", 32, samples):
                    yield batch.feeds

            found = calibrate(base, missing, batches, context, method, percentile, bits=bits)
            known.update({(name, bits[name]): range_ for name, range_ in found.items()})
        return {name: known[name, width] for name, width in bits.items()}
