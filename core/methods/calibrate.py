"""Ranges of activations from calibration samples, streamed: no activation is kept.

One pass runs the float network and adds what it tells of the wanted tensors to histograms of fixed size, so
memory stays flat whatever the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import DataError
from core.methods import METHODS
from core.methods._histogram import Histogram
from core.methods._pieces import Feeds, part, samples_in
from core.methods._probes import Probes
from core.methods._ranges import RANGES
from core.methods.quantize_activations import Range
from core.values import Choice, Described, Parameter, text

VALUES_PER_SAMPLE = 8192
"""Numbers of a tensor that go into its histogram for each sample; extremes come from all of them."""

_BYTES_AT_ONCE = 64 * 2**20
"""Values of one run: larger batches are cut, so that memory is that of few samples."""


def calibrate(
    model: ir.Model,
    names: Sequence[str],
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    method: str = "error",
    percentile: float = 99.99,
    batch_count: int = 0,
    bits: Mapping[str, int] | None = None,
) -> dict[str, Range]:
    """Measure the range of each named value of the main graph.

    `model` is not changed. `batches()` starts the calibration samples anew and is called once. `bits` of
    the integers that shall express each value; None: 8 for all. Raises DataError without a sample, or for a
    tensor that holds no finite number; Cancelled at any batch boundary.
    """
    if not names:
        return {}
    histograms = {name: Histogram() for name in names}
    inputs = {value.name for value in model.graph.inputs}
    inner = [name for name in names if name not in inputs]
    probes = Probes(model, inner, VALUES_PER_SAMPLE) if inner else None
    seen = 0
    for seen, feeds in enumerate(batches(), 1):
        context.report(text("Calibrating on the samples"), seen - 1, batch_count)
        for name in histograms.keys() & inputs:
            _add_input(histograms[name], feeds[name], samples_in(feeds))
        if probes is not None:
            for piece in _pieces(feeds, probes):
                for name, found in zip(inner, probes.run(piece), strict=True):
                    histograms[name].add(found.sample, found.low, found.high)
                context.check()
    if not seen:
        raise DataError(
            text("There are no calibration samples."),
            text("Integer activations need samples to measure their ranges."),
            text("Add data, or set the activations to 32 bits."),
        )
    for name, histogram in histograms.items():
        if not np.isfinite(histogram.low):
            raise DataError(
                text("The ranges of the activations could not be measured."),
                text("The tensor '{name}' held no finite number on the calibration samples.", name=name),
                text("Check the preprocessing and the weights, or keep the activations in float."),
            )
    widths = bits or {}
    return {
        name: RANGES[method](histogram, percentile, (1 << widths.get(name, 8)) - 1)
        for name, histogram in histograms.items()
    }


def _add_input(histogram: Histogram, values: np.ndarray, samples: int) -> None:
    flat = np.asarray(values).reshape(-1)
    stride = max(1, flat.size // (VALUES_PER_SAMPLE * samples)) | 1
    low, high = float(flat.min(initial=np.inf)), float(flat.max(initial=-np.inf))
    histogram.add(flat[::stride], low, high)


def _pieces(feeds: Feeds, probes: Probes) -> Iterator[Feeds]:
    """The batch, cut so that the probed values fit; the very first piece is one sample, which tells."""
    count, at = samples_in(feeds), 0
    while at < count:
        size = probes.unit
        if probes.sample_bytes:
            size = max(size, _BYTES_AT_ONCE // probes.sample_bytes)
        yield part(feeds, at, min(at + size, count))
        at += size


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
                    Choice(
                        "entropy",
                        text("Entropy"),
                        text("Once rounded, the values are spread as before; TensorRT does it so."),
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
