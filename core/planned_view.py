"""What a plan makes of one layer's weights, for the inspector: histogram, mask, grids, clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_ir as ir

from core import blocks
from core.channel_ranges import Limits
from core.errors import PlanError
from core.graph.layers import TOLD_IN_FLOAT
from core.graph.opened import OpenedModel
from core.graph.weights import matrix_view, out_axis
from core.methods.masks import Masks
from core.methods.planned import pruned, stored_weight
from core.methods.resolve import IN_FLOAT, Step, resolve
from core.methods.round_weights import integer_range
from core.methods.stored import IntegerWeight, SharedWeight, StoredWeight
from core.pruning import zeros_at_once
from core.scoring import Scoring
from core.values import Layer, Plan, Text, text

HEATMAP_SIDE = 512
"""Cells of a heatmap on a side, at most."""
BINS = 129
"""Odd, so that zero has a bin of its own in the middle."""
PLANNED_SIZE = 1 << 18
"""Weights that are rounded for a look; of more, evenly spaced channels."""
MASKED_SIZE = 1 << 21
"""Weights whose zeros are worked out for a look; of more, evenly spaced channels."""
MOST_DB = 150.0


@dataclass(frozen=True)
class Cells:
    """How a layer's matrix (rows, inputs · kernel) is cut into the cells of its heatmap."""

    row_edges: np.ndarray
    in_edges: np.ndarray
    kernel: int = 1
    position: int | None = None
    """The one position of the kernel that is shown; None: their sum."""

    def by_column(self, sums: np.ndarray) -> np.ndarray:
        """Mean of each cell of rows (n, inputs · kernel) that are cut down to (n, cells) so, float32."""
        inputs = sums.shape[1] // self.kernel
        if self.position is not None:
            sums = sums[:, self.position :: self.kernel]
            return np.add.reduceat(sums, self.in_edges, axis=1) / blocks.sizes(self.in_edges, inputs)
        widths = blocks.sizes(self.in_edges, inputs) * self.kernel
        return np.add.reduceat(sums, self.in_edges * self.kernel, axis=1) / widths


@dataclass(frozen=True)
class Planned:
    histogram: np.ndarray
    """int64 (BINS,): counts of all weights, from a part where there are many."""
    cut: float | None
    sqnr_db: float | None
    gone: np.ndarray | None
    """uint8, the heatmap's shape: share of each cell's weights that become zero, 255 for all."""
    limits: Limits | None
    """Of the rows of the layer's matrix; None: the weights stay float."""
    grid: np.ndarray | None
    grids: int


def planned(
    opened: OpenedModel,
    layer: Layer,
    node: ir.Node,
    weights: list[np.ndarray],
    plan: Plan,
    limit: float,
    cells: Cells,
    rows: int,
    scoring: Scoring,
    notes: list[Text],
) -> Planned | None:
    """The weights as the plan would leave them; None if it leaves this layer alone.

    `rows` of the layer's matrix; the histogram spans ±`limit`. What cannot be said is told in `notes`.
    """
    step = _step(opened, layer, plan, scoring, notes)
    if step is None:
        return None
    look = _Look(layer, node, step, limit, rows)
    for name, weight in zip(layer.weights, weights, strict=True):
        try:
            look.take(name, weight, notes)
        except ValueError as error:  # NaN or infinite weights
            notes.append(text("The plan cannot be shown: {reason}.", reason=str(error)))
            return None
    return look.planned(cells)


def _step(opened: OpenedModel, layer: Layer, plan: Plan, scoring: Scoring, notes: list[Text]) -> Step | None:
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
    if step.note is not None and not (step.note == IN_FLOAT and step.layer.op in TOLD_IN_FLOAT):
        notes.append(step.note)
    return step if step.changes else None


