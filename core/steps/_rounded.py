"""The layers with their bits, for the steps that come after: what each became, and the network of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import onnx_ir as ir

from core.graph.opened import OpenedModel
from core.methods.assemble import assemble
from core.methods.quantize_activations import Range
from core.methods.resolve import Step
from core.methods.stored import Cache, StoredWeight, restored
from core.values import Text


@dataclass(frozen=True)
class Refined:
    """What a step made of the layers."""

    weights: dict[str, StoredWeight]
    """By initializer name."""
    biases: dict[str, np.ndarray]
    """By layer id."""
    did: tuple[Text, ...] = ()


@dataclass
class Rounded:
    """The state of a run whose layers all have their bits."""

    opened: OpenedModel
    """The float network that they were taken from."""
    base: ir.Model
    """The same at the opset that the layers need."""
    steps: list[Step]
    ranges: Mapping[str, Range]
    cache: Cache
    biases: dict[str, np.ndarray]
    key: str
    """Says which network this is."""

    def network(self) -> ir.Model:
        return assemble(self.base, self.steps, self.ranges, self.cache, self.biases)

    def apply(self, refined: Refined, key: str) -> None:
        """From here on the layers are as this says."""
        for step in self.steps:
            for name in step.layer.weights:
                if name in refined.weights:
                    self.cache[name, step.weight_key] = refined.weights[name]
        self.biases.update(refined.biases)
        self.key = key


def pack(refined: Refined) -> bytes:
    """As a compressed .npz."""
    arrays = {f"bias:{name}": array for name, array in refined.biases.items()}
    for name, weight in refined.weights.items():
        arrays |= {f"weight:{kind}:{name}": array for kind, array in weight.arrays().items()}
    arrays["did"] = np.frombuffer(msgspec.msgpack.encode(refined.did), np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def unpack(packed: bytes) -> Refined | None:
    """The inverse of `pack`; None for bytes of another version."""
    weights: dict[str, dict[str, np.ndarray]] = {}
    biases: dict[str, np.ndarray] = {}
    did: tuple[Text, ...] = ()
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            for full in arrays:
                if full.startswith("bias:"):
                    biases[full.removeprefix("bias:")] = arrays[full]
                elif full.startswith("weight:"):
                    _, kind, name = full.split(":", 2)
                    weights.setdefault(name, {})[kind] = arrays[full]
                else:
                    did = msgspec.msgpack.decode(arrays[full].tobytes(), type=tuple[Text, ...])
    except (ValueError, KeyError, OSError, msgspec.MsgspecError):
        return None
    made = {name: restored(parts) for name, parts in weights.items()}
    return Refined({name: weight for name, weight in made.items() if weight is not None}, biases, did)
