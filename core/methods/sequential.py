"""Correct a compressed network layer by layer: each layer makes good what it and those before it break.

Inputs come from the network with all earlier layers compressed and corrected, targets from the original.
For each layer several candidates are made (as rounded; swept; swept with targets; matched) and the one is
kept whose network answers most like the original on held-out calibration samples. No labels are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.answers import Subject, find_subject, log_probabilities
from core.evaluate.runner import Runner
from core.graph.suffix import before_selection
from core.methods import setting
from core.methods._bias import read_bias
from core.methods._finished import finished, rescaled
from core.methods._layer_moments import LayerMoments
from core.methods._matrices import Form
from core.methods._pieces import Feeds, part, samples_in
from core.methods._recurrent import RecurrentForm
from core.methods._recurrent_sweep import recurrent_swept
from core.methods._taps import node_named
from core.methods._wanted import wanted_of
from core.methods.assemble import assemble
from core.methods.compensate import compensated
from core.methods.hessian import HeldOut, Quadratic
from core.methods.match_statistics import spread_ratio
from core.methods.planned import stored_weight
from core.methods.quantize_activations import Range
from core.methods.resolve import Step
from core.methods.stored import Cache, SideBySide, StoredWeight, parts_of
from core.values import FLOAT_BITS, Plan

HELD_OUT = 64
"""Calibration samples, the last ones, that choose among candidates and are not fitted to."""
CANDIDATES = 5
JUDGING_MACS = 2e12
"""Multiply-accumulates that judging all candidates by the whole network may take."""
LEAST_JUDGES = 16
"""Where it would afford fewer samples than that, each layer's own outputs judge its candidates."""
_WIDE = 1024
"""From so many columns on only the best-aimed candidate is swept."""


@dataclass(frozen=True)
class Correction:
    """What a layer becomes."""

    name: str
    """Which candidate it is: 'plain', 'swept', 'targets', with '+matched'."""
    weight: StoredWeight | None = None
    """None: as rounded."""
    bias: np.ndarray | None = None
    distance: float = 0.0
    """Of the network's answers from the original's on the held-out samples: nats, or relative square."""