@dataclass
class _Look:
    """Adds up what is to be said of a layer, one of its weights after the other."""

    layer: Layer
    node: ir.Node
    step: Step
    limit: float
    rows: int
    counts: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    signal: float = 0.0
    noise: float = 0.0
    cuts: list[float | None] = field(default_factory=list)
    masks: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """Rows of the matrix, and which of their weights go, float32 (rows, columns)."""
    ends: list[Limits] = field(default_factory=list)
    grid: np.ndarray | None = None
    grids: int = 0

    def take(self, name: str, weight: np.ndarray, notes: list[Text]) -> None:
        step = self.step
        # chosen by a score they are not those below one magnitude
        cut = None if step.masks is not None else cut_of(weight, step)
        self.cuts.append(cut)
        axis = out_axis(self.layer, self.node) if weight.ndim > 1 else 0
        part, chosen = some_channels(weight, axis, PLANNED_SIZE)
        share = part.size / max(1, weight.size)
        stored = stored_weight(part, self._own(name, weight, axis, chosen, cut), name)
        changed = stored.values().astype(weight.dtype)
        if share < 1:
            notes.append(
                text(
                    "The weights after the plan are shown from {part} of {all} weights.",
                    part=f"{part.size:,}",
                    all=f"{weight.size:,}",
                )
            )
        self.counts += histogram(changed, self.limit) / share
        original = part.astype(np.float32)
        difference = original - changed.astype(np.float32)
        self.signal += float(np.vdot(original, original))
        self.noise += float(np.vdot(difference, difference))
        if weight.ndim > 1:
            self._take_grid(weight, axis, part, chosen, stored)
            if step.prunes:
                self._take_mask(name, weight, axis, cut)

    def planned(self, cells: Cells) -> Planned:
        return Planned(
            histogram=np.rint(self.counts).astype(np.int64),
            cut=self.cuts[0],
            sqnr_db=_decibels(self.signal, self.noise),
            gone=self._gone(cells),
            limits=self._limits(),
            grid=self.grid,
            grids=self.grids,
        )

    # ------------------------------------------------------------ zeros

    def _own(self, name: str, weight: np.ndarray, axis: int, chosen: np.ndarray, cut: float | None) -> Step:
        """The step for some channels of a weight: in a part a share would fall elsewhere than in all."""
        if len(chosen) == weight.shape[axis]:
            return self.step
        step = self.step if cut is None else replace(self.step, sparsity=0.0, threshold=cut)
        if step.masks is not None:
            keep = np.take(step.masks.keep[name], chosen, axis=axis)
            step = replace(step, masks=Masks({name: keep}))
        return step

    def _take_mask(self, name: str, weight: np.ndarray, axis: int, cut: float | None) -> None:
        # each row of the picture needs a channel at least
        part, chosen = some_channels(weight, axis, MASKED_SIZE, self.rows // HEATMAP_SIDE)
        if cut is not None and weight.size > PLANNED_SIZE:
            zero = (np.abs(part) < cut) | (part == 0)
        else:
            zero = pruned(part, self._own(name, weight, axis, chosen, cut), name) == 0
        view = matrix_view(self.layer, self.node, zero.astype(np.float32))
        self.masks.append((self._matrix_rows(weight, axis, chosen), view))

    def _gone(self, cells: Cells) -> np.ndarray | None:
        """As weights side by side: those with the rows of the first make one matrix."""
        if not self.masks:
            return None
        at, first = self.masks[0]
        same = [mask for rows, mask in self.masks if len(mask) == len(first)]
        shares = cells.by_column(first if len(same) == 1 else np.concatenate(same, axis=1))
        cell = np.searchsorted(cells.row_edges, at, side="right") - 1
        sums = np.zeros((len(cells.row_edges), shares.shape[1]), np.float32)
        np.add.at(sums, cell, shares)
        counts = np.bincount(cell, minlength=len(sums))
        return np.asarray(np.rint(sums * 255.0 / np.maximum(counts, 1)[:, None]).astype(np.uint8))

    def _matrix_rows(self, weight: np.ndarray, axis: int, chosen: np.ndarray) -> np.ndarray:
        """The rows of the layer's matrix in which some channels of a weight lie."""
        channels = weight.shape[axis]
        return (np.arange(max(1, self.rows // channels))[:, None] * channels + chosen).reshape(-1)

    # ------------------------------------------------------------ grids

    def _take_grid(
        self, weight: np.ndarray, axis: int, part: np.ndarray, chosen: np.ndarray, stored: StoredWeight
    ) -> None:
        if not isinstance(stored, IntegerWeight | SharedWeight):
            return  # floats, whose steps are too many to be seen
        found = _ends_of(stored, self.step)
        low, high, half = (np.broadcast_to(each, part.shape) for each in found)
        beyond = (part < low - half) | (part > high + half)
        rows = self._matrix_rows(weight, axis, chosen)
        low, high, beyond = (
            matrix_view(self.layer, self.node, np.ascontiguousarray(each, np.float32))
            for each in (low, high, beyond)
        )
        if len(low) != len(rows):
            return  # weights of other rows than the first are no part of the matrix
        limits = Limits(*(np.full(self.rows, np.nan, np.float32) for _ in range(3)))
        limits.low[rows], limits.high[rows] = low.min(axis=1), high.max(axis=1)
        limits.clipped[rows] = beyond.mean(axis=1)
        self.ends.append(limits)
        factors = stored.factor.size if isinstance(stored, IntegerWeight) and stored.factor is not None else 1
        scales = max(stored.scale.size, factors)
        self.grids += 1 if scales == 1 else round(scales * weight.size / part.size)
        if self.grid is None:
            self.grid = _middle_grid(stored, self.step)

    def _limits(self) -> Limits | None:
        if not self.ends:
            return None
        return Limits(
            low=np.fmin.reduce([each.low for each in self.ends]),
            high=np.fmax.reduce([each.high for each in self.ends]),
            clipped=np.fmax.reduce([each.clipped for each in self.ends]),
        )


def _ends_of(stored: IntegerWeight | SharedWeight, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The smallest and the largest value of each weight's grid and half a step, to broadcast over it."""
    if isinstance(stored, SharedWeight):
        codes = stored.codes.astype(np.float32)
        half = (codes[-1] - codes[-2]) / 2 if len(codes) > 1 else np.float32(0)
        return codes[0] * stored.scale, codes[-1] * stored.scale, half * stored.scale
    lowest, highest = integer_range(step.grid_bits, stored.zero is None)
    zero = 0 if stored.zero is None else stored.spread(stored.zero).astype(np.float32)
    size = stored.spread(stored.scale)
    if stored.factor is not None:
        size = size * stored.spread(stored.factor)
    return (lowest - zero) * size, (highest - zero) * size, size / 2


def _middle_grid(stored: IntegerWeight | SharedWeight, step: Step) -> np.ndarray:
    """The values of the grid whose scale is the middle one, ascending float32."""
    if isinstance(stored, SharedWeight):
        scale = np.sort(stored.scale.reshape(-1))[stored.scale.size // 2]
        return np.asarray(stored.codes.astype(np.float32) * scale, np.float32)
    scales = stored.scale if stored.factor is None else stored.scale.reshape(-1, 1) * stored.factor
    at = np.argsort(scales, axis=None)[scales.size // 2]
    zero = 0.0 if stored.zero is None else float(stored.zero.reshape(-1)[at])
    lowest, highest = integer_range(step.grid_bits, stored.zero is None)
    return np.asarray((np.arange(lowest, highest + 1) - zero) * scales.reshape(-1)[at], np.float32)


def cut_of(weight: np.ndarray, step: Step) -> float | None:
    """Return the magnitude below which the step's weights go; None if it prunes nothing, inf if all go."""
    if step.threshold:
        return float(step.threshold)
    if not step.sparsity or step.pattern is not None:
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


def some_channels(
    weight: np.ndarray, axis: int, most: int, farthest: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced output channels with at most about `most` weights, and which they are.

    They lie `farthest` apart at most, where that is said.
    """
    channels = weight.shape[axis]
    step = min(-(-weight.size // most), max(1, channels))
    if farthest is not None:
        step = min(step, max(1, farthest))
    chosen = np.arange(0, channels, max(1, step))
    if step <= 1:
        return weight, chosen
    selection = [slice(None)] * weight.ndim
    selection[axis] = slice(None, None, step)
    return np.ascontiguousarray(weight[tuple(selection)]), chosen


def _decibels(signal: float, noise: float) -> float:
    if noise <= 0:
        return MOST_DB
    return float(np.clip(10 * math.log10(signal / noise), -MOST_DB, MOST_DB)) if signal > 0 else -MOST_DB
