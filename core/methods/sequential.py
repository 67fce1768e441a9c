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
from core.methods import setting
from core.methods._bias import read_bias
from core.methods._matrices import Form, form_of, outputs_at, patches, places
from core.methods._taps import Tap, joined, node_named
from core.methods.assemble import Cache, assemble
from core.methods.calibrate import Feeds
from core.methods.compensate import Wanted, compensated
from core.methods.hessian import Moments, Quadratic
from core.methods.match_statistics import spread_ratio
from core.methods.planned import pruned
from core.methods.quantize_activations import Range
from core.methods.quantize_weights import quantize_axes, quantize_merged
from core.methods.resolve import Step
from core.values import FLOAT_BITS, Plan

HELD_OUT = 64
"""Calibration samples, the last ones, that choose among candidates and are not fitted to."""


@dataclass(frozen=True)
class Correction:
    """What a layer becomes."""

    name: str
    """Which candidate it is: 'plain', 'swept', 'targets', with '+matched'."""
    weight: tuple[np.ndarray, np.ndarray] | None = None
    """As in `assemble.Cache`: (integers, scale) or (float weight, empty); None: as rounded."""
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
    _reference: list[np.ndarray] | None = None
    _held_out: list[Feeds] | None = None
    _subject: Subject | None = None

    def apply(self, index: int, correction: Correction) -> None:
        """From here on layer `index` is as this correction says."""
        step = self.steps[index]
        key = (step.layer.weights[0], step.weight_key)
        if correction.weight is None:
            self.cache.pop(key, None)
        else:
            self.cache[key] = correction.weight
        if correction.bias is None:
            self.biases.pop(step.layer.id, None)
        else:
            self.biases[step.layer.id] = correction.bias

    def correct(self, index: int) -> Correction:
        """Find the best correction of layer `index`, all before it being applied. Raises Cancelled."""
        step = self.steps[index]
        form = self._form(step)
        if form is None:
            return Correction("plain")
        quadratic = self._measure(index, form)
        if quadratic is None:
            return Correction("plain")
        best: Correction | None = None
        for candidate in self._candidates(step, form, quadratic):
            candidate = self._judged(index, candidate)
            if best is None or candidate.distance < best.distance:
                best = candidate
        assert best is not None
        if setting(self.plan, "match_statistics", "on"):
            matched = self._judged(index, self._matched(step, form, quadratic, best))
            best = matched if matched.distance < best.distance else best
        self.context.check()
        return best

    def _form(self, step: Step) -> Form | None:
        if step.layer.group is not None or len(step.layer.weights) != 1:
            return None
        try:
            node = node_named(self.base, step.layer.id)
        except KeyError:
            return None  # inside a branch or loop
        return form_of(node)

    def _measure(self, index: int, form: Form) -> Quadratic | None:
        """Stream the calibration samples through both networks, cut at this layer."""
        step = self.steps[index]
        model = assemble(self.base, self.steps[:index], self.ranges, self.cache, self.biases)
        node, original = node_named(model, step.layer.id), self.base.clone()
        twin = node_named(original, step.layer.id)
        join, join_twin = joined(node), joined(twin)
        targets = bool(setting(self.plan, "compensate", "targets"))
        if join is None or join_twin is None or not targets or join[0].name != join_twin[0].name:
            join = join_twin = None
        here = Tap(model, [node.inputs[0], node.outputs[0], *([join[1]] if join else [])])  # type: ignore[list-item]
        there = Tap(original, [twin.outputs[0], *([join_twin[0].outputs[0]] if join_twin else [])])
        moments = Moments(form)
        count = int(setting(self.plan, "compensate", "positions"))
        rng = np.random.default_rng(index)
        for feeds in self._fitting():
            self.context.check()
            inputs, outputs, *other = here.run(feeds)
            wanted, *total = there.run(feeds)
            if wanted.shape != outputs.shape:
                return None
            aim = wanted
            if other and total[0].shape == other[0].shape == wanted.shape:
                # what the sum after the layer lacks, whoever is to blame
                aim = total[0] - other[0]
            at = places(form, outputs.shape, count, rng)
            moments.add(
                patches(form, inputs, outputs.shape[2:], at),
                outputs_at(form, aim, at) - outputs_at(form, outputs, at),
                outputs_at(form, wanted, at),
            )
        if not moments.count:
            return None
        damping = float(setting(self.plan, "compensate", "damping")) / 100.0
        has_bias = read_bias(twin_of(self.base, step), form.channels) is not None
        return moments.quadratic(damping, has_bias)

    def _candidates(self, step: Step, form: Form, quadratic: Quadratic) -> Iterator[Correction]:
        weight = self._weight(step)
        matrices = form.matrices(weight)
        bias = read_bias(twin_of(self.base, step), form.channels)

        def finished(name: str, result: np.ndarray, kept: tuple[np.ndarray, np.ndarray]) -> Correction:
            moved = None if bias is None else bias + quadratic.bias_shift(matrices, result)
            return Correction(name, kept, None if moved is None else moved.astype(np.float32))

        plain = self._plain(step, weight)
        yield Correction("plain", plain)
        value = plain[0] if step.weight_bits == FLOAT_BITS else plain[0] * plain[1]
        if bias is not None:
            yield finished("plain+bias", form.matrices(value), plain)
        wanted = self._wanted(step, form, plain[1])
        hessian = quadratic.hessian
        thorough = bool(setting(self.plan, "compensate", "thorough"))
        aims = {"swept": matrices}
        if setting(self.plan, "compensate", "targets") and quadratic.cross is not None:
            aims["targets"] = quadratic.best(matrices)
        for name, aim in aims.items():
            result, grid = compensated(aim, hessian, wanted, thorough)
            stored = form.weight(result).astype(weight.dtype)
            if grid is None:
                kept = (stored, np.empty(0))
            else:
                integers = form.weight(grid.round(result)).astype(np.int8)
                shape = plain[1].shape
                kept = (integers, np.ascontiguousarray(grid.scale.reshape(shape), dtype=np.float32))
            yield finished(name, result, kept)

    def _matched(self, step: Step, form: Form, quadratic: Quadratic, best: Correction) -> Correction:
        """The same with each channel's spread and mean as in the original."""
        assert best.weight is not None
        weight, scale = best.weight
        value = form.matrices(weight if not scale.size else weight * scale)
        ratio = spread_ratio(quadratic, value)
        if scale.size == 1 and form.channels > 1:
            ratio = np.ones_like(ratio)
        factor = form.per_row(ratio)
        if scale.size == 1:
            changed = (weight, scale)
        elif scale.size:
            changed = (weight, (scale.reshape(-1) * ratio).reshape(scale.shape).astype(np.float32))
        else:
            changed = (form.weight(value * factor).astype(weight.dtype), scale)
        bias = read_bias(twin_of(self.base, step), form.channels)
        if bias is not None:
            before = form.matrices(self._weight(step))
            bias = (bias + quadratic.bias_shift(before, value * factor)).astype(np.float32)
        return Correction(f"{best.name}+matched", changed, bias)

    def _weight(self, step: Step) -> np.ndarray:
        tensor = self.base.graph.initializers[step.layer.weights[0]].const_value
        assert tensor is not None
        return tensor.numpy()

    def _plain(self, step: Step, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cut = pruned(weight, step)
        if step.weight_bits == FLOAT_BITS:
            return cut, np.empty(0)
        rounded = quantize_merged if step.merge else quantize_axes
        return rounded(cut, step.weight_bits, step.channel_axes, step.search)

    def _wanted(self, step: Step, form: Form, scale: np.ndarray) -> Wanted:
        return Wanted(
            bits=step.weight_bits,
            sparsity=step.sparsity,
            threshold=step.threshold,
            pattern=step.pattern,
            per_row=scale.size != 1,
            shared_rows=form.blocks,
            kernel=int(np.prod(form.shape[2:])) if form.op == "Conv" else 1,
        )

    # ------------------------------------------------------------ held-out samples

    def _split(self) -> tuple[int, int]:
        """How many samples are fitted to, and how many choose."""
        held_out = min(HELD_OUT, self.sample_count // 4)
        return self.sample_count - held_out, held_out

    def _fitting(self) -> Iterator[Feeds]:
        left = self._split()[0]
        for feeds in self.batches():
            if left <= 0:
                return
            yield _first(feeds, left)
            left -= _count(feeds)

    def _choosing(self) -> list[Feeds]:
        if self._held_out is None:
            skip, self._held_out = self._split()[0], []
            for feeds in self.batches():
                count = _count(feeds)
                if skip < count:
                    self._held_out.append(_last(feeds, max(0, skip)))
                skip -= count
        return self._held_out

    def _judged(self, index: int, candidate: Correction) -> Correction:
        """The candidate with its distance from the original's answers filled in."""
        self.context.check()
        self.apply(index, candidate)
        model = assemble(self.base, self.steps[: index + 1], self.ranges, self.cache, self.biases)
        runner = Runner(model)
        if self._reference is None:
            original = Runner(self.base)
            self._reference, total = [], []
            for feeds in self._choosing():
                total.append(original.run(feeds))
            if total:
                self._subject = find_subject(total[0], "unlabelled", None)
                self._reference = [answers[self._subject.output] for answers in total]
        distances, weights = [], []
        for feeds, reference in zip(self._choosing(), self._reference, strict=True):
            assert self._subject is not None
            answers = runner.run(feeds)[self._subject.output]
            distances.append(distance(reference, answers, self._subject))
            weights.append(_count(feeds))
        mean = float(np.average(distances, weights=weights)) if distances else 0.0
        return replace(candidate, distance=mean)


def twin_of(base: ir.Model, step: Step) -> ir.Node:
    return node_named(base, step.layer.id)


def distance(reference: np.ndarray, answers: np.ndarray, subject: Subject) -> float:
    """KL divergence in nats for a classifier, else squared difference over squared reference."""
    if subject.classes:
        log_p, log_q = log_probabilities(reference, subject), log_probabilities(answers, subject)
        return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())
    if answers.shape != reference.shape or not np.isfinite(answers).all():
        return float("inf")
    power = float(np.square(reference, dtype=np.float64).sum())
    return float(np.square(reference.astype(np.float64) - answers).sum()) / max(power, 1e-30)


def _count(feeds: Feeds) -> int:
    return max((len(array) for array in feeds.values() if np.ndim(array)), default=1)


def _first(feeds: Feeds, count: int) -> Feeds:
    total = _count(feeds)
    if count >= total:
        return feeds
    return {n: a[:count] if np.ndim(a) and len(a) == total else a for n, a in feeds.items()}


def _last(feeds: Feeds, start: int) -> Feeds:
    total = _count(feeds)
    return {n: a[start:] if np.ndim(a) and len(a) == total else a for n, a in feeds.items()}
