"""The moments of the layers of a run, measured layer by layer, or in groups where the network is large.

Each measurement streams the calibration samples through two networks cut behind the layers in question: the
one compressed so far, and the original. Memory is that of a few samples' activations and of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.methods._bias import read_bias
from core.methods._matrices import Form, form_of, outputs_at, patches, places
from core.methods._pieces import Feeds, part, samples_in
from core.methods._taps import Tap, joined, node_named
from core.methods.hessian import Moments, Quadratic
from core.methods.resolve import Step

PASS_MACS = 4e12
"""Multiply-accumulates for all passes together, at which layers begin to share one."""
_MOMENT_BYTES = 512 << 20
_ACTIVATION_BYTES = 192 << 20
"""Of the tapped values of one piece of a batch; the networks' own inner values come on top."""


@dataclass(frozen=True)
class Gathered:
    """What one layer's correction starts from."""

    fitted: Quadratic
    held_out: Quadratic | None
    """Of other samples, neither centred nor damped; None where the network itself is the judge."""


@dataclass
class LayerMoments:
    """`of(index)` measures when it is asked, with the network as it is then."""

    base: ir.Model
    steps: Sequence[Step]
    batches: Callable[[], Iterable[Feeds]]
    fit_count: int
    held_out_count: int
    """How many samples after those fitted to are gathered apart; 0: none."""
    positions: int
    targets: bool
    damping: float
    macs: int
    context: Context

    def __post_init__(self) -> None:
        self._forms = [self._form(step) for step in self.steps]
        self._groups = list(self._partition())
        self._known: dict[int, Gathered] = {}

    def form(self, index: int) -> Form | None:
        """None for a layer that cannot be corrected: it shares its weights, or is no matrix product."""
        return self._forms[index]

    def of(self, index: int, network: Callable[[int], ir.Model]) -> Gathered | None:
        """The moments of layer `index`. `network(n)`: with the first n layers compressed, a private copy."""
        if index not in self._known:
            start, end = next(group for group in self._groups if group[0] <= index < group[1])
            self._known = self._measure(network(start), range(start, end))
        return self._known.pop(index, None)

    def _form(self, step: Step) -> Form | None:
        if step.layer.group is not None or len(step.layer.weights) != 1:
            return None
        try:
            return form_of(node_named(self.base, step.layer.id), step.layout(step.layer.shape).block)
        except KeyError:
            return None  # inside a branch or loop

    def _partition(self) -> Iterator[tuple[int, int]]:
        """Consecutive layers that are measured in one pass: the same however far a run came."""
        samples = self.fit_count + self.held_out_count
        passes = int(np.clip(PASS_MACS / max(1, self.macs * samples), 1, len(self.steps)))
        most = -(-len(self.steps) // passes)
        start, used = 0, 0
        for index, form in enumerate(self._forms):
            size = 0 if form is None else _moment_bytes(form) * (2 if self.held_out_count else 1)
            if index > start and (index - start >= most or used + size > _MOMENT_BYTES):
                yield start, index
                start, used = index, 0
            used += size
        yield start, len(self.steps)

    def _measure(self, model: ir.Model, indices: Sequence[int]) -> dict[int, Gathered]:
        layers = [index for index in indices if self._forms[index] is not None]
        if not layers:
            return {}
        original = self.base.clone()
        here: list[ir.Value] = []
        there: list[ir.Value] = []
        joins = []
        for index in layers:
            node = node_named(model, self.steps[index].layer.id)
            twin = node_named(original, self.steps[index].layer.id)
            join, join_twin = joined(node), joined(twin)
            both = self.targets and join is not None and join_twin is not None
            joins.append(both and join[0].name == join_twin[0].name)  # type: ignore[index]
            here += [node.inputs[0], node.outputs[0]]  # type: ignore[list-item]
            there += [twin.outputs[0]]
            if joins[-1]:
                here.append(join[1])  # type: ignore[index]
                there.append(join_twin[0].outputs[0])  # type: ignore[index]
        taps = Tap(model, here), Tap(original, there)
        moments = {index: self._empty(index) for index in layers}
        rng = np.random.default_rng(indices[0])
        for feeds, held_out in self._pieces(taps):
            self.context.check()
            found, wanted = (iter(tap.run(feeds)) for tap in taps)
            for index, with_sum in zip(layers, joins, strict=True):
                inputs, outputs, target = next(found), next(found), next(wanted)
                other, total = (next(found), next(wanted)) if with_sum else (None, None)
                form = self._forms[index]
                assert form is not None
                if target.shape != outputs.shape:
                    continue
                aim = target
                if other is not None and total is not None and total.shape == other.shape == target.shape:
                    # what the sum after the layer lacks, whoever is to blame
                    aim = total - other
                at = places(form, outputs.shape, self.positions, rng)
                # what the network got wrong before this group is corrected once, by its first layer
                missed = (
                    outputs_at(form, aim, at) - outputs_at(form, outputs, at) if index == layers[0] else None
                )
                moments[index][held_out].add(
                    patches(form, inputs, outputs.shape[2:], at), missed, outputs_at(form, target, at)
                )
        return {
            index: self._gathered(index, *each)
            for index, each in moments.items()
            if all(m.count for m in each)
        }

    def _empty(self, index: int) -> tuple[Moments, ...]:
        form = self._forms[index]
        assert form is not None
        return (Moments(form), Moments(form)) if self.held_out_count else (Moments(form),)

    def _gathered(self, index: int, fitted: Moments, held_out: Moments | None = None) -> Gathered:
        node = node_named(self.base, self.steps[index].layer.id)
        has_bias = read_bias(node, fitted.form.channels) is not None
        return Gathered(
            fitted.quadratic(self.damping, has_bias),
            None if held_out is None else held_out.quadratic(0.0, centred=False),
        )

    def _pieces(self, taps: tuple[Tap, Tap]) -> Iterator[tuple[Feeds, int]]:
        """Batches, cut so that what is tapped fits; 1 with those that are held out, else 0."""
        size = 0
        edges = (self.fit_count, self.fit_count + self.held_out_count)
        seen = 0
        for feeds in self.batches():
            if not size:
                one = sum(value.nbytes for tap in taps for value in tap.run(part(feeds, 0, 1)))
                size = int(np.clip(_ACTIVATION_BYTES // max(1, one), 1, samples_in(feeds)))
            count, at = samples_in(feeds), 0
            while at < count and seen < edges[1]:
                edge = edges[0] if seen < edges[0] else edges[1]
                until = min(at + size, count, at + edge - seen)
                yield part(feeds, at, until), int(seen >= edges[0])
                seen += until - at
                at = until


def _moment_bytes(form: Form) -> int:
    return (8 if form.columns <= 2048 else 4) * form.groups * form.columns**2
