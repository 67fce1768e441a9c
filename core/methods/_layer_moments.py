"""The moments of the layers of a run, layer by layer: each sample goes once through either network.

The original's outputs are gathered for a few layers ahead; the compressed network moves on with the layers,
so that each sees what all before it became. Memory is that of few samples' activations and one layer's sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.stacked import axis_of, like
from core.evaluate.runner import Runner
from core.graph.roles import GATES
from core.methods._bias import read_bias
from core.methods._matrices import Form, outputs_at, patches, places
from core.methods._other_forms import correctable_form
from core.methods._pieces import Feeds, part, samples_in
from core.methods._recurrent import (
    RecurrentForm,
    by_sample,
    gate_bias,
    joint_inputs,
    joint_weight,
    states_before,
    values_read,
    weight_of,
)
from core.methods._shelf import Shelf
from core.methods._stream import Stream
from core.methods._taps import Tap, joined, node_named
from core.methods.hessian import HeldOut, Moments, Quadratic
from core.methods.resolve import Step

PASS_MACS = 1.2e12
"""Multiply-accumulates for both networks together: of large ones fewer samples are looked at."""
FEWEST = 32
"""Samples that are looked at in any case."""
AHEAD_BYTES = 96 << 20
"""Of the original's outputs of one piece of the samples: so many layers are gathered at once."""
_PIECE_BYTES = 24 << 20
"""Of one value of a piece of the samples."""
_HELD_OUT_POSITIONS = 10
"""Of each held-out sample's feature map: enough to choose by."""


@dataclass(frozen=True)
class Gathered:
    """What one layer's correction starts from."""

    fitted: Quadratic
    held_out: HeldOut | None
    """Of other samples; None where the network itself is the judge."""


@dataclass(frozen=True)
class _Join:
    """The Add behind a layer, by name, and which of its inputs is not the layer's."""

    add: str
    other: int


