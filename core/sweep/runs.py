"""What all what-ifs of a sweep share, and one of them: a layer's candidate, its answers, its figures."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from core.context import Context
from core.data.dataset import DataSet
from core.evaluate.judge import Judge
from core.graph.opened import OpenedModel
from core.methods import setting as parameter
from core.methods.calibrate import calibrate
from core.methods.quantize_activations import Range
from core.methods.resolve import Step
from core.sweep.border import Borders
from core.sweep.candidates import Candidate, LayerError, layer_errors, make
from core.sweep.crew import hands_for
from core.sweep.figures import Figures, Tally
from core.sweep.probe import Probe, needs
from core.sweep.samples import STEP, Samples, draw
from core.sweep.settings import Setting
from core.values import FLOAT_BITS, Layer, Plan, text

_PROBE_BYTES = 512 << 20
"""Sessions kept from the estimate to the measurement, by the bytes of the weights behind their layers."""
_CANDIDATE_BYTES = 256 << 20
"""Weights kept from the estimate to the measurement; others are made again."""

Work = list[tuple[Layer, list[tuple[Setting, Step]]]]


@dataclass
class Runs:
    """Call `start` before anything else; from then on several threads may ask at once."""

    opened: OpenedModel
    judge: Judge
    plan: Plan
    context: Context
    samples: Samples | None = None
    borders: Borders | None = None
    errors: dict[str, LayerError] = field(default_factory=dict)
    """Second-order errors by layer id; layers without one are not adjusted."""
    hands: int = 1
    """So many may go on side by side."""
    _probes: dict[str, Probe] = field(default_factory=dict)
    _ranges: Mapping[str, Range] = field(default_factory=dict)
    _made: dict[tuple[str, Setting], Candidate] = field(default_factory=dict)
    _made_bytes: int = 0
    _looked: dict[tuple[str, Setting], Tally] = field(default_factory=dict)
    """What the estimates have run already."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def data(self) -> DataSet:
        return self.judge.data

    def start(self, work: Work, count: int, missing: Container[str] | None = None) -> None:
        """What all what-ifs share: samples, values at the borders, second-order errors, ranges.

        `work`: all that the sweep is about, what is known already included, as a sweep that goes on must find
        the very numbers of one that was never interrupted; `missing`: the layers that are still to be run.
        """
        self.context.report(text("Looking at the samples"))
        self.samples = draw(self.judge, count)
        self.hands = hands_for((self.opened.info.macs or 0) * STEP, self.judge.threads)
        order = {layer.id: place for place, layer in enumerate(self.opened.info.layers)}
        layers = sorted((layer for layer, _ in work), key=lambda layer: order[layer.id])
        needed = {layer.id: needs(self.opened, self.judge, layer) for layer in layers}
        self.borders = Borders(
            self.opened,
            self.samples,
            {name: values for name, values in needed.items() if values is not None},
            self._threads,
        )
        total = len(layers) if missing is None else sum(layer.id in missing for layer in layers)
        for name, error in layer_errors(self.opened, self.data, layers, self.plan, self.context, missing):
            self.errors[name] = error
            self.context.report(text("Measuring the layers' inputs"), len(self.errors), total)
        inputs = {
            node.inputs[0].name: None
            for node in self.opened.model.graph
            if node.inputs and node.inputs[0] is not None
            for layer, steps in work
            if node.name == layer.id and any(step.activation_bits != FLOAT_BITS for _, step in steps)
        }
        if inputs:
            names = [name for name in inputs if name is not None]
            method = str(parameter(self.plan, "calibrate", "range"))
            percentile = float(parameter(self.plan, "calibrate", "percentile"))
            samples = min(int(parameter(self.plan, "calibrate", "samples")), self.data.info.calibration_count)
            if samples:
                self._ranges = calibrate(
                    self.opened.clone(), names, self._calibrating, self.context, method, percentile
                )

    @property
    def _threads(self) -> int:
        """Of one run: several side by side have one each."""
        return 1 if self.hands > 1 else self.judge.threads

    def _calibrating(self) -> Iterator[Mapping[str, np.ndarray]]:
        samples = min(int(parameter(self.plan, "calibrate", "samples")), self.data.info.calibration_count)
        for batch in self.data.batches("calibration", 32, samples):
            yield batch.feeds

    def candidate(self, layer: Layer, setting: Setting, step: Step) -> Candidate:
        """What a run would make of the layer; kept from the estimate to the measurement where it fits."""
        self.context.check()
        with self._lock:
            kept = self._made.pop((layer.id, setting), None)
            if kept is not None:
                self._made_bytes -= kept.nbytes
                return kept
        candidate = make(self.opened, step, self.errors.get(layer.id), self.plan)
        with self._lock:
            if self._made_bytes + candidate.nbytes <= _CANDIDATE_BYTES:
                self._made[layer.id, setting] = candidate
                self._made_bytes += candidate.nbytes
        return candidate

    def figures(self, layer: Layer, setting: Setting, step: Step, candidate: Candidate) -> Figures:
        """Run the layer so, on as many samples as it needs."""
        assert self.samples is not None
        with self._lock:
            tally = self._looked.pop((layer.id, setting), None)
        tally = tally or Tally(self.judge, self.samples, shifts=True)
        figures = tally.figures() if tally.ready else None
        while figures is None or not figures.enough:
            tally.add(tally.pieces, self._answers(tally.pieces, layer, step, candidate))
            figures = tally.figures() if tally.ready else None
        return figures

    def first_look(self, layer: Layer, setting: Setting, step: Step, candidate: Candidate) -> Figures:
        """What the first samples say; a later `figures` of the same goes on from there."""
        assert self.samples is not None
        tally = Tally(self.judge, self.samples, shifts=True)
        while not tally.ready:
            tally.add(tally.pieces, self._answers(tally.pieces, layer, step, candidate))
        with self._lock:
            self._looked[layer.id, setting] = tally
        return tally.figures()

    def _answers(self, position: int, layer: Layer, step: Step, candidate: Candidate) -> np.ndarray:
        self.context.check()
        assert self.samples is not None
        probe = self._probe(layer)
        if probe is None:  # nothing that is judged depends on the layer
            return self.samples.pieces[position].answers
        return probe.answers(position, candidate, *self._rounded(layer, step))

    def _rounded(self, layer: Layer, step: Step) -> tuple[Range | None, int]:
        if step.activation_bits == FLOAT_BITS:
            return None, 0
        node = next((n for n in self.opened.model.graph if n.name == layer.id), None)
        value = node.inputs[0] if node is not None and node.inputs else None
        return self._ranges.get((value.name if value is not None else "") or ""), 2**step.activation_bits - 1

    def _probe(self, layer: Layer) -> Probe | None:
        assert self.borders is not None
        with self._lock:
            if layer.id not in self._probes:
                if self.group_of(layer) is None:
                    return None
                self._probes[layer.id] = Probe(self.opened, layer, self.judge, self.borders, self._threads)
            return self._probes[layer.id]

    def group_of(self, layer: Layer) -> int | None:
        """Which of `borders.groups` has it: layers of one may go on side by side. None: nothing is run."""
        assert self.borders is not None
        return next((at for at, group in enumerate(self.borders.groups) if layer.id in group), None)

    def let_go(self, layer: Layer) -> None:
        # a session holds the weights behind its layer
        with self._lock:
            if len(self._probes) * self.opened.info.size_bytes > _PROBE_BYTES:
                self._probes.pop(layer.id, None)
