"""All that is known of an exported file, in one value; and as JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from core import __version__
from core.graph.opened import OpenedModel
from core.values import (
    Comparison,
    DataInfo,
    LayerReport,
    Measurement,
    ModelCard,
    Origin,
    Outcome,
    Result,
    RunPoint,
    SensitivityPoint,
)


@dataclass(frozen=True)
class Told:
    """What a report tells beside the result, as far as somebody knows it."""

    points: tuple[RunPoint, ...] = ()
    """The accuracy after each step and layer of the run."""
    alone: tuple[SensitivityPoint, ...] = ()
    """What single layers lost alone, measured."""
    expected: Outcome | None = None
    """What was estimated before the run."""
    comparison: Comparison | None = None
    """The file's answers beside the original's, sample by sample."""
    language: str = "en"


@dataclass(frozen=True)
class Account:
    """An exported file: what it was, what it is, each layer as read back from it."""

    result: Result
    """With the sizes of the written file."""
    opened: OpenedModel
    name: str
    sha256: str
    card: ModelCard
    layers: tuple[LayerReport, ...]
    data: DataInfo | None
    told: Told = Told()


def report_json(account: Account) -> bytes:
    """UTF-8 JSON with ``before`` and ``after`` and, for each layer, bits and sparsity found in the file."""
    result = account.result
    content = {
        "secateur": __version__,
        "model": {"name": account.opened.source.name, "sha256": account.opened.info.sha256},
        "converted_from": _origin(account.opened.info.origin),
        "exported": {"name": account.name, "sha256": account.sha256},
        "before": outcome_json(result.before),
        "after": outcome_json(result.after),
        "lost": None if result.loss is None else [result.loss, result.loss_low, result.loss_high],
        "layers": [_layer(layer) for layer in account.layers],
        "notes": [str(note) for note in result.notes],
        "plan": result.plan,
        "seconds": round(result.seconds, 3),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _origin(origin: Origin | None) -> dict[str, Any] | None:
    """Of a model that was no ONNX file; names without their folders."""
    if origin is None:
        return None
    return {
        "name": origin.name,
        "kind": origin.kind,
        "sha256": origin.sha256,
        "written_by": origin.written_by,
        "converted_with": origin.frameworks,
        "largest_difference": origin.difference,
    }


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The figure that counts first, under short names; all measurements after it."""
    primary = outcome.primary
    return {
        "metric": primary.metric if primary else None,
        "accuracy": primary.value if primary else None,
        "unit": primary.unit if primary else None,
        "count": primary.count if primary else 0,
        "interval": [primary.low, primary.high] if primary else None,
        "bytes": outcome.size_bytes,
        "zipped_bytes": outcome.zipped_bytes,
        "latency": outcome.latency,
        "measurements": [_measurement(item) for item in outcome.measurements],
    }


def _measurement(item: Measurement) -> dict[str, Any]:
    return {
        "metric": item.metric,
        "value": item.value,
        "interval": [item.low, item.high],
        "count": item.count,
        "unit": item.unit,
    }


def _layer(layer: LayerReport) -> dict[str, Any]:
    return {
        "id": layer.layer_id,
        "label": layer.label,
        "op": layer.op,
        "sparsity": layer.sparsity,
        "weight_bits": layer.weight_bits,
        "activation_bits": layer.activation_bits,
        "bytes": layer.bytes,
        "before_bytes": layer.before_bytes,
        "planned": layer.planned,
        "note": str(layer.note) if layer.note is not None else None,
    }
