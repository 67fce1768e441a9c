"""Check a plan against a model, and say for each layer what will really be done and why not more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx_ir as ir

from core.errors import PlanError
from core.evaluate.processor import saturates
from core.graph.opened import OpenedModel
from core.graph.opset import raise_opset
from core.methods import setting
from core.methods._check import check
from core.methods._edit import attribute_int
from core.methods._ends import float_ends
from core.methods._layout import Layout, whole_block
from core.methods._spatial_mean import pool_spatial_means
from core.methods.masks import Masks
from core.methods.quantize_activations import can_be_integer
from core.methods.round_weights import INT8_MOST, REDUCED_MOST, most_factor
from core.values import FLOAT_BITS, HALF_BITS, Layer, LayerPlan, Plan, Text, stored_bits, text
from core.values.plan import even_block, parse_pattern

IN_FLOAT = text("onnxruntime computes this layer in float: fewer bits save space, not time.")
IN_BRANCH = text("Inside a branch or loop the activations stay in float; the weights are smaller.")
NBITS = "nbits"
"""`Step.kernel` of what MatMulNBits computes."""
_QUANTIZABLE = (ir.DataType.FLOAT, ir.DataType.FLOAT16)
_PER_AXIS_OPSET = 13
"""The lowest with DequantizeLinear per channel."""
FEWEST_FACTORS = 7
"""Multiples of a scale below which a block can hardly have one of its own."""
_ARITHMETIC_OPSET = 14
"""The lowest in which Mul and Sub take int8."""
_BROADCAST_OPSET = 7
"""The lowest in which Mul broadcasts a scale by itself."""
_INT8_OPSET = 17
_INT4_OPSET = 21
_UINT16_OPSET = 21
HALF_LOSS = 1e-3
"""Of a weight's norm, what float16 may lose: usual weights lose a third of that at most."""
_INT2_OPSET = 25


