"""The account of an exported file as JSON: what it was, what it is, and each layer as read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from core import __version__
from core.graph.opened import OpenedModel
from core.values import LayerReport, Measurement, Outcome, Result


def report_json(
    result: Result, opened: OpenedModel, name: str, sha256: str, layers: Sequence[LayerReport]
) -> bytes:
    """UTF-8 JSON with ``before`` and ``after`` and, for each layer, bits and sparsity found in the file."""
    content = {
        "secateur": __version__,
        "model": {"name": opened.source.name, "sha256": opened.info.sha256},
        "exported": {"name": name, "sha256": sha256},
        "before": outcome_json(result.before),
        "after": outcome_json(result.after),
        "layers": [_layer(layer) for layer in layers],
        "notes": [str(note) for note in result.notes],
        "plan": result.plan,
        "seconds": round(result.seconds, 3),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


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
