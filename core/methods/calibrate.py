"""Ranges of activations from calibration samples, streamed: no activation is kept.

One pass runs the float network with the wanted tensors as extra outputs and adds each batch to
histograms of fixed size, so memory stays flat whatever the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import DataError
from core.evaluate.runner import Runner
from core.methods import METHODS
from core.methods.quantize_activations import Range
from core.values import Choice, Described, Parameter, text

HALF_BINS = 2048
"""Bins on each side of zero."""

_LEVELS = 255
_SEARCH_STEPS = 40
_SMALLEST_CLIP = 0.3
_BYTES_AT_ONCE = 256 * 2**20
"""Extra outputs of one batch: more tensors than that are measured in another pass."""
_VALUES_PER_BATCH = 1 << 18
"""Values of a tensor that go into the histogram per batch; extremes come from all of them."""

Feeds = Mapping[str, np.ndarray]


class Histogram:
    """Counts over [-reach, reach], which doubles when a value lies outside; zeros are counted apart.

    Zeros are exact in every grid that we choose, so they must not count as rounding errors.
    """

    def __init__(self) -> None:
        self.reach = 0.0
        self.counts = np.zeros(2 * HALF_BINS, dtype=np.float64)
        self.zeros = 0.0
        self.low = np.inf
        self.high = -np.inf

    def add(self, values: np.ndarray) -> None:
        """Add float values of any shape; NaN and infinities are left out."""
        flat = values.reshape(-1)
        low, high = float(flat.min(initial=np.inf)), float(flat.max(initial=-np.inf))
        if not (np.isfinite(low) and np.isfinite(high)):
            flat = flat[np.isfinite(flat)]
            if not flat.size:
                return
            low, high = float(flat.min()), float(flat.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._grow(max(abs(low), abs(high)))
        stride = max(1, flat.size // _VALUES_PER_BATCH)
        # an odd stride does not fall in step with image rows or channels
        part = flat[:: stride | 1] if stride > 1 else flat
        nonzero = part[part != 0]
        self.zeros += part.size - nonzero.size
        if nonzero.size:
            self.counts += np.histogram(nonzero, bins=2 * HALF_BINS, range=(-self.reach, self.reach))[0]

    def centres(self) -> np.ndarray:
        width = self.reach / HALF_BINS
        return (np.arange(2 * HALF_BINS) - HALF_BINS + 0.5) * width

    def _grow(self, largest: float) -> None:
        if largest == 0.0 and self.reach == 0.0:
            return
        if self.reach == 0.0:
            self.reach = largest
        while self.reach < largest:
            pairs = self.counts.reshape(HALF_BINS, 2).sum(axis=1)
            self.counts[:] = 0
            self.counts[HALF_BINS // 2 : HALF_BINS // 2 + HALF_BINS] = pairs
            self.reach *= 2


def min_max(histogram: Histogram, percentile: float = 100.0) -> Range:
    """From the smallest to the largest value seen."""
    return Range(min(0.0, histogram.low), max(0.0, histogram.high))


def percentile_range(histogram: Histogram, percentile: float = 99.99) -> Range:
    """Leave (100 - percentile) % of all values outside on each side."""
    total = histogram.counts.sum() + histogram.zeros
    tail = total * (100.0 - percentile) / 100.0
    edges = np.linspace(-histogram.reach, histogram.reach, 2 * HALF_BINS + 1)
    above = np.cumsum(histogram.counts[::-1])[::-1]
    below = np.cumsum(histogram.counts)
    high = float(edges[np.flatnonzero(above > tail)[-1] + 1]) if (above > tail).any() else 0.0
    low = float(edges[np.flatnonzero(below > tail)[0]]) if (below > tail).any() else 0.0
    return Range(max(min(low, 0.0), min(0.0, histogram.low)), min(max(high, 0.0), max(0.0, histogram.high)))


def least_error(histogram: Histogram, percentile: float = 100.0) -> Range:
    """The range of least expected squared error at 8 bits: clipping outside, rounding (s²/12) inside."""
    best = min_max(histogram)
    centres = histogram.centres()
    shares = [float(share) for share in np.linspace(1.0, _SMALLEST_CLIP, _SEARCH_STEPS)]
    candidates = [Range(best.low, best.high * share) for share in shares]
    best = min(candidates, key=lambda item: _expected_error(histogram.counts, centres, item))
    candidates = [Range(best.low * share, best.high) for share in shares]
    return min(candidates, key=lambda item: _expected_error(histogram.counts, centres, item))


def _expected_error(counts: np.ndarray, centres: np.ndarray, candidate: Range) -> float:
    outside = np.maximum(centres - candidate.high, 0.0) + np.maximum(candidate.low - centres, 0.0)
    step = (candidate.high - candidate.low) / _LEVELS
    inside = counts[outside == 0.0].sum()
    return float((counts * outside**2).sum() + inside * step**2 / 12.0)


RANGES: dict[str, Callable[[Histogram, float], Range]] = {
    "min-max": min_max,
    "percentile": percentile_range,
    "error": least_error,
}


def calibrate(
    model: ir.Model,
    names: Sequence[str],
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    method: str = "error",
    percentile: float = 99.99,
    batch_count: int = 0,
) -> dict[str, Range]:
    """Measure the range of each named value of the main graph.

    `model` is not changed. `batches()` starts the calibration samples anew: it is called once, or more
    often if the tensors of one batch do not fit into 256 MiB together. Raises DataError without a
    sample, or for a tensor that holds no finite number; Cancelled at any batch boundary.
    """
    if not names:
        return {}
    histograms = {name: Histogram() for name in names}
    inputs = {value.name for value in model.graph.inputs}
    inner = [name for name in names if name not in inputs]
    for index, group in enumerate(_groups(model, inner, batches) or [[]]):
        runner = Runner(_with_outputs(model, group))
        for seen, feeds in enumerate(batches()):
            context.report(text("Calibrating on the samples"), seen, batch_count)
            answers = runner.run(feeds)[-len(group) :] if group else []
            for name, values in zip(group, answers, strict=True):
                histograms[name].add(values)
            if index == 0:
                for name in histograms.keys() & inputs:
                    histograms[name].add(np.asarray(feeds[name], dtype=np.float32))
    for name, histogram in histograms.items():
        if not np.isfinite(histogram.low):
            raise DataError(
                text("The ranges of the activations could not be measured."),
                text("The tensor '{name}' held no finite number on the calibration samples.", name=name),
                text("Check the preprocessing and the weights, or keep the activations in float."),
            )
    return {name: RANGES[method](histogram, percentile) for name, histogram in histograms.items()}


def _groups(model: ir.Model, names: Sequence[str], batches: Callable[[], Iterable[Feeds]]) -> list[list[str]]:
    """Split the names so that one batch's tensors of a group fit into memory."""
    if not names:
        return []
    first = next(iter(batches()), None)
    if first is None:
        raise DataError(
            text("There are no calibration samples."),
            text("8-bit activations need samples to measure their ranges."),
            text("Add data, or set the activations to 32 bits."),
        )
    count = max((len(array) for array in first.values() if array.ndim), default=1)
    # one sample tells the sizes; a model with a fixed batch pads it by itself
    single = {
        name: array[:1] if array.ndim and len(array) == count else array for name, array in first.items()
    }
    groups: list[list[str]] = [[]]
    used = 0
    for name, size in _sizes(model, names, single):
        if used + size * count > _BYTES_AT_ONCE and groups[-1]:
            groups.append([])
            used = 0
        groups[-1].append(name)
        used += size * count
    return groups


