"""How long a plan takes: the sum of single kernels timed on this computer, without running anything.

Each node has a time in each form that a plan may give it; where neighbours differ in form, values between
them are converted. The sum is held against that of the original, whose time as a whole was measured.
Pure functions of values, so that the window may call them between two frames.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from core.values import (
    FLOAT_BITS,
    KernelTime,
    Latency,
    LatencyTable,
    LayerPlan,
    Plan,
    TimedNode,
    Timings,
    stored_bits,
)
from core.wiring import integer_parts

FLOAT, INT8, INT8_SHIFTED, INT16 = "float", "int8", "int8-shifted", "int16"
"""Settings of a node. Shifted: weights of 7 or 8 bits with zero points, which the kernel has to mind."""
INTEGER_SPEEDUP = 2.5
"""Time of a float kernel over its 8-bit kernel, where that was not measured on this computer."""
SIXTEEN_BITS_SLOWDOWN = 1.8
"""Time of a layer between conversions to 16 bits, which is computed in float, over its float kernel's."""
NBITS_WORTH = 1.1
"""Speed over that of float from which a layer computes in blocks."""
REST_NARROWED = 0.5
"""Of what no kernel accounts for, the share that goes with the channels; the rest is paid by run and node."""
WIDTHS = (25, 50, 75)
"""Percent of the channels at which kernels are measured besides all of them: in between they are linear."""

_KEEP_BLOCKS = {
    "Add",
    "Mul",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Relu",
    "Clip",
    "Sigmoid",
}
"""Operators that onnxruntime computes on blocks of channels if all that they read comes in blocks."""
_PRODUCTS = ("MatMul", "Gemm")
_UNTOUCHED = Plan()


def setting_of(node: TimedNode, plan: Plan) -> str:
    """Which kernel a layer gets under `plan`, if that was measured: one of the settings, or of `nbits`."""
    resolved = plan.layer(node.name)
    bits, activations = resolved.weight_bits or FLOAT_BITS, resolved.activation_bits or FLOAT_BITS
    if bits > 8:
        return FLOAT
    if activations == FLOAT_BITS:
        blocks = resolved.granularity == "block" and resolved.block_size and not resolved.clusters
        return nbits(resolved) if blocks and node.op in _PRODUCTS else FLOAT
    if not node.integer or (node.end and _left_in_float(node, resolved, plan)):
        return FLOAT
    if activations > 8:
        return INT16
    return INT8_SHIFTED if bits > 6 and resolved.symmetric is False and not resolved.clusters else INT8


def nbits(resolved: LayerPlan) -> str:
    """The setting of a product that computes with its blocks as they are stored."""
    grid = "shifted" if resolved.symmetric is False else "even"
    return f"nbits-{stored_bits(resolved.weight_bits or FLOAT_BITS)}-{resolved.block_size}-{grid}"


def at_width(setting: str, percent: int) -> str:
    """The setting with so many percent of the channels."""
    return setting if percent == 100 else f"{setting}@{percent}"


def channels_kept(plan: Plan) -> float:
    """The share of each layer's channels that stay, 0..1, as far as the plan says it."""
    return math.sqrt(max(0.0, 1.0 - plan.work_removed))


def _left_in_float(node: TimedNode, resolved: LayerPlan, plan: Plan) -> bool:
    own = plan.exceptions.get(node.name)
    asked = own is not None and own.activation_bits is not None
    wanted = plan.methods.get("quantize_activations", {}).get("float_ends", True)
    eight = resolved.weight_bits == resolved.activation_bits == 8
    return bool(wanted) and eight and not asked and resolved.granularity != "block"


