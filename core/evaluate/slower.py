"""Why a compressed file takes longer than its original here: where onnxruntime's time goes in both."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.profile import LayerNames, kernel_times
from core.graph.opened import OpenedModel
from core.values import Text, text

CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "Cast", "DynamicQuantizeLinear"})
REORDERS = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})
"""ReorderInput and ReorderOutput: to and from the layout of float convolutions, in blocks of channels."""
WORTH_TELLING = 0.15
"""Share of the time added from which a cause is named."""
_SECONDS = 0.7
_MOST = 3


@dataclass(frozen=True)
class _Spent:
    """Milliseconds of one run."""

    layers: dict[str, float]
    operators: dict[str, float]
    """Of everything that is no layer's work, by operator."""

    def of(self, names: frozenset[str]) -> float:
        return sum(time for name, time in self.operators.items() if name in names)


def why_slower(
    opened: OpenedModel, changed: Path, feeds: Mapping[str, np.ndarray] | None, context: Context
) -> tuple[Text, ...]:
    """Name what takes the time that the changed file needs more, the largest part first; () if nothing does.

    Both are profiled; conversions, changes of layout, single layers, and other operators are told apart.
    Raises what `Runner` raises.
    """
    before = _spent(opened, opened.model, feeds, context)
    model = ir.load(changed)
    after = _spent(dataclasses.replace(opened, model=model), changed, feeds, context)
    added: list[tuple[float, Text]] = []
    total = sum(after.layers.values()) + sum(after.operators.values())
    more = after.of(CONVERSIONS) - before.of(CONVERSIONS)
    share = round(100 * after.of(CONVERSIONS) / max(total, 1e-9))
    added.append(
        (more, text("Conversions between integers and float take {share} % of its time.", share=share))
    )
    more = after.of(REORDERS) - before.of(REORDERS)
    share = round(100 * after.of(REORDERS) / max(total, 1e-9))
    added.append((more, text("Bringing values into another order takes {share} % of its time.", share=share)))
    labels = {layer.id: layer.label for layer in opened.info.layers}
    for name, label in labels.items():
        old, new = before.layers.get(name, 0.0), after.layers.get(name, 0.0)
        told = text(
            "Layer '{layer}' takes {after} ms instead of {before} ms.",
            layer=label,
            after=_rounded(new),
            before=_rounded(old),
        )
        added.append((new - old if old else 0.0, told))
    others = set(after.operators) - CONVERSIONS - REORDERS
    for name in others:
        old, new = before.operators.get(name, 0.0), after.operators[name]
        told = text(
            "The operator {operator} takes {after} ms instead of {before} ms.",
            operator=name,
            after=_rounded(new),
            before=_rounded(old),
        )
        added.append((new - old, told))
    whole = sum(time for time, _ in added if time > 0)
    ranked = sorted(added, key=lambda item: -item[0])
    return tuple(told for time, told in ranked[:_MOST] if whole > 0 and time >= WORTH_TELLING * whole)


def _spent(
    opened: OpenedModel, model: ir.Model | Path, feeds: Mapping[str, np.ndarray] | None, context: Context
) -> _Spent:
    times = kernel_times(model, feeds, context, seconds=_SECONDS).nodes
    names = LayerNames(opened)
    layers: dict[str, float] = defaultdict(float)
    operators: dict[str, float] = defaultdict(float)
    for (name, op), milliseconds in times.items():
        # a conversion is named after the layer that it was made for
        layer = None if op in CONVERSIONS | REORDERS else names.find(name, op)
        # what stands behind a layer in its layout is named after it too
        if layer is not None and names.same_work(layer, op):
            layers[layer] += milliseconds
        else:
            operators[op] += milliseconds
    return _Spent(dict(layers), dict(operators))


def _rounded(milliseconds: float) -> float:
    return float(f"{milliseconds:.2g}")
