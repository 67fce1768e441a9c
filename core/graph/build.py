"""From a checked ONNX graph to an `OpenedModel`: normalise, find layers, work out costs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import onnx_ir as ir

from core.context import Context
from core.graph.cost import costs
from core.graph.labels import clean
from core.graph.layers import find_layers
from core.graph.nodes import all_nodes
from core.graph.normalize import normalize
from core.graph.opened import OpenedModel
from core.graph.output_sizes import settle_outputs
from core.graph.tensors import elements, is_float
from core.values import Layer, ModelInfo, TensorInfo, Text, card_in, text
from core.values.card import LONGEST

_DTYPES = {ir.DataType.FLOAT: "float32", ir.DataType.DOUBLE: "float64", ir.DataType.STRING: "str"}
"""Where numpy's name differs from ONNX's."""


class FileFacts(Protocol):
    @property
    def custom_operators(self) -> tuple[str, ...]: ...

    @property
    def opset(self) -> int: ...


def build(
    model: ir.Model, source: Path, sha256: str, size_bytes: int, facts: FileFacts, context: Context
) -> OpenedModel:
    """Normalise `model` in place and describe it."""
    why_not: list[Text] = []
    if facts.custom_operators:
        shown = ", ".join(facts.custom_operators[:3]) + ("…" if len(facts.custom_operators) > 3 else "")
        why_not.append(
            text(
                "It uses operators that onnxruntime does not know ({operators}), so it cannot be measured.",
                operators=shown,
            )
        )
    normalize(model, fold=not facts.custom_operators)
    context.check()
    settle_outputs(model)
    cost = costs(model)
    context.check()
    layers = find_layers(model, cost.macs)
    if not layers:
        why_not.append(text("No layer with stored weights was found, so there is nothing to cut."))
    elif not any(layer.prunable or layer.quantizable for layer in layers):
        why_not.append(text("None of its layers can be compressed; each layer says why."))
    known = [layer.macs for layer in layers]
    info = ModelInfo(
        path=str(source),
        name=clean(source.name),
        sha256=sha256,
        size_bytes=size_bytes,
        opset=facts.opset,
        ir_version=model.ir_version,
        producer=clean(" ".join(part for part in (model.producer_name, model.producer_version) if part)),
        inputs=tuple(_tensor(value) for value in model.graph.inputs),
        outputs=tuple(_tensor(value) for value in model.graph.outputs),
        layers=layers,
        node_count=sum(1 for _ in all_nodes(model.graph)),
        params=_params(model, layers),
        macs=None if None in known or not known else sum(macs for macs in known if macs is not None),
        compressible=not why_not,
        why_not=tuple(why_not),
        card=card_in({key: clean(value, LONGEST) for key, value in model.metadata_props.items()}),
        warnings=tuple(warning for layer in layers for warning in layer.warnings) + cost.remarks,
    )
    return OpenedModel(info, source, model)


def _tensor(value: ir.Value) -> TensorInfo:
    shape = None
    if value.shape is not None:
        shape = tuple(_dim(dim) for dim in value.shape)
    return TensorInfo(
        name=value.name or "",
        dtype=_dtype_name(value.dtype),
        shape=shape,
    )


def _dtype_name(dtype: ir.DataType | None) -> str:
    """numpy's name: ONNX says FLOAT and DOUBLE where numpy says float32 and float64."""
    if dtype is None:
        return ""
    names = {ir.DataType.FLOAT: "float32", ir.DataType.DOUBLE: "float64", ir.DataType.STRING: "str"}
    return names.get(dtype, dtype.name.lower())


def _dim(dim: int | ir.SymbolicDim) -> int | str | None:
    """A number, a symbol, or None. Exporters write 0, -1 and '?' where they mean unknown."""
    if isinstance(dim, int):
        return dim if dim > 0 else None
    return dim.value if dim.value and dim.value != "?" else None


def _params(model: ir.Model, layers: tuple[Layer, ...]) -> int:
    """Trained numbers: float initializers that are no scales, and the layers' integer weights."""
    weights = {name for layer in layers for name in layer.weights}
    return sum(
        elements(value.const_value)
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
        and (name in weights or (is_float(value.const_value.dtype) and not _is_scale(value)))
    )


def _is_scale(value: ir.Value) -> bool:
    return any(node.op_type in ("DequantizeLinear", "QuantizeLinear") for node in value.consumers())
