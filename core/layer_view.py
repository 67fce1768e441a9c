"""What the inspector shows of a layer: importance as a picture, weights as a histogram, before and after.

The heatmap, the channels, their ends, the range and the cut are always exact. Of large weights the histogram
takes evenly spaced channels from `HISTOGRAM_SIZE` on, what follows from the plan those that `planned_view`
takes, and the channels' quantiles evenly spaced weights; counts are then scaled to the whole, and a note
says so.
`bench/inspector.py` has the times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np
import onnx_ir as ir

from core import blocks
from core.channel_ranges import channel_ranges, limited
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.importance import SCORES
from core.importance.score import Score, ScoredLayer
from core.methods import setting
from core.planned_view import BINS, HEATMAP_SIDE, Cells, histogram, planned
from core.scoring import Scoring, score_named
from core.values import Array, Layer, LayerView, Plan, Text, text

CHANNELS = 4096
HISTOGRAM_SIZE = 1 << 21


@dataclass(frozen=True)
class Look:
    """What there is to see of a layer whatever the plan: it stays while sliders are dragged."""

    layer: Layer
    node: ir.Node
    weights: list[np.ndarray]
    rows: int
    """Of the layer's matrix."""
    cells: Cells
    limit: float
    """The histogram spans ± this."""
    view: LayerView
    """Without what a plan would add."""


def layer_view(
    opened: OpenedModel,
    layer_id: str,
    plan: Plan,
    score: str,
    scoring: Scoring | None = None,
    position: int | None = None,
) -> LayerView:
    """Return what there is to see of a layer under a plan: `look`, then `under_plan`."""
    scoring = scoring or Scoring(opened)
    return under_plan(opened, look(opened, layer_id, score, scoring, position, seed_of(plan)), plan, scoring)


def seed_of(plan: Plan) -> int:
    """What decides the scores that are drawn at random."""
    return int(setting(plan, "prune_weights", "seed"))


def look(
    opened: OpenedModel,
    layer_id: str,
    score: str,
    scoring: Scoring,
    position: int | None = None,
    seed: int = 0,
) -> Look:
    """Return what there is to see of a layer by itself.

    The heatmap holds sums over kernel positions, or one `position` of the kernel in the order of storage (the
    sum again where the kernel has no such position), averaged over blocks of channels where there are more
    than 512; `rows_sorted` gives each of its rows the rank by importance, 0 for the most important.
    Recurrent layers show input and recurrent weights side by side. Nothing is measured here: where
    `scoring` does not know yet what the score needs, the magnitude stands in and `unmeasured` says so.
    Raises PlanError for an unknown layer or score.
    """
    scorer = score_named(score)
    scored = scoring.scored(layer_id, score, seed)
    layer, matrix = scored.layer, scored.matrix
    notes: list[Text] = []
    unmeasured = bool(scoring.to_measure([layer_id], score))
    reason = scoring.why_not(score) or scorer.why_not(scored)
    if unmeasured:
        scorer = SCORES.get("magnitude")
        notes.append(
            text("The score is not measured on your samples yet; until then the magnitude is shown.")
        )
    elif reason is not None:
        scorer = SCORES.get("magnitude")
        notes += [reason, text("The magnitude is shown instead.")]
    channels = scorer.channels(scored)
    notes += [channels.note] if channels.note else []

    kernel = kernel_shape(layer, matrix.shape[1])
    position = position if position is not None and 0 <= position < math.prod(kernel) else None
    cells = cells_of(matrix.shape, math.prod(kernel), position)
    heatmap = heat(scorer, scored, channels.values, cells)
    ranking = np.argsort(-blocks.means(channels.values, cells.row_edges), kind="stable")
    ranks = np.empty(len(ranking), dtype=np.int32)
    ranks[ranking] = np.arange(len(ranking), dtype=np.int32)
    minimum, maximum, std = _spread(matrix)
    limit = max(abs(minimum), abs(maximum)) or 1.0
    view = LayerView(
        layer_id=layer_id,
        score=score,
        heatmap=Array.of(heatmap),
        kernel=kernel,
        position=position,
        rows_sorted=Array.of(ranks),
        per_channel=Array.of(blocks.means(channels.values, blocks.edges(len(channels.values), CHANNELS))),
        histogram=Array.of(_sampled_histogram(matrix, limit)),
        bin_edges=Array.of(np.linspace(-limit, limit, BINS + 1, dtype=np.float64)),
        ranges=channel_ranges(matrix),
        minimum=minimum,
        maximum=maximum,
        std=std,
        unmeasured=unmeasured,
        notes=tuple(notes),
    )
    weights = get_weights(opened.model, layer)
    return Look(layer, scored.node, weights, len(matrix), cells, limit, view)