@dataclass(frozen=True)
class Step:
    """What is done to one layer, complete."""

    layer: Layer
    planned: LayerPlan
    sparsity: float = 0.0
    threshold: float | None = None
    weight_bits: int = FLOAT_BITS
    clusters: int = 0
    """Weights are one of so many shared values; `weight_bits` then say which. 0: they are not."""
    activation_bits: int = FLOAT_BITS
    channel_axes: tuple[int, ...] = ()
    """Axes of the weight with a scale each; () for one scale in all."""
    row_axes: tuple[int, ...] = (0,)
    """Axes of the weight whose entries are output channels, whatever shares a scale."""
    pattern: tuple[int, int] | None = None
    """N of every M neighbours of a row stay."""
    masks: Masks | None = None
    """Set where a score chose the zeros; else they go by magnitude, or as compensation finds best."""
    search: bool = True
    merge: bool = False
    """One scale for the whole layer where its channels are alike."""
    reduced: bool = False
    """Some of the 8 bits are left unused, so that the kernels of processors without VNNI add up exactly."""
    exact: bool = False
    """Its integer kernels add up in 32 bits on every processor."""
    block: int = 0
    """At most so many weights of a row share a scale; 0: all of them."""
    symmetric: bool = True
    factors: int = 0
    """Where not 0, the scales of a row's blocks are one scale times up to this, for a kernel on integers."""
    kernel: str = ""
    """NBITS: the layer computes with its blocks as they are stored (`matmul_nbits`)."""
    unit: int = 0
    """Weights of a ConvTranspose's kernel: a block holds whole kernels there. 0: another layer."""
    pieces: int = 1
    """Groups of a ConvTranspose, which lie one after the other in a row."""
    at_end: bool = False
    """First or last, and left in float arithmetic for that."""
    note: Text | None = None
    """Why less is done than planned."""

    @property
    def changes(self) -> bool:
        return self.prunes or self.weight_bits != FLOAT_BITS

    @property
    def prunes(self) -> bool:
        return bool(self.sparsity) or bool(self.threshold) or self.pattern is not None

    @property
    def grid_bits(self) -> int:
        """Bits of the grid that weights are rounded to; `weight_bits` is what the plan asks for."""
        return 7 if self.reduced and not self.paired else self.weight_bits

    @property
    def paired(self) -> bool:
        """8 bits, but neighbours that are not too large together (`core.methods._pairs`)."""
        return self.reduced and self.symmetric and not self.block and not self.clusters

    @property
    def most_code(self) -> int:
        """The largest shared value where it is a whole number, for kernels on integers; 0: it is float."""
        if not self.clusters or self.activation_bits == FLOAT_BITS:
            return 0
        return REDUCED_MOST if self.reduced else INT8_MOST

    @property
    def weight_key(self) -> tuple[object, ...]:
        """What decides the rounded weight, for caches."""
        pruning = self.sparsity, self.threshold, *(self.pattern or ())
        if self.masks is not None:
            pruning = (*pruning, self.masks.key)
        grid = self.block, self.symmetric, self.factors, self.kernel, self.paired
        shared = self.clusters, self.most_code
        return *pruning, self.grid_bits, self.channel_axes, self.search, self.merge, *grid, *shared

    def layout(self, shape: tuple[int, ...]) -> Layout:
        """Which weights share a scale, of one of the layer's weights of this shape."""
        rows = Layout(shape, self.channel_axes)
        if not self.block or rows.columns <= self.block:
            return rows
        if self.kernel == NBITS:
            return Layout(shape, self.channel_axes, self.block)
        block = even_block(rows.columns, self.block)
        if self.unit:
            # whole kernels of input channels, and of one group each
            run = rows.columns // self.pieces
            block = whole_block(run // self.unit, max(1, self.block // self.unit)) * self.unit
        return Layout(shape, self.channel_axes, block) if block < rows.columns else rows

    @property
    def key(self) -> tuple[object, ...]:
        """What decides the layer's part in the network, for the keys of measurements."""
        return self.layer.id, *self.weight_key, self.activation_bits


def resolve(opened: OpenedModel, plan: Plan, only: Collection[str] | None = None) -> tuple[Step, ...]:
    """One step for each layer of the model, or for those named in `only`, in the model's order.

    Raises PlanError, naming the layer, for values that no layer can have and for a layer of its own
    settings that cannot follow them. A layer that only the defaults address is left out instead, with a note.
    """
    known = {layer.id for layer in opened.info.layers}
    for layer_id in plan.exceptions:
        if layer_id not in known:
            raise PlanError(
                text("The plan names a layer '{layer}' that the model does not have.", layer=layer_id),
                next_step=text("Remove it from the plan, or open the model that the plan was made for."),
            )
    leaders = _leaders(opened, plan)
    ends = float_ends(opened) if setting(plan, "quantize_activations", "float_ends") else frozenset()
    steps = []
    for layer in opened.info.layers:
        if only is not None and layer.id not in only:
            continue
        leader = leaders.get(layer.group or "", layer.id)
        settings = plan.layer(leader)
        check(layer, settings)
        step = _step(layer, opened.nodes[layer.id], settings, plan, layer.id in opened.main_nodes)
        if leader != layer.id and step.note is None and plan.layer(layer.id) != settings:
            name = opened.info.layer(leader).label
            note = text("It shares its weights with '{layer}', whose settings count.", layer=name)
            step = replace(step, note=note)
        if layer.id in ends and step.activation_bits == step.weight_bits == 8 and not step.block:
            own = plan.exceptions.get(leader)
            if own is None or own.activation_bits is None:
                step = _at_end(step)
        steps.append(step)
    return tuple(steps)


def base_model(opened: OpenedModel, steps: tuple[Step, ...]) -> ir.Model:
    """The opened network at the opset that the steps need; what `assemble` and calibration start from.

    int8 needs opset 13 for scales per channel and gets 17 where it has to be raised, int4 and 16-bit
    activations need 21, int2 25.
    """
    # what MatMulNBits computes with lies in bytes
    bits = {FLOAT_BITS if step.kernel == NBITS else step.weight_bits for step in steps}
    opset = opened.model.opset_imports.get("", 0)
    widths = {step.activation_bits for step in steps}
    integer = widths != {FLOAT_BITS}
    model = opened.clone()
    narrowest = min(stored_bits(item) for item in bits)
    packed = {2: _INT2_OPSET, 4: _INT4_OPSET}.get(narrowest, 0)
    if 16 in widths:
        packed = max(packed, _UINT16_OPSET)
    rounded = bits != {FLOAT_BITS}
    shifted = any(step.factors or not step.symmetric for step in steps)
    lowest = _ARITHMETIC_OPSET if shifted else _PER_AXIS_OPSET
    needed = packed or (lowest if integer else _BROADCAST_OPSET if rounded else 0)
    if opset < needed:
        model = raise_opset(model, packed or _INT8_OPSET)
    # before version 4 every constant had to be declared as an input too
    model.ir_version = max(model.ir_version or 0, 4)
    if integer:
        pool_spatial_means(model)
    return model


def _at_end(step: Step) -> Step:
    why = text("First or last, with next to none of the work: float is more exact here, and as fast.")
    note = step.note or why
    return replace(step, activation_bits=FLOAT_BITS, merge=False, reduced=False, at_end=True, note=note)


def _leaders(opened: OpenedModel, plan: Plan) -> dict[str, str]:
    """For each group of layers that share a weight the one whose settings count."""
    leaders: dict[str, str] = {}
    for layer in opened.info.layers:
        if layer.group is None:
            continue
        current = leaders.setdefault(layer.group, layer.id)
        if current not in plan.exceptions and layer.id in plan.exceptions:
            leaders[layer.group] = layer.id
    return leaders


def _step(layer: Layer, node: ir.Node, settings: LayerPlan, plan: Plan, in_main: bool) -> Step:
    own = plan.exceptions.get(layer.id, LayerPlan())
    pattern = parse_pattern(settings.pattern)
    wants_prune = bool(settings.sparsity) or bool(settings.threshold) or pattern is not None
    weight_bits = settings.weight_bits or FLOAT_BITS
    activation_bits = settings.activation_bits or FLOAT_BITS
    note: Text | None = None
    exact = _depthwise(node)
    reason = layer.why_not[0] if layer.why_not else text("Its weights cannot be changed.")
    if wants_prune and not layer.prunable:
        if own.sparsity or own.threshold or own.pattern:
            raise _impossible(layer, reason)
        wants_prune, note = False, reason
    quantizable = layer.quantizable and _dtype(node, layer) in _QUANTIZABLE
    if weight_bits != FLOAT_BITS and not quantizable:
        if own.weight_bits not in (None, FLOAT_BITS):
            raise _impossible(layer, reason)
        weight_bits, activation_bits, note = FLOAT_BITS, FLOAT_BITS, reason
    if weight_bits == HALF_BITS and layer.weight_bits <= HALF_BITS:
        weight_bits = FLOAT_BITS  # as it is
    elif weight_bits == HALF_BITS:
        why = _why_not_half(node, layer)
        if why is not None:
            weight_bits, note = FLOAT_BITS, why
    if activation_bits != FLOAT_BITS and weight_bits > 8 and note is None:
        raise PlanError(
            text("Layer '{layer}': integer activations need integer weights.", layer=layer.label),
            text("onnxruntime computes on integers only if both sides are integers."),
            text("Set its weights to 8 bits or fewer, or its activations to 32."),
        )
    if activation_bits != FLOAT_BITS and not in_main:
        activation_bits = FLOAT_BITS
        note = IN_BRANCH
    elif activation_bits != FLOAT_BITS and not can_be_integer(node):
        activation_bits = FLOAT_BITS
        note = IN_FLOAT
    if wants_prune and pattern is not None and note is None:
        rows = prod(layer.shape[axis] for axis in channel_axes(node, len(layer.shape)) or (0,))
        columns = prod(layer.shape) // max(1, rows)
        if columns % pattern[1]:
            note = text(
                "Its rows of {columns} weights do not divide by {of}, so a few more stay.",
                columns=columns,
                of=pattern[1],
            )
    symmetric = settings.symmetric is not False
    reduced = activation_bits == 8 and not exact and _reduces(plan)
    clusters = (settings.clusters or 0) if weight_bits != FLOAT_BITS else 0
    block = (settings.block_size or 0) if settings.granularity == "block" and not clusters else 0
    factors = 0
    if block and activation_bits != FLOAT_BITS:
        factors = most_factor(weight_bits, symmetric, REDUCED_MOST if reduced else INT8_MOST)
        if factors < FEWEST_FACTORS:
            block, factors = 0, 0
            note = note or text(
                "Integer kernels have no room for blocks of so many bits: one scale a channel."
            )
    return Step(
        layer=layer,
        planned=settings,
        sparsity=settings.zeros if wants_prune else 0.0,
        threshold=settings.threshold if wants_prune and pattern is None else None,
        weight_bits=weight_bits,
        clusters=clusters,
        activation_bits=activation_bits,
        channel_axes=channel_axes(node, len(layer.shape)) if settings.granularity != "tensor" else (),
        row_axes=channel_axes(node, len(layer.shape)) or (0,),
        pattern=pattern if wants_prune else None,
        search=bool(setting(plan, "quantize_weights", "search")),
        # only kernels on integers gain by it
        merge=activation_bits == 8
        and weight_bits == 8
        and not clusters
        and symmetric
        and bool(setting(plan, "quantize_weights", "merge")),
        reduced=reduced and (weight_bits == 8 or clusters > 0),
        exact=exact,
        block=block if weight_bits <= 8 else 0,
        symmetric=symmetric or weight_bits > 8 or clusters > 0,
        factors=factors,
        unit=prod(layer.shape[2:]) if node.op_type == "ConvTranspose" else 0,
        pieces=attribute_int(node, "group", 1) if node.op_type == "ConvTranspose" else 1,
        note=note,
    )


def _reduces(plan: Plan) -> bool:
    """Whether weights beside 8-bit activations leave the highest bit unused."""
    wanted = setting(plan, "quantize_weights", "reduce_range")
    return saturates() if wanted == "auto" else wanted == "on"


def _depthwise(node: ir.Node) -> bool:
    """One input channel for each output channel: these kernels add up in 32 bits everywhere."""
    weight = node.inputs[1] if node.op_type == "Conv" else None
    shape = weight.shape if weight is not None else None
    groups = attribute_int(node, "group", 1)
    return shape is not None and groups > 1 and shape[1] == 1 and shape[0] == groups


def channel_axes(node: ir.Node, ndim: int) -> tuple[int, ...]:
    """Axes of the weight along which each entry has a scale of its own: those of the output channels.

    LSTM, GRU and RNN: direction and gate row. Stacked matrices: each matrix's columns. An embedding
    table: its rows. Grouped ConvTranspose (in, out/groups, k...): the channels of a group share theirs.
    """
    if ndim < 2:
        return ()
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return (0, 1)
    if node.op_type == "ConvTranspose":
        return (1,)
    if node.op_type == "Gemm":
        return (0,) if attribute_int(node, "transB", 0) else (1,)
    if node.op_type == "Gather":
        return (attribute_int(node, "axis", 0) % ndim,)
    if node.op_type == "MatMul":
        first = node.inputs[0] is not None and node.inputs[0].const_value is not None
        return tuple(axis for axis in range(ndim) if axis != (ndim - 1 if first else ndim - 2))
    return (0,)


def _dtype(node: ir.Node, layer: Layer) -> ir.DataType | None:
    for value in node.inputs:
        if value is not None and value.name == layer.weights[0]:
            return value.dtype
    return None


def _why_not_half(node: ir.Node, layer: Layer) -> Text | None:
    weights = (value for value in node.inputs if value is not None and value.name in layer.weights)
    found = (why_not_half(value.const_value.numpy()) for value in weights if value.const_value is not None)
    return next((why for why in found if why is not None), None)


def why_not_half(array: np.ndarray) -> Text | None:
    """Why these numbers should not become float16; None where it holds them well.

    Below 6·10⁻⁵ its steps no longer shrink with the numbers: some such numbers do not matter, but where
    all are so small a few digits are left of them, or none.
    """
    with np.errstate(over="ignore"):
        half = array.astype(np.float16).astype(np.float32)
    if not np.isfinite(half).all():
        return text("Some of its weights are larger than float16 can hold (65,504): they stay float32.")
    lost = float(np.linalg.norm((half - array).reshape(-1)))
    if lost > HALF_LOSS * float(np.linalg.norm(array.reshape(-1))):
        return text(
            "Its weights are too small for float16, which would round them coarsely: they stay float32."
        )
    return None


def _impossible(layer: Layer, reason: Text) -> PlanError:
    return PlanError(
        text("Layer '{layer}' cannot follow its settings.", layer=layer.label),
        reason,
        text("Set this layer to be kept as it is."),
    )