class KernelModel:
    """Adds up plans of one model. Make it anew when the table or the timings change."""

    def __init__(self, table: LatencyTable, timings: Timings | None) -> None:
        self.table = table
        self._nodes = table.nodes
        self._times = [dict(node.times) for node in table.nodes]
        self._places = {node.name: place for place, node in enumerate(table.nodes) if node.kind == "layer"}
        self._makers = {node.output: node for node in table.nodes}
        self._readers = Counter(value for node in table.nodes for value in node.inputs)
        self._readers.update(table.outputs)
        self._original = self.sum_ms(_UNTOUCHED)
        self._most_rest = self._most_rest_ms(timings)

    @property
    def usable(self) -> bool:
        """Whether at least one layer's times are known."""
        return self._original > 0

    @property
    def layers(self) -> tuple[str, ...]:
        """Ids of the layers whose times are known."""
        return tuple(name for name, place in self._places.items() if FLOAT in self._times[place])

    def knows(self, plan: Plan) -> bool:
        """Whether every layer's kernel under this plan was measured, so that no usual factor stands in."""
        for name, place in self._places.items():
            setting = setting_of(self._nodes[place], plan)
            if plan.changes(name) and self._times[place] and setting not in self._times[place]:
                return False
        return True

    def predicted(self, plan: Plan, original: Latency) -> Latency:
        """The latency under `plan`, from what was measured of the original."""
        before = max(self._original + self.rest_ms(original), 1e-9)
        factor = self.predicted_sum(plan, original) / before
        return msgspec.structs.replace(
            original,
            median_ms=original.median_ms * factor,
            low_ms=original.low_ms * factor,
            high_ms=original.high_ms * factor,
            runs=0,
        )

    def rest_ms(self, original: Latency) -> float:
        """Milliseconds of the original's run that no kernel of the table accounts for."""
        return min(max(0.0, original.median_ms - self._original), self._most_rest)

    def layer_ms(self, layer_id: str, plan: Plan) -> float | None:
        """What this layer's kernel takes under `plan`, its conversions apart; None where nothing is known."""
        place = self._places.get(layer_id)
        if place is None or not self._times[place]:
            return None
        return self._layer(place, plan, channels_kept(plan)).ms

    def predicted_sum(self, plan: Plan, original: Latency) -> float:
        """Milliseconds of kernels, conversions and the rest under `plan`, in the table's own measure."""
        narrower = 1.0 - REST_NARROWED * (1.0 - channels_kept(plan))
        return self.sum_ms(plan) + self.rest_ms(original) * narrower

    def sum_ms(self, plan: Plan) -> float:
        """Milliseconds of all kernels whose times are known, and of the conversions between them."""
        kept = channels_kept(plan)
        chosen = {
            name
            for name, place in self._places.items()
            if setting_of(self._nodes[place], plan) in (INT8, INT8_SHIFTED)
        }
        integer = set(integer_parts(self._nodes, chosen)[0]) if chosen else set()
        made: dict[str, KernelTime] = {}
        entered: dict[str, dict[str, float]] = {}
        total = 0.0
        for place, node in enumerate(self._nodes):
            if node.kind == "layer":
                kernel = self._layer(place, plan, kept)
            else:
                kernel = self._between(place, place in integer, made, kept)
            total += kernel.ms
            made[node.output] = kernel
            enter_ms = kernel.enter_ms / max(1, len(node.inputs))
            for value in node.inputs:
                forms = entered.setdefault(value, {})
                forms[kernel.form] = max(forms.get(kernel.form, 0.0), enter_ms)
        for value in self.table.outputs:
            entered.setdefault(value, {}).setdefault("plain", 0.0)
        for value, forms in entered.items():
            maker = made.get(value, _PLAIN)
            others = [enter_ms for form, enter_ms in forms.items() if form != maker.form]
            if others:
                total += kept * (maker.leave_ms + sum(others))
        return total

    def _layer(self, place: int, plan: Plan, kept: float) -> KernelTime:
        node, times = self._nodes[place], self._times[place]
        if FLOAT not in times:
            return _PLAIN  # its time is part of the rest
        setting = setting_of(node, plan)
        if setting.startswith("nbits") and not self._computes_in_blocks(times, setting, plan):
            setting = FLOAT
        if setting not in times:
            return self._by_usual_factor(setting, times, kept)
        return _at(times, setting, kept)

    def _computes_in_blocks(self, times: Mapping[str, KernelTime], setting: str, plan: Plan) -> bool:
        use = plan.methods.get("matmul_nbits", {}).get("use", "auto")
        if use == "never" or setting not in times:
            return False
        return use == "always" or times[FLOAT].ms >= NBITS_WORTH * times[setting].ms

    def _by_usual_factor(self, setting: str, times: Mapping[str, KernelTime], kept: float) -> KernelTime:
        usual = _at(times, FLOAT, kept)
        if setting == INT16:
            return KernelTime(ms=usual.ms * SIXTEEN_BITS_SLOWDOWN)
        if setting in (INT8, INT8_SHIFTED):
            return KernelTime(ms=usual.ms / INTEGER_SPEEDUP, form="integer")
        return usual

    def _between(self, place: int, integer: bool, made: Mapping[str, KernelTime], kept: float) -> KernelTime:
        node, times = self._nodes[place], self._times[place]
        if integer:
            return _scaled(times[INT8] if INT8 in times else _passed_on(node, times, made), kept)
        known = _scaled(times[FLOAT], kept) if FLOAT in times else _PLAIN
        makers = [made.get(value, _PLAIN) for value in node.inputs]
        if node.op not in _KEEP_BLOCKS or not makers or any(each.form != "blocked" for each in makers):
            return known
        joined = node.op == "Add" and any(self._joins(value) for value in node.inputs)
        leave_ms, enter_ms = makers[0].leave_ms, makers[0].enter_ms
        ms = 0.0 if joined else known.ms
        return KernelTime(ms=ms, form="blocked", enter_ms=enter_ms, leave_ms=leave_ms)

    def _joins(self, value: str) -> bool:
        """Whether the convolution that makes this value adds the other summand by itself."""
        maker = self._makers.get(value)
        return maker is not None and maker.conv and not maker.tailed and self._readers[value] == 1

    def _most_rest_ms(self, timings: Timings | None) -> float:
        """What the profiler leaves to other nodes than those of the table, its own price included."""
        if timings is None:
            return math.inf
        known = set(self.layers)
        layers = sum(time.time_ms for time in timings.layers if time.layer_id in known)
        alone = sum(self._times[self._places[name]][FLOAT].ms for name in known)
        return max(0.0, timings.total_ms - layers - (self._original - alone))