@dataclass
class Corrector:
    """The state of a run over the layers: what earlier layers became."""

    base: ir.Model
    steps: list[Step]
    ranges: Mapping[str, Range]
    plan: Plan
    batches: Callable[[], Iterable[Feeds]]
    """Starts the calibration samples anew."""
    sample_count: int
    context: Context
    cache: Cache
    biases: dict[str, np.ndarray]
    macs: int = 0
    """Multiply-accumulates of one sample: decides what a large network can afford."""
    first: int = 0
    """Layers before it are only rounded."""
    original: ir.Model | None = None
    """Whose answers count, where `base` has lost some already; None: `base` itself."""
    light: bool = False
    """So little is lost by each layer that its own outputs choose; the network judges once, at the end."""
    _gathering: LayerMoments | None = None
    _reference: list[np.ndarray] | None = None
    _held_out: list[Feeds] | None = None
    _subject: Subject | None = None

    def apply(self, index: int, correction: Correction) -> None:
        """From here on layer `index` is as this correction says."""
        step = self.steps[index]
        for name in step.layer.weights:
            self.cache.pop((name, step.weight_key), None)
        if correction.weight is not None:
            for name, part in zip(step.layer.weights, parts_of(correction.weight), strict=True):
                self.cache[name, step.weight_key] = part
        if correction.bias is None:
            self.biases.pop(step.layer.id, None)
        else:
            self.biases[step.layer.id] = correction.bias

    def correct(self, index: int) -> Correction:
        """Find the best correction of layer `index`, all before it being applied. Raises Cancelled."""
        step = self.steps[index]
        form = self._moments().form(index)
        gathered = self._moments().of(index, self._upto) if form is not None else None
        if form is None or gathered is None:
            return Correction("plain")
        best: Correction | None = None
        for candidate in self._candidates(step, form, gathered.fitted):
            candidate = self._judged(index, form, candidate, gathered.held_out)
            if best is None or candidate.distance < best.distance:
                best = candidate
        assert best is not None
        if not self.light and setting(self.plan, "match_statistics", "on"):
            matched = self._matched(step, form, gathered.fitted, best)
            matched = self._judged(index, form, matched, gathered.held_out)
            best = matched if matched.distance < best.distance else best
        self.context.check()
        return best

    def _moments(self) -> LayerMoments:
        if self._gathering is None:
            fit, held_out = self._split()
            self._gathering = LayerMoments(
                self.base,
                self.steps,
                self.batches,
                fit,
                held_out if not self._by_network else 0,
                int(setting(self.plan, "compensate", "positions")),
                bool(setting(self.plan, "compensate", "targets")),
                float(setting(self.plan, "compensate", "damping")) / 100.0,
                self.macs,
                self.context,
                self.first,
                self.original,
            )
        return self._gathering

    def _network(self, count: int) -> ir.Model:
        return assemble(self.base, self.steps[:count], self.ranges, self.cache, self.biases)

    def _upto(self, count: int) -> ir.Model:
        """As `_network`, but all layers' activations are already what they will be, whatever `count`."""
        later = (
            replace(step, weight_bits=FLOAT_BITS, sparsity=0.0, threshold=None, pattern=None, masks=None)
            for step in self.steps[count:]
        )
        steps = [*self.steps[:count], *later]
        return assemble(self.base, steps, self.ranges, self.cache, self.biases, finished=False)

    def _candidates(self, step: Step, form: Form, quadratic: Quadratic) -> Iterator[Correction]:
        weight = self._weight(step)
        matrices = form.matrices(weight)
        bias = read_bias(twin_of(self.base, step), form.channels)

        def correction(name: str, kept: StoredWeight) -> Correction:
            result = form.matrices(kept.values())
            moved = None if bias is None else bias + quadratic.bias_shift(matrices, result)
            return Correction(name, kept, None if moved is None else moved.astype(np.float32))

        plain = self._as_rounded(step)
        yield Correction("plain", plain)
        if bias is not None:
            yield correction("plain+bias", plain)
        thorough = not self.light and bool(setting(self.plan, "compensate", "thorough"))
        aims = {"swept": matrices}
        if setting(self.plan, "compensate", "targets") and quadratic.cross is not None:
            if form.columns >= _WIDE:
                aims.clear()
            aims["targets"] = quadratic.best(matrices)
        for name, aim in aims.items():
            if isinstance(form, RecurrentForm) and isinstance(plain, SideBySide):
                yield correction(name, recurrent_swept(aim, quadratic, form, step, plain, thorough))
                continue
            wanted = wanted_of(step, form, plain)
            swept = wanted.rounds or not thorough
            factor = quadratic.factor if swept else None
            result, grid = compensated(aim, quadratic.hessian, wanted, thorough, factor)
            yield correction(name, finished(result, grid, plain, form, step))

    def _matched(self, step: Step, form: Form, quadratic: Quadratic, best: Correction) -> Correction:
        """The same with each channel's spread and mean as in the original."""
        assert best.weight is not None
        ratio = spread_ratio(quadratic, form.matrices(best.weight.values()))
        changed, value = rescaled(best.weight, ratio, form)
        bias = read_bias(twin_of(self.base, step), form.channels)
        if bias is not None:
            before = form.matrices(self._weight(step))
            bias = (bias + quadratic.bias_shift(before, value)).astype(np.float32)
        return Correction(f"{best.name}+matched", changed, bias)

    def _as_rounded(self, step: Step) -> StoredWeight:
        parts = [
            stored_weight(array, step, name)
            for name, array in zip(step.layer.weights, self._weights(step), strict=True)
        ]
        return parts[0] if len(parts) == 1 else SideBySide(tuple(parts))

    def _weight(self, step: Step) -> np.ndarray:
        """As stored; of a recurrent layer both weights side by side."""
        weights = self._weights(step)
        return weights[0] if len(weights) == 1 else np.concatenate(weights, axis=-1)

    def _weights(self, step: Step) -> list[np.ndarray]:
        constants = (self.base.graph.initializers[name].const_value for name in step.layer.weights)
        return [tensor.numpy() for tensor in constants if tensor is not None]

    # ------------------------------------------------------------ held-out samples

    @property
    def _by_network(self) -> bool:
        """Whether candidates are judged by the network's answers; else by the layer's own outputs."""
        if self.light:
            return False
        runs = CANDIDATES * len(self.steps) * self.macs
        return runs * LEAST_JUDGES <= JUDGING_MACS

    def _split(self) -> tuple[int, int]:
        """How many samples are fitted to, and how many choose."""
        held_out = min(HELD_OUT, self.sample_count // 4)
        if self._by_network and self.macs:
            runs = CANDIDATES * len(self.steps) * self.macs
            held_out = min(held_out, int(JUDGING_MACS / runs))
        return self.sample_count - held_out, held_out

    def _choosing(self) -> list[Feeds]:
        if self._held_out is None:
            skip, self._held_out = self._split()[0], []
            for feeds in self.batches():
                count = samples_in(feeds)
                if skip < count:
                    self._held_out.append(part(feeds, max(0, skip), count))
                skip -= count
        return self._held_out

    def _judged(self, index: int, form: Form, candidate: Correction, held_out: HeldOut | None) -> Correction:
        """The candidate with its distance from the original filled in."""
        self.context.check()
        step = self.steps[index]
        if held_out is not None:
            assert candidate.weight is not None
            before = form.matrices(self._weight(step))
            after = form.matrices(candidate.weight.values())
            bias = read_bias(twin_of(self.base, step), form.channels)
            moved = None if candidate.bias is None or bias is None else candidate.bias - bias
            return replace(candidate, distance=held_out.judged(before, after, moved))
        self.apply(index, candidate)
        return replace(candidate, distance=self.distance(index + 1))

    def distance(self, count: int) -> float:
        """Of the network with the first `count` layers done from the original, on the held-out samples."""
        runner = Runner(before_selection(self._network(count)))
        if self._reference is None:
            original = Runner(before_selection(self.base if self.original is None else self.original))
            total = [original.run(feeds) for feeds in self._choosing()]
            if total:
                self._subject = find_subject(total[0], "unlabelled", None)
            self._reference = [answers[self._subject.output] for answers in total if self._subject]
        distances, weights = [], []
        for feeds, reference in zip(self._choosing(), self._reference, strict=True):
            assert self._subject is not None
            answers = runner.run(feeds)[self._subject.output]
            distances.append(distance(reference, answers, self._subject))
            weights.append(samples_in(feeds))
        return float(np.average(distances, weights=weights)) if distances else 0.0


def twin_of(base: ir.Model, step: Step) -> ir.Node:
    return node_named(base, step.layer.id)


def distance(reference: np.ndarray, answers: np.ndarray, subject: Subject) -> float:
    """KL divergence in nats for a classifier, else squared difference over squared reference.

    Answers whose number follows from themselves, as of lists of what was found, may be more or fewer than the
    reference's: what one has and the other has not counts as a difference from zero. Infinite where an answer
    is no number.
    """
    alike = answers.shape == reference.shape
    if subject.classes and alike:
        log_p, log_q = log_probabilities(reference, subject), log_probabilities(answers, subject)
        return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())
    if answers.ndim != reference.ndim or not np.isfinite(answers).all():
        return float("inf")
    if not alike:
        room = tuple(map(max, answers.shape, reference.shape))
        answers, reference = _roomy(answers, room), _roomy(reference, room)
    power = float(np.square(reference, dtype=np.float64).sum())
    return float(np.square(reference.astype(np.float64) - answers).sum()) / max(power, 1e-30)


def _roomy(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The values with zeros behind them along each axis."""
    return np.pad(values, [(0, most - size) for size, most in zip(values.shape, shape, strict=True)])
