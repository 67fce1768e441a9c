"""The card of a file on the disk, and the bytes that put one there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from core.formats.light import light_model
from core.values import ModelCard, card_in


def read_card(path: Path | str) -> ModelCard | None:
    """The card of the ONNX file at `path`; None if it carries none. Raises OSError, DecodeError."""
    with light_model(path) as model:
        return card_in({entry.key: entry.value for entry in model.proto.metadata_props})


def card_bytes(card: ModelCard) -> bytes:
    """What, put behind an encoded model, makes `card` its metadata.

    A protobuf message that follows another is merged into it, lists by appending: so the model's own
    bytes stay what they were, and can be held against what was judged.
    Source: https://protobuf.dev/programming-guides/encoding/#last-one-wins.
    """
    return with_entries(onnx.ModelProto(), card.entries()).SerializeToString()


def with_entries(model: onnx.ModelProto, entries: Mapping[str, str]) -> onnx.ModelProto:
    """`model` itself, its metadata grown by `entries`."""
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)
    return model
