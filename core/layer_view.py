"""What the inspector shows of a layer: importance as a picture, weights as a histogram, before and after.

A weight of 4096 × 4096 takes about 35 ms, 65 to 80 ms with a plan (two quiet cores). The heatmap, the
channels, the range and the cut are always exact. The histogram takes every weight up to `HISTOGRAM_SIZE`
and evenly spaced channels above it, the one after the plan up to `PLANNED_SIZE`; their counts are then
scaled to the whole, and a note says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights, out_axis
from core.importance import SCORES
from core.importance.score import Score, ScoredLayer
from core.methods import setting
from core.methods.masks import Masks
from core.methods.planned import planned_weight
from core.methods.resolve import Step, resolve
from core.pruning import zeros_at_once
from core.scoring import Scoring, score_named
from core.values import Array, Layer, LayerView, Plan, Text, text

HEATMAP_SIDE = 512
CHANNELS = 4096
BINS = 129
"""Odd, so that zero has a bin of its own in the middle."""
HISTOGRAM_SIZE = 1 << 21
PLANNED_SIZE = 1 << 18
MOST_DB = 150.0


def layer_view(
    opened: OpenedModel, layer_id: str, plan: Plan, score: str, scoring: Scoring | None = None
) -> LayerView:
    """Return what there is to see of a layer under a plan.

    The heatmap holds sums over kernel positions, averaged over blocks of channels where there are more
    than 512; `rows_sorted` gives each of its rows the rank by importance, 0 for the most important.
    Recurrent layers show input and recurrent weights side by side. Nothing is measured here: where
    `scoring` does not know yet what the score needs, the magnitude stands in and `unmeasured` says so.
    Raises PlanError for an unknown layer or score; a plan that can't be followed is said in `notes`.
    """
    scoring = scoring or Scoring(opened)
    scorer = score_named(score)
    scored = scoring.scored(layer_id, score, int(setting(plan, "prune_weights", "seed")))
    layer, node, matrix = scored.layer, scored.node, scored.matrix
    weights = get_weights(opened.model, layer)
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

    heatmap, row_edges = heat(scorer, scored, channels.values, max(1, layer.in_channels))
    ranking = np.argsort(-_block_means(channels.values, row_edges), kind="stable")
    ranks = np.empty(len(ranking), dtype=np.int32)
    ranks[ranking] = np.arange(len(ranking), dtype=np.int32)

    minimum, maximum, std = _spread(matrix)
    limit = max(abs(minimum), abs(maximum)) or 1.0
    edges = np.linspace(-limit, limit, BINS + 1, dtype=np.float64)
    after = _after(opened, layer, node, weights, plan, limit, scoring, notes)
    return LayerView(
        layer_id=layer_id,
        score=score,
        heatmap=Array.of(heatmap),
        rows_sorted=Array.of(ranks),
        per_channel=Array.of(_block_means(channels.values, _edges(len(channels.values), CHANNELS))),
        histogram=Array.of(_sampled_histogram(matrix, limit)),
        histogram_after=None if after is None else Array.of(after.histogram),
        bin_edges=Array.of(edges),
        cut=None if after is None else after.cut,
        minimum=minimum,
        maximum=maximum,
        std=std,
        sqnr_db=None if after is None else after.sqnr_db,
        unmeasured=unmeasured,
        notes=tuple(notes),
    )


def heat(
    scorer: Score, scored: ScoredLayer, channels: np.ndarray, inputs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return importance reduced to at most 512 × 512, float32, and the first channel of each row."""
    matrix = scored.matrix
    rows, columns = matrix.shape
    kernel = columns // inputs if columns % inputs == 0 else 1
    row_edges, in_edges = _edges(rows, HEATMAP_SIDE), _edges(columns // kernel, HEATMAP_SIDE)
    column_edges = in_edges * kernel
    sums = np.empty((len(row_edges), len(in_edges)), dtype=np.float32)
    if matrix.flags.c_contiguous or not matrix.T.flags.c_contiguous:
        for i, (start, end) in enumerate(_spans(row_edges, rows)):
            block = scorer.weights(scored, (slice(start, end), slice(None)), channels[start:end])
            sums[i] = np.add.reduceat(block.sum(axis=0), column_edges)
    else:  # stored with the inputs first: going down the columns reads memory in its order
        for j, (start, end) in enumerate(_spans(column_edges, columns)):
            block = scorer.weights(scored, (slice(None), slice(start, end)), channels)
            sums[:, j] = np.add.reduceat(block.sum(axis=1), row_edges)
    heights = np.diff(np.append(row_edges, rows))
    widths = np.diff(np.append(in_edges, columns // kernel))
    return (sums / (heights[:, None] * widths)).astype(np.float32), row_edges


@dataclass(frozen=True)
class _After:
    histogram: np.ndarray
    cut: float | None
    sqnr_db: float | None


def _after(
    opened: OpenedModel,
    layer: Layer,
    node: ir.Node,
    weights: list[np.ndarray],
    plan: Plan,
    limit: float,
    scoring: Scoring,
    notes: list[Text],
) -> _After | None:
    """The weights as the plan would leave them; None if it leaves this layer alone."""
    if not plan.changes(layer.id):
        return None
    try:
        steps = resolve(opened, plan)
        step = next(step for step in steps if step.layer.id == layer.id)
        step, remark = zeros_at_once(opened, plan, steps, step, scoring)
        notes += [remark] if remark is not None else []
    except PlanError as error:
        notes.append(error.what)
        return None
    if step.note is not None:
        notes.append(step.note)
    if not step.changes:
        return None
    counts = np.zeros(BINS)
    signal = noise = 0.0
    cuts = []
    for name, weight in zip(layer.weights, weights, strict=True):
        # chosen by a score they are not those below one magnitude
        cut = None if step.masks is not None else cut_of(weight, step)
        cuts.append(cut)
        axis = out_axis(layer, node) if weight.ndim > 1 else 0
        part, share = _some_channels(weight, axis)
        whole = share == 1.0
        # in a part of the channels a share would fall elsewhere than in all of them
        own = step if whole or cut is None else replace(step, sparsity=0.0, threshold=cut)
        if step.masks is not None and not whole:
            own = replace(step, masks=Masks({name: _some_channels(step.masks.keep[name], axis)[0]}))
        try:
            changed = planned_weight(part, own, name)
        except ValueError as error:  # NaN or infinite weights
            notes.append(text("The plan cannot be shown: {reason}.", reason=str(error)))
            return None
        if not whole:
            notes.append(
                text(
                    "The weights after the plan are shown from {part} of {all} weights.",
                    part=part.size,
                    all=weight.size,
                )
            )
        counts += histogram(changed, limit) / share
        original = part.astype(np.float32)
        difference = original - changed.astype(np.float32)
        signal += float(np.vdot(original, original))
        noise += float(np.vdot(difference, difference))
    return _After(np.rint(counts).astype(np.int64), cuts[0], _decibels(signal, noise))


def cut_of(weight: np.ndarray, step: Step) -> float | None:
    """Return the magnitude below which the step's weights go; None if it prunes nothing, inf if all go."""
    if step.threshold:
        return float(step.threshold)
    if not step.sparsity:
        return None
    magnitudes = np.abs(weight).reshape(-1)
    # the same rounding as prune_mask: so many go, the next one stays
    count = int(np.floor(step.sparsity * magnitudes.size + 0.5))
    if count >= magnitudes.size:
        return math.inf
    return float(np.partition(magnitudes, count)[count])


def histogram(values: np.ndarray, limit: float) -> np.ndarray:
    """Return counts in `BINS` equal bins over ±limit, int64; values that are not finite are left out."""
    flat = values.reshape(-1)
    scaled = (flat + np.float32(limit)) * np.float32(BINS / (2 * limit))
    if not np.isfinite(scaled).all():
        scaled = scaled[np.isfinite(scaled)]
    bins = np.clip(scaled.astype(np.int32), 0, BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.int64)


def _sampled_histogram(matrix: np.ndarray, limit: float) -> np.ndarray:
    step = -(-matrix.size // HISTOGRAM_SIZE)
    if step <= 1:
        return histogram(matrix, limit)
    part = matrix[::step] if matrix.flags.c_contiguous else matrix[:, ::step]
    return np.rint(histogram(part, limit) * (matrix.size / part.size)).astype(np.int64)


def _some_channels(weight: np.ndarray, axis: int) -> tuple[np.ndarray, float]:
    """Evenly spaced output channels with at most about `PLANNED_SIZE` weights, and their share of all."""
    step = min(-(-weight.size // PLANNED_SIZE), max(1, weight.shape[axis]))
    if step <= 1:
        return weight, 1.0
    selection = [slice(None)] * weight.ndim
    selection[axis] = slice(None, None, step)
    part = np.ascontiguousarray(weight[tuple(selection)])
    return part, part.size / weight.size


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


def _edges(count: int, most: int) -> np.ndarray:
    """First positions of at most `most` blocks of nearly the same size."""
    blocks = min(count, most)
    return np.asarray(np.arange(blocks, dtype=np.int64) * count // max(1, blocks))


def _spans(edges: np.ndarray, end: int) -> list[tuple[int, int]]:
    ends = np.append(edges[1:], end)
    return [(int(a), int(b)) for a, b in zip(edges, ends, strict=True)]


def _block_means(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.zeros(0, np.float32)
    sizes = np.diff(np.append(edges, len(values)))
    return (np.add.reduceat(values, edges) / sizes).astype(np.float32)


def _decibels(signal: float, noise: float) -> float:
    if noise <= 0:
        return MOST_DB
    return float(np.clip(10 * math.log10(signal / noise), -MOST_DB, MOST_DB)) if signal > 0 else -MOST_DB