def _passed_on(
    node: TimedNode, times: Mapping[str, KernelTime], made: Mapping[str, KernelTime]
) -> KernelTime:
    """A node that moves integers, as Flatten: they leave their form as those that it was given."""
    ms = times[FLOAT].ms if FLOAT in times else 0.0
    given = next((made[value] for value in node.inputs if value in made), _PLAIN)
    return KernelTime(ms=ms, form="integer", leave_ms=given.leave_ms)


def _at(times: Mapping[str, KernelTime], setting: str, kept: float) -> KernelTime:
    """The kernel with this share of the channels, linear between those that were measured."""
    whole = times[setting]
    if kept >= 1.0:
        return whole
    known = [
        (percent / 100, times[at_width(setting, percent)])
        for percent in WIDTHS
        if at_width(setting, percent) in times
    ]
    if not known:
        return _scaled(whole, kept * kept)
    return msgspec.structs.replace(
        whole, ms=between([(at, one.ms) for at, one in (*known, (1.0, whole))], kept)
    )


def between(points: Sequence[tuple[float, float]], at: float) -> float:
    """Piecewise linear through rising points; below the first one in proportion."""
    first, low = points[0]
    if at <= first:
        return low * at / first
    for right, high in points[1:]:
        if at <= right:
            return low + (high - low) * (at - first) / (right - first)
        first, low = right, high
    return low


def _scaled(kernel: KernelTime, factor: float) -> KernelTime:
    return kernel if factor >= 1.0 else msgspec.structs.replace(kernel, ms=kernel.ms * factor)


_PLAIN = KernelTime(ms=0.0)