@dataclass
class LayerMoments:
    """`of(index)` measures when it is asked, with the network as it is then; indices may only rise."""

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
    first: int = 0
    """No layer before this one will be asked for."""
    original: ir.Model | None = None
    """Whose outputs are aimed at, a network of the same nodes; None: `base`."""

    def __post_init__(self) -> None:
        self._forms = [self._form(step) for step in self.steps]
        self._joins = [self._join(step) if self.targets else None for step in self.steps]
        self._next = self.first
        self._targets = Shelf()
        self._known_to = self.first
        self._pieces: list[bool] = []
        """Of each piece of the samples whether it is held out."""
        self._streams: tuple[Stream, Stream] | None = None
        self._bytes: dict[int, int] = {}

    def form(self, index: int) -> Form | None:
        """None for a layer that cannot be corrected: it shares its weights, or is no matrix product."""
        return self._forms[index]

    def of(self, index: int, network: Callable[[int], ir.Model]) -> Gathered | None:
        """The moments of layer `index`.

        `network(n)`: with the first n layers compressed and all layers' activations as they will be; a
        private copy whose inner values have the same names whatever n.
        """
        # whoever takes up an interrupted run goes the same way again, so that it ends in the same file
        while self._next < index:
            self._move(self._next, network, None)
        return self._move(index, network, self._empty(index))

    def _form(self, step: Step) -> Form | None:
        if step.layer.group is not None:
            return None
        try:
            return correctable_form(node_named(self.base, step.layer.id), step.layout(step.layer.shape).block)
        except KeyError:
            return None  # inside a branch or loop

    def _join(self, step: Step) -> _Join | None:
        try:
            node = node_named(self.base, step.layer.id)
            found = joined(node) if node.op_type not in GATES else None
        except KeyError:
            return None
        if found is None:
            return None
        add, other = found
        return _Join(add.name or "", next(i for i, value in enumerate(add.inputs) if value is other))

    # ------------------------------------------------------------ the compressed network

    def _move(
        self, index: int, network: Callable[[int], ir.Model], sums: tuple[Moments, HeldOut | None] | None
    ) -> Gathered | None:
        self._next = index + 1
        form = self._forms[index]
        if form is None:
            return None
        self._look_ahead(index)
        model = network(index)
        node = node_named(model, self.steps[index].layer.id)
        wanted = [node.inputs[0]]
        join = self._joins[index]
        if join is not None:
            wanted.append(node_named(model, join.add).inputs[join.other])
        twin = node_named(self.base, self.steps[index].layer.id)
        matrices, bias = form.matrices(weight_of(form, twin)), _constant_part(form, twin)
        for piece, found in self._both()[1].run(model, node, wanted):  # type: ignore[arg-type]
            self.context.check()
            if sums is None:
                continue
            at = self._targets.get((piece, index, "at"))
            target = self._targets.get((piece, index, "target"))
            shape = tuple(int(size) for size in self._targets.get((piece, index, "shape")))
            if isinstance(form, RecurrentForm):
                # were the states the compressed network's, what is put right at one step would be put right
                # again at the next
                states = self._targets.get((piece, index, "states"))
                columns = joint_inputs(by_sample(found[0])[at], states)
            else:
                columns = patches(form, found[0], shape[2:], at)
            aim = target
            if join is not None and found[1].shape == shape:
                # what the sum after the layer lacks, whoever is to blame
                aim = self._targets.get((piece, index, "sum")) - outputs_at(form, found[1], at)
            missed = aim - _products(form, columns, matrices)
            if bias is not None:
                missed -= bias
            if self._pieces[piece]:
                assert sums[1] is not None
                sums[1].add(columns, missed)
            else:
                sums[0].add(columns, missed, target)
        if sums is None or not sums[0].count or (sums[1] is not None and not sums[1].count):
            return None
        has_bias = read_bias(twin, form.channels) is not None
        return Gathered(sums[0].quadratic(self.damping, has_bias), sums[1])

    def _empty(self, index: int) -> tuple[Moments, HeldOut | None] | None:
        form = self._forms[index]
        if form is None:
            return None
        return Moments(form), HeldOut(form) if self.held_out_count else None

    # ------------------------------------------------------------ the original

    def _look_ahead(self, index: int) -> None:
        """Have the original's outputs of this layer, and of those that follow as far as memory allows."""
        if index < self._known_to:
            return
        stream = self._both()[0]
        self._targets.close()
        layers: list[int] = []
        used = 0
        until = index
        while until < len(self.steps):
            size = self._bytes.get(until, 0)
            if layers and used + size > AHEAD_BYTES:
                break
            if self._forms[until] is not None:
                layers.append(until)
                used += size
            until += 1
        self._known_to = until
        model = (self.base if self.original is None else self.original).clone()
        wanted: list[ir.Value] = []
        reads: dict[int, list[ir.Value]] = {}
        for each in layers:
            node = node_named(model, self.steps[each].layer.id)
            recurrent = isinstance(self._forms[each], RecurrentForm)
            reads[each] = values_read(node) if recurrent else [node.outputs[0]]
            wanted += reads[each]
            join = self._joins[each]
            if join is not None:
                wanted.append(node_named(model, join.add).outputs[0])
        last = node_named(model, self.steps[layers[-1]].layer.id)
        for piece, values in stream.run(model, last, wanted):
            self.context.check()
            found = iter(values)
            for each in layers:
                own = [next(found) for _ in reads[each]]
                total = next(found) if self._joins[each] is not None else None
                form = self._forms[each]
                if isinstance(form, RecurrentForm):
                    self._sample_gates(piece, each, form, own)
                else:
                    self._sample(piece, each, own[0], total)

    def _sample_gates(self, piece: int, index: int, form: RecurrentForm, values: list[np.ndarray]) -> None:
        """What the gates of the original add up, and the states that they see."""
        node = node_named(self.base if self.original is None else self.original, self.steps[index].layer.id)
        states = states_before(form, node, values)
        columns = joint_inputs(by_sample(values[0]), states.reshape(-1, form.groups, form.hidden))
        sums = _products(form, columns, form.matrices(joint_weight(node))) + gate_bias(form, node)
        self._sample(piece, index, sums.reshape(*states.shape[:2], form.channels), None)
        at = self._targets.get((piece, index, "at"))
        self._targets.put((piece, index, "states"), states.reshape(-1, *states.shape[2:])[at])

    def _sample(self, piece: int, index: int, output: np.ndarray, total: np.ndarray | None) -> None:
        form = self._forms[index]
        assert form is not None
        count = min(self.positions, _HELD_OUT_POSITIONS) if self._pieces[piece] else self.positions
        at = places(form, output.shape, count, np.random.default_rng([index, piece]))
        self._targets.put((piece, index, "at"), at)
        self._targets.put((piece, index, "shape"), np.asarray(output.shape))
        self._targets.put((piece, index, "target"), outputs_at(form, output, at))
        if total is not None:
            fits = total.shape == output.shape
            self._targets.put((piece, index, "sum"), outputs_at(form, total if fits else output, at))

    # ------------------------------------------------------------ the samples

    def _both(self) -> tuple[Stream, Stream]:
        """The original's and the compressed network's streams, at the samples."""
        if self._streams is None:
            inputs = Shelf()
            names = [value.name or "" for value in self.base.graph.inputs if value.const_value is None]
            for number, (feeds, held_out) in enumerate(self._cut_samples()):
                self._pieces.append(held_out)
                for name in names:
                    inputs.put((number, name), np.asarray(feeds[name]))
            count = len(self._pieces)
            self._streams = Stream(inputs, names, count), Stream(inputs, names, count)
        return self._streams

    def _cut_samples(self) -> Iterator[tuple[Feeds, bool]]:
        """The samples in pieces, first those fitted to; of large networks fewer of either."""
        share = 1.0
        if self.macs:
            total = self.fit_count + self.held_out_count
            share = min(1.0, max(FEWEST / max(1, total), PASS_MACS / (2.0 * self.macs * total)))
        fit = max(1, round(self.fit_count * share))
        edges = (fit, fit + (max(1, round(self.held_out_count * share)) if self.held_out_count else 0))
        size, fixed, seen = 0, 0, 0
        for feeds in self.batches():
            count, at = samples_in(feeds), 0
            if not size:
                fixed = Runner(self.base).batch_size(0)
                size = fixed or self._piece_size(part(feeds, 0, 1), count)
            while at < count and seen < edges[1]:
                edge = edges[0] if seen < edges[0] else edges[1]
                until = min(at + size, count, at + edge - seen)
                piece = part(feeds, at, until)
                yield (_padded(piece, until - at, fixed) if fixed else piece), seen >= edges[0]
                seen += until - at
                at = until

    def _piece_size(self, one: Feeds, most: int) -> int:
        """Samples in a piece; on the way learns how large each layer's outputs are."""
        model = self.base.clone()
        layers = [index for index, form in enumerate(self._forms) if form is not None]
        nodes = [node_named(model, self.steps[index].layer.id) for index in layers]
        joins = [1 if self._joins[index] is None else 2 for index in layers]
        # a recurrent layer's outputs may be asked for by nobody, and have no name before
        reads = [
            values_read(node)[:2] if node.op_type in GATES else [node.inputs[0], node.outputs[0]]
            for node in nodes
        ]
        values = Tap(model, [value for pair in reads for value in pair]).run(one)  # type: ignore[misc]
        largest = 1
        sizes = []
        for index, given, made in zip(layers, values[::2], values[1::2], strict=True):
            form, size = self._forms[index], made.nbytes
            if isinstance(form, RecurrentForm):
                # the gates' sums of every direction, and what they are sums of
                size = size // form.hidden * max(form.rows, form.columns)
            largest = max(largest, given.nbytes, size)
            sizes.append(size)
        size = int(np.clip(_PIECE_BYTES // largest, 1, most))
        for index, bytes_out, times in zip(layers, sizes, joins, strict=True):
            self._bytes[index] = bytes_out * times * size
        return size


def _constant_part(form: Form, node: ir.Node) -> np.ndarray | None:
    """What the layer's outputs hold beside the product; the bias behind a MatMul is no part of them."""
    if isinstance(form, RecurrentForm):
        return gate_bias(form, node)
    return None if node.op_type == "MatMul" else read_bias(node, form.channels)


def _products(form: Form, columns: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """What the layer makes of these columns, without bias: (n, channels) float32."""
    if form.groups == 1:
        return np.asarray(columns[:, 0] @ matrices[0].T)
    each = np.matmul(columns.transpose(1, 0, 2), matrices.swapaxes(1, 2))
    if form.blocks:
        return np.asarray(each.sum(axis=0))
    return each.transpose(1, 0, 2).reshape(len(columns), -1)


def _padded(feeds: Feeds, count: int, size: int) -> Feeds:
    """A whole batch of a network that takes no smaller one: the last sample again and again."""
    if count == size:
        return feeds
    made = {}
    for name, array in feeds.items():
        axis = axis_of(feeds, name)
        if axis is not None and array.shape[axis] == count:
            last = np.take(array, [-1], axis)
            array = np.concatenate([array, np.repeat(last, size - count, axis)], axis)
        made[name] = array
    return like(feeds, made)