def _sizes(model: ir.Model, names: Sequence[str], feeds: Feeds) -> Iterator[tuple[str, int]]:
    answers = Runner(_with_outputs(model, names)).run(feeds)[-len(names) :]
    for name, values in zip(names, answers, strict=True):
        yield name, values.nbytes


def _with_outputs(model: ir.Model, names: Sequence[str]) -> ir.Model:
    """A copy whose outputs end with the named values."""
    copy = model.clone()
    by_name = {value.name: value for node in copy.graph for value in node.outputs}
    outputs = {value.name for value in copy.graph.outputs}
    for name in names:
        value = by_name[name]
        if name in outputs:
            # a graph cannot have an output twice
            twin = ir.Node("", "Identity", [value], outputs=[ir.Value(name=f"{name}_seen", type=value.type)])
            copy.graph.append(twin)
            value = twin.outputs[0]
        if value.type is None:
            value.type = ir.TensorType(ir.DataType.FLOAT)
        copy.graph.outputs.append(value)
    return copy


METHODS.add(
    Described(
        name="calibrate",
        label=text("Calibration"),
        help=text("Measures the ranges of the activations on calibration samples."),
        parameters=(
            Parameter(
                name="range",
                label=text("Range"),
                help=text("Which part of the values that were seen the numbers of few bits reach."),
                kind="choice",
                default="error",
                choices=(
                    Choice(
                        "min-max", text("All values"), text("From the smallest to the largest value seen.")
                    ),
                    Choice("percentile", text("Percentile"), text("Rare values at the ends are cut off.")),
                    Choice(
                        "error",
                        text("Least error"),
                        text("Weighs what is cut off against what rounding costs; mostly the best."),
                    ),
                ),
            ),
            Parameter(
                name="percentile",
                label=text("Percentile"),
                help=text("Share of the values kept on each side, for the range 'percentile'."),
                kind="number",
                default=99.99,
                low=90.0,
                high=100.0,
                unit="%",
            ),
            Parameter(
                name="samples",
                label=text("Samples"),
                help=text("At most so many calibration samples."),
                kind="integer",
                default=256,
                low=1,
                high=100_000,
            ),
        ),
    ),
    calibrate,
)
