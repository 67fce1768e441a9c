"""What a finished step made of the network, kept so that a stopped run need not do it again."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

import msgspec
import onnx
import onnx_ir as ir

from core.corrections import MeasurementStore
from core.errors import SecateurError
from core.formats.own_file import read_own
from core.graph.weights import save, to_bytes
from core.steps import Done
from core.steps._rounded import Refined, pack, unpack
from core.values import LayerPlan, Text

MOST_KEPT = 64 << 20
"""Compressed bytes that go into the store; a larger network becomes a file in the work folder."""
_WORTH_TRYING = 256 << 20


class _Kept(msgspec.Struct, frozen=True):
    model: bytes
    """The compressed ONNX file; empty: it lies in the work folder."""
    did: tuple[Text, ...]
    layers: dict[str, LayerPlan]
    methods: dict[str, dict[str, str | int | float | bool]]
    seconds: float


def keep(done: Done, seconds: float, key: str, store: MeasurementStore, work_dir: Path) -> None:
    """Keep what a step made in `seconds` under `key`."""
    constants = done.model.graph.initializers.values()
    size = sum(value.const_value.nbytes for value in constants if value.const_value)
    packed = zlib.compress(to_bytes(done.model), 1) if size <= _WORTH_TRYING else b""
    if not packed or len(packed) > MOST_KEPT:
        packed = b""
        work_dir.mkdir(parents=True, exist_ok=True)
        save(done.model, _file(key, work_dir))
    store.put(key, msgspec.msgpack.encode(_Kept(packed, done.did, done.layers, done.methods, seconds)))


def kept(key: str, store: MeasurementStore, work_dir: Path) -> tuple[Done, float] | None:
    """What `keep` kept and the seconds it took; None if it is not there (any more)."""
    found = store.get(key)
    if found is None:
        return None
    # whatever is damaged or gone is made again
    with contextlib.suppress(msgspec.MsgspecError, zlib.error, OSError, ValueError, SecateurError):
        value = msgspec.msgpack.decode(found, type=_Kept)
        if value.model:
            proto = onnx.ModelProto.FromString(zlib.decompress(value.model))
            model = ir.serde.deserialize_model(proto)
        else:
            model = read_own(_file(key, work_dir))
        return Done(model, value.did, value.layers, value.methods), value.seconds
    return None


def keep_refined(refined: Refined, seconds: float, key: str, store: MeasurementStore, work_dir: Path) -> None:
    """Keep what a step after the bits made in `seconds` under `key`."""
    packed = pack(refined)
    if len(packed) > MOST_KEPT:
        work_dir.mkdir(parents=True, exist_ok=True)
        _file(key, work_dir).write_bytes(packed)
        packed = b""
    store.put(key, msgspec.msgpack.encode((packed, seconds)))


def kept_refined(key: str, store: MeasurementStore, work_dir: Path) -> tuple[Refined, float] | None:
    """What `keep_refined` kept and the seconds it took; None if it is not there (any more)."""
    found = store.get(key)
    if found is None:
        return None
    with contextlib.suppress(msgspec.MsgspecError, OSError):
        packed, seconds = msgspec.msgpack.decode(found, type=tuple[bytes, float])
        refined = unpack(packed or _file(key, work_dir).read_bytes())
        return None if refined is None else (refined, seconds)
    return None


def _file(key: str, work_dir: Path) -> Path:
    return work_dir / f"{key}.step.onnx"