def under_plan(opened: OpenedModel, seen: Look, plan: Plan, scoring: Scoring) -> LayerView:
    """Return the view with what the plan makes of the layer; why a plan can't be followed is in `notes`."""
    notes = list(seen.view.notes)
    after = planned(
        opened, seen.layer, seen.node, seen.weights, plan, seen.limit, seen.cells, seen.rows, scoring, notes
    )
    if after is None:
        return msgspec.structs.replace(seen.view, notes=tuple(notes))
    ranges = seen.view.ranges
    return msgspec.structs.replace(
        seen.view,
        gone=None if after.gone is None else Array.of(after.gone),
        histogram_after=Array.of(after.histogram),
        ranges=ranges if ranges is None or after.limits is None else limited(ranges, after.limits),
        grid=None if after.grid is None else Array.of(after.grid),
        grids=after.grids,
        cut=after.cut,
        sqnr_db=after.sqnr_db,
        notes=tuple(notes),
    )


def kernel_shape(layer: Layer, columns: int) -> tuple[int, ...]:
    """The kernel of a layer whose matrix has so many columns; () where each input has one weight.

    A depthwise convolution has one input a row: its columns are the positions of the kernel.
    """
    kernel = layer.shape[2:] if layer.op in ("Conv", "ConvTranspose") else ()
    size = math.prod(kernel)
    return kernel if 1 < size < columns and columns % size == 0 else ()


def cells_of(shape: tuple[int, ...], kernel: int, position: int | None) -> Cells:
    """How a matrix (rows, inputs · kernel) is cut into at most 512 × 512 cells."""
    rows, columns = shape
    return Cells(
        blocks.edges(rows, HEATMAP_SIDE), blocks.edges(columns // kernel, HEATMAP_SIDE), kernel, position
    )


def heat(scorer: Score, scored: ScoredLayer, channels: np.ndarray, cells: Cells) -> np.ndarray:
    """Return importance reduced to at most 512 × 512, float32: sums or one position, averaged over blocks."""
    matrix, kernel = scored.matrix, cells.kernel
    rows, columns = matrix.shape
    row_edges, in_edges = cells.row_edges, cells.in_edges
    shown = slice(None) if cells.position is None else slice(cells.position, None, kernel)
    column_edges = in_edges * kernel if cells.position is None else in_edges
    sums = np.empty((len(row_edges), len(in_edges)), dtype=np.float32)
    if matrix.flags.c_contiguous or not matrix.T.flags.c_contiguous:
        for i, (start, end) in enumerate(blocks.spans(row_edges, rows)):
            block = scorer.weights(scored, (slice(start, end), slice(None)), channels[start:end])
            sums[i] = np.add.reduceat(block.sum(axis=0)[shown], column_edges)
    else:  # stored with the inputs first: going down the columns reads memory in its order
        for j, (start, end) in enumerate(blocks.spans(in_edges * kernel, columns)):
            block = scorer.weights(scored, (slice(None), slice(start, end)), channels)
            sums[:, j] = np.add.reduceat(block[:, shown].sum(axis=1), row_edges)
    heights = blocks.sizes(row_edges, rows)
    widths = blocks.sizes(in_edges, columns // kernel)
    return (sums / (heights[:, None] * widths)).astype(np.float32)


def _sampled_histogram(matrix: np.ndarray, limit: float) -> np.ndarray:
    step = -(-matrix.size // HISTOGRAM_SIZE)
    if step <= 1:
        return histogram(matrix, limit)
    part = matrix[::step] if matrix.flags.c_contiguous else matrix[:, ::step]
    return np.rint(histogram(part, limit) * (matrix.size / part.size)).astype(np.int64)


def _spread(matrix: np.ndarray) -> tuple[float, float, float]:
    """Minimum, maximum and standard deviation of the finite weights."""
    flat = matrix.T.reshape(-1) if matrix.T.flags.c_contiguous else matrix.reshape(-1)
    if not flat.size:
        return 0.0, 0.0, 0.0
    low, high = float(flat.min()), float(flat.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        flat = flat[np.isfinite(flat)]
        return _spread(flat.reshape(1, -1))
    mean = float(flat.mean(dtype=np.float32))
    # about three times as fast as np.std on large weights, and exact enough for a figure on a screen
    square = float(np.vdot(flat, flat)) / flat.size
    return low, high, math.sqrt(max(0.0, square - mean * mean))
