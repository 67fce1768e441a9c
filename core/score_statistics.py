"""What the scores that look at samples need of each layer, streamed over calibration samples.

Inputs, curvature and activity come from networks cut behind the layers in question; gradients from one
backward pass for all layers. Memory is that of the sums and of a few samples' activations.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch
from core.evaluate.give_back import give_back
from core.evaluate.runner import weight_bytes
from core.gradients.gradients import loss_gradients
from core.gradients.saliency import by_layer
from core.gradients.streamed import squared_gradients
from core.graph.opened import OpenedModel
from core.graph.weights import find_node, whole_matrix
from core.importance.score import Statistics
from core.methods._activity import Activation, activation_behind
from core.methods._bias import read_bias
from core.methods._few_rows import FewRows
from core.methods._layer_moments import part, samples_in
from core.methods._matrices import Form
from core.methods._met import columns_met, entry_counts, looked_up, values_to_see
from core.methods._other_forms import correctable_form
from core.methods._recurrent import weight_of
from core.methods._taps import Tap, node_named
from core.methods.calibrate import Feeds
from core.values import Layer, Text, text

MEASURING = text("Measuring importance on samples")
DAMPING = 0.01
POSITIONS = 50
_MOMENT_BYTES = 512 << 20
"""Second moments held at once; more layers take another pass over the samples."""
_ACTIVATION_BYTES = 128 << 20
"""Of the values looked at in one piece of a batch."""
_GRADIENT_BATCH = 8
_ABREAST = 2
"""Samples side by side of a network that is not large, each with sums of its own."""
STREAMED_BYTES = 48 << 20
"""Weights of a network whose gradients are not held all at once. Smaller ones take longer that way."""
LARGE_BYTES = 256 << 20
"""Weights of a network that is spared a second set of sums, and those of layers that nobody asked for."""

Batches = Callable[[], Iterable[Batch]]


def input_statistics(
    opened: OpenedModel,
    layers: Sequence[Layer],
    batches: Batches,
    samples: int,
    curvature: bool,
    context: Context,
) -> dict[str, Statistics]:
    """The power of the layers' inputs, and with `curvature` their second moments' diagonals, by layer id.

    What a table of entries meets are ones where an entry is looked up. Layers that are no matrix product get
    the reason instead. Raises what reading samples raises, Cancelled.
    """
    found: dict[str, Statistics] = {}
    forms: dict[str, Form] = {}
    tables: list[str] = []
    for layer in layers:
        form = _form(opened, layer)
        if isinstance(form, Form):
            forms[layer.id] = form
        elif form is None:
            tables.append(layer.id)
        else:
            found[layer.id] = Statistics(why_not=form)
    if tables:
        found |= _looked_up(opened, tables, batches, Steps(context, 0, samples))
    groups = list(_groups(forms, curvature))
    for place, group in enumerate(groups):
        steps = Steps(context, place * samples, len(groups) * samples)
        found |= _measured(opened, {name: forms[name] for name in group}, batches, curvature, steps)
    return found


def activity_statistics(
    opened: OpenedModel, layers: Sequence[Layer], batches: Batches, samples: int, context: Context
) -> dict[str, Statistics]:
    """The share of each channel's values that are not zero behind the layer's activation, by layer id."""
    model = opened.clone()
    found: dict[str, Statistics] = {}
    behind: dict[str, Activation] = {}
    for layer in layers:
        activation = activation_behind(model, layer)
        if isinstance(activation, Activation):
            behind[layer.id] = activation
        else:
            found[layer.id] = Statistics(why_not=activation)
    if not behind:
        return found
    tap = Tap(model, [activation.value for activation in behind.values()])
    active = {name: np.zeros(activation.channels) for name, activation in behind.items()}
    seen = dict.fromkeys(behind, 0)
    samples_seen = 0
    for feeds in pieces(batches, tap, Steps(context, 0, samples)):
        samples_seen += samples_in(feeds)
        for (name, activation), values in zip(behind.items(), tap.run(feeds), strict=True):
            counts = activation.per_channel(values != 0)
            if counts is None:
                continue
            active[name] += counts.sum(axis=1)
            seen[name] += counts.shape[1]
    for name, count in seen.items():
        share = (active[name] / max(1, count)).astype(np.float32)
        fits = Statistics(active=share, samples=samples_seen)
        found[name] = fits if count else Statistics(why_not=_NO_CHANNELS)
    return found


def gradient_statistics(
    opened: OpenedModel,
    layers: Sequence[Layer],
    batches: Callable[[int], Iterable[Batch]],
    samples: int,
    context: Context,
) -> dict[str, Statistics]:
    """Taylor and Fisher scores of every layer that the answers depend on, by layer id.

    Of a large network those of `layers` alone. From `STREAMED_BYTES` on samples go one by one, so that Taylor
    scores are those of single samples and not of batches. `batches(size)` starts the samples anew. Raises
    UnsupportedModelError where an operator has no derivative, DataError without samples, Cancelled.
    """
    size = weight_bytes(opened.model)
    if size > LARGE_BYTES:
        return _one_gradient_at_a_time(opened, layers, batches, samples, context)
    if size > STREAMED_BYTES:
        return _one_gradient_at_a_time(opened, opened.info.layers, batches, samples, context, _ABREAST)
    count = -(-samples // _GRADIENT_BATCH)
    sums = loss_gradients(opened, batches(_GRADIENT_BATCH), context, batch_count=count)
    found = by_layer(opened, sums)
    result = {
        name: Statistics(taylor=one.taylor, fisher=one.fisher, samples=samples) for name, one in found.items()
    }
    for layer in opened.info.layers:
        result.setdefault(layer.id, Statistics(why_not=_NO_GRADIENT))
    return result


def _one_gradient_at_a_time(
    opened: OpenedModel,
    layers: Sequence[Layer],
    batches: Callable[[int], Iterable[Batch]],
    samples: int,
    context: Context,
    abreast: int = 1,
) -> dict[str, Statistics]:
    wanted = {name for layer in layers for name in layer.weights}
    give_back()
    squares = squared_gradients(opened.model, wanted, batches(1), context, samples, abreast=abreast)
    found = {}
    for layer in layers:
        own = [squares[name] for name in layer.weights if name in squares]
        if len(own) < max(1, len(layer.weights)):
            found[layer.id] = Statistics(why_not=_NO_GRADIENT)
            continue
        taylor = whole_matrix(layer, find_node(opened.model, layer.id), own)
        # one sample at a time both scores are the same but for the factor
        found[layer.id] = Statistics(taylor=taylor, fisher_per_taylor=0.5, samples=samples)
    give_back()
    return found


_NO_CHANNELS = text("Its channels cannot be told apart in what follows it.")
_NO_GRADIENT = text("No gradient reaches this layer: the answers do not depend on it, or not smoothly.")


_NO_PRODUCT = text(
    "It is no convolution, matrix product, recurrent layer or table in its usual form, so what its weights "
    "meet is not measured."
)
_NO_NUMBERS = text("None of the samples gives this layer numbers to work on.")


def _form(opened: OpenedModel, layer: Layer) -> Form | Text | None:
    """Its matrix form; None for a table of entries; or the reason why there is neither."""
    try:
        node = node_named(opened.model, layer.id)
    except KeyError:
        return text("It lies inside a branch or loop, whose inner values are not looked at.")
    if looked_up(node) is not None:
        return None
    return correctable_form(node) or _NO_PRODUCT


def _looked_up(
    opened: OpenedModel, names: Sequence[str], batches: Batches, steps: Steps
) -> dict[str, Statistics]:
    """Of tables: an entry's input is one where it is looked up, and no two are at once.

    So the second moments are a diagonal of how often each entry is looked up, and no other weight of a
    channel can make up for one: Optimal Brain Surgeon finds what Optimal Brain Damage finds.
    """
    model = opened.clone()
    nodes = [node_named(model, name) for name in names]
    tables = [looked_up(node) for node in nodes]
    tap = Tap(model, [_as_float(model, node.inputs[1]) for node in nodes])
    counts = [np.zeros(len(table), np.int64) for table in tables if table is not None]
    samples = 0
    for feeds in pieces(batches, tap, steps):
        samples += samples_in(feeds)
        for count, indices in zip(counts, tap.run(feeds), strict=True):
            count += entry_counts(indices, len(count))
    result = {}
    for name, table, count in zip(names, tables, counts, strict=True):
        if not count.sum():
            result[name] = Statistics(why_not=_NO_NUMBERS)
            continue
        assert table is not None
        share = (count / count.sum()).astype(np.float32)
        row = share[None]
        result[name] = Statistics(
            power=row,
            diagonal=row,
            inverse=1.0 / np.maximum(row, np.finfo(np.float32).tiny),
            energy=(share @ np.square(table, dtype=np.float32)).astype(np.float32),
            samples=samples,
        )
    return result


def _as_float(model: ir.Model, value: ir.Value | None) -> ir.Value:
    """The value as float32, whose type a file need not tell; exact for as many entries as tables have."""
    name = f"{value.name if value is not None else ''} as float"
    result = ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT))
    to = ir.AttrInt64("to", ir.DataType.FLOAT.value)
    model.graph.append(ir.Node("", "Cast", [value], [to], outputs=[result]))
    return result


def _groups(forms: dict[str, Form], curvature: bool) -> Iterator[list[str]]:
    """Layers whose moments fit into memory together."""
    group: list[str] = []
    used = 0
    for name, form in forms.items():
        size = 8 * form.groups * form.columns * (form.columns if curvature else 1)
        if group and used + size > _MOMENT_BYTES:
            yield group
            group, used = [], 0
        group.append(name)
        used += size
    if group:
        yield group


@dataclass
class _Powers:
    """Sums of squares alone, for scores that need no more."""

    total: np.ndarray
    count: int = 0

    def add(self, rows: np.ndarray) -> None:
        fine = rows[np.isfinite(rows).all(axis=(1, 2))]
        self.total += np.square(fine, dtype=np.float64).sum(axis=0)
        self.count += len(fine)


def _measured(
    opened: OpenedModel, forms: dict[str, Form], batches: Batches, curvature: bool, steps: Steps
) -> dict[str, Statistics]:
    model = opened.clone()
    nodes = [node_named(model, name) for name in forms]
    wanted = [values_to_see(form, node) for form, node in zip(forms.values(), nodes, strict=True)]
    tap = Tap(model, [value for values in wanted for value in values])
    sums: list[FewRows | _Powers] = [
        FewRows(form) if curvature else _Powers(np.zeros((form.groups, form.columns)))
        for form in forms.values()
    ]
    # of its own, so that a layer's figures are the same whichever layers are measured beside it
    drawn = [np.random.default_rng(zlib.crc32(name.encode())) for name in forms]
    samples = 0
    for feeds in pieces(batches, tap, steps):
        samples += samples_in(feeds)
        found = iter(tap.run(feeds))
        for index, form in enumerate(forms.values()):
            values = [next(found) for _ in wanted[index]]
            sums[index].add(columns_met(form, nodes[index], values, POSITIONS, drawn[index]))
    result = {}
    for (name, form), gathered in zip(forms.items(), sums, strict=True):
        steps.context.check()
        if not gathered.count:
            result[name] = Statistics(why_not=_NO_NUMBERS)
        elif isinstance(gathered, FewRows):
            result[name] = replace(_curvature(opened, name, form, gathered), samples=samples)
        else:
            power = _by_row_group(form, gathered.total / gathered.count)
            result[name] = Statistics(power=power, samples=samples)
    return result


def _curvature(opened: OpenedModel, name: str, form: Form, gathered: FewRows) -> Statistics:
    node = node_named(opened.model, name)
    centred = read_bias(node, form.channels) is not None
    found = gathered.curvature(weight_of(form, node), DAMPING, centred)
    return Statistics(
        power=_by_row_group(form, found.power),
        diagonal=_by_row_group(form, found.diagonal),
        inverse=_by_row_group(form, found.inverse),
        energy=found.energy.astype(np.float32),
    )


def _by_row_group(form: Form, values: np.ndarray) -> np.ndarray:
    """(groups, columns) as the scores read them: blocks of columns of the same rows lie side by side."""
    return np.ascontiguousarray(values.reshape(1, -1) if form.blocks else values, dtype=np.float32)


@dataclass(frozen=True)
class Steps:
    """Where a pass over the samples stands among all passes."""

    context: Context
    before: int
    total: int
    stage: Text = MEASURING

    def report(self, done: int) -> None:
        self.context.report(self.stage, self.before + done, self.total)


def pieces(batches: Batches, tap: Tap, steps: Steps) -> Iterator[Feeds]:
    """Samples in pieces whose looked-at values fit."""
    size = done = 0
    for batch in batches():
        feeds, count = batch.feeds, samples_in(batch.feeds)
        steps.report(done)
        if not size:
            one = sum(value.nbytes for value in tap.run(part(feeds, 0, 1)))
            size = int(np.clip(_ACTIVATION_BYTES // max(1, one), 1, count))
        for start in range(0, count, size):
            steps.report(done + start)
            yield part(feeds, start, min(start + size, count))
        done += count
