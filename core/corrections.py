"""The corrections of a run: made layer by layer as they are needed, kept in the store, found there again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import DataSet, data_key
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods._pieces import Feeds
from core.methods.assemble import placement_for
from core.methods.planned import pruned
from core.methods.quantize_activations import Range
from core.methods.resolve import Step
from core.methods.sequential import Correction, Corrector
from core.methods.stored import Cache, restored
from core.values import Plan, digest, text

VERSION = 8
"""Raise it when the same plan gives other corrections."""

LIGHT_WORK = 4e11
"""Multiply-accumulates up to which layers of 8 bits are corrected as well: some ten seconds."""
_BATCH = 32
_MOST_KEPT = 64 << 20
"""Bytes of one layer's correction up to which it goes into the store; larger ones are made again."""


class MeasurementStore(Protocol):
    """Where measurements are kept: the project file, or a dictionary."""

    def get(self, key: str, /) -> bytes | None: ...

    def put(self, key: str, value: bytes, /) -> None: ...


@dataclass
class Corrections:
    """What the layers of a run became so far. Without data, or with nothing to correct, it does nothing."""

    steps: list[Step]
    store: MeasurementStore | None
    context: Context
    first: int
    """Layers before it are as rounded: nothing is lost there that is worth the time."""
    _base_key: tuple[object, ...] = ()
    _corrector: Corrector | None = None
    done: int = 0
    cache: Cache = field(default_factory=dict)
    """Rounded weights, for `assemble`; those of corrected layers are in it."""
    biases: dict[str, np.ndarray] = field(default_factory=dict)
    """New biases by layer id, for `assemble`."""
    count: int = 0
    """How many layers are not just rounded."""
    gain: tuple[float, float] | None = None
    """Where all layers were judged together: the distance from the original before and after."""

    @classmethod
    def start(
        cls,
        opened: OpenedModel,
        base: ir.Model,
        steps: list[Step],
        ranges: dict[str, Range],
        plan: Plan,
        data: DataSet | None,
        store: MeasurementStore | None,
        context: Context,
        original: ir.Model | None = None,
    ) -> Corrections:
        """`original`: whose answers count, where `base` has lost some already; a network of the same nodes,
        which follows from `opened.info.sha256` as well."""
        lossy = [i for i, step in enumerate(steps) if step.weight_bits < 8 or _cuts(base, step)]
        # rounding activations loses more than 8-bit weights do, and both can be made good in one go
        light = not lossy and any(step.activation_bits == 8 for step in steps)
        light = light and _work(opened, steps, int(setting(plan, "compensate", "samples"))) <= LIGHT_WORK
        first = lossy[0] if lossy else 0 if light else len(steps)
        result = cls(steps, store, context, first)
        if data is None or first == len(steps) or not setting(plan, "compensate", "on"):
            result.first = len(steps)
            return result
        samples = min(int(setting(plan, "compensate", "samples")), data.info.calibration_count)
        if not samples:
            result.first = len(steps)
            return result

        def batches() -> Iterator[Feeds]:
            for batch in data.batches("calibration", _BATCH, samples):
                yield batch.feeds

        result._corrector = Corrector(
            base,
            steps,
            ranges,
            plan,
            batches,
            samples,
            context,
            result.cache,
            result.biases,
            opened.info.macs or 0,
            first,
            original,
            light,
        )
        methods = {name: dict(plan.methods[name]) for name in sorted(plan.methods)}
        result._base_key = (VERSION, opened.info.sha256, data_key(data), samples, methods)
        return result

    def about(self, count: int) -> tuple[object, ...]:
        """What decides the first `count` layers' corrections, for keys of measurements; () for none."""
        return (self.first, self._base_key) if count > self.first else ()

    def ensure(self, count: int) -> None:
        """Correct the first `count` layers, those that are not yet. Raises Cancelled."""
        if self._corrector is not None and self._corrector.light and self.done < count:
            self._settle(self._corrector)
        while self.done < count:
            index = self.done
            if self._corrector is not None and index >= self.first:
                correction = self._kept(index) or self._made(index)
                self._corrector.apply(index, correction)
                self.count += correction.name != "plain"
            self.done += 1

    def let_go(self) -> None:
        """Of the networks and of what the layers became: the figures stay."""
        self._corrector = None
        self.cache, self.biases = {}, {}

    def _settle(self, corrector: Corrector) -> None:
        """Correct all layers at once, and leave all as rounded if held-out answers are no nearer for it."""
        total = len(self.steps)
        key = digest("kept", self._key(total - 1))
        found = self.store.get(key) if self.store is not None else None
        known = None if found is None else msgspec.msgpack.decode(found, type=tuple[float, float])
        before = known[0] if known is not None else corrector.distance(total)
        if known is None or known[1] < known[0]:
            for index in range(total):
                correction = self._kept(index) or self._made(index)
                corrector.apply(index, correction)
                self.count += correction.name != "plain"
        after = known[1] if known is not None else corrector.distance(total)
        if after >= before:
            self.count = 0
            for index in range(total):
                corrector.apply(index, Correction("plain"))
        if self.store is not None and known is None:
            self.store.put(key, msgspec.msgpack.encode((before, after)))
        self.gain = before, after
        self.done = total

    def _made(self, index: int) -> Correction:
        assert self._corrector is not None
        name = self.steps[index].layer.label
        self.context.report(text("Compensating layer '{layer}'", layer=name), index, len(self.steps))
        correction = self._corrector.correct(index)
        if self.store is not None:
            packed = pack(correction)
            if len(packed) <= _MOST_KEPT:
                self.store.put(self._key(index), packed)
        return correction

    def _kept(self, index: int) -> Correction | None:
        kept = self.store.get(self._key(index)) if self.store is not None else None
        return None if kept is None else unpack(kept)

    def _key(self, index: int) -> str:
        assert self._corrector is not None
        steps = self.steps[: index + 1]
        ranges = self._corrector.ranges
        names = placement_for(self._corrector.base, self.steps).calibrated
        measured = [(name, ranges[name].low, ranges[name].high) for name in names]
        # the activations of later layers count too: what a layer reads may be read by them
        later = [(step.layer.id, step.activation_bits) for step in self.steps[index + 1 :]]
        about = [step.key for step in steps], later, measured
        return digest("correction", self._base_key, self.first, *about)


def _work(opened: OpenedModel, steps: list[Step], samples: int) -> float:
    """Multiply-accumulates, roughly, of correcting all layers once: the networks' runs and the sweeps."""
    total = 2.0 * (opened.info.macs or 0) * samples
    for step in steps:
        shape = step.layer.shape
        total += prod(shape) * (prod(shape) / max(1, prod(shape[axis] for axis in step.row_axes)))
    return total


def _cuts(base: ir.Model, step: Step) -> bool:
    """Whether zeros are still to be made: trained layers have theirs already."""
    if not step.prunes:
        return False
    for name in step.layer.weights:
        tensor = base.graph.initializers[name].const_value
        if tensor is not None:
            weight = tensor.numpy()
            if np.count_nonzero(pruned(weight, step, name)) != np.count_nonzero(weight):
                return True
    return False


def pack(correction: Correction) -> bytes:
    """A correction as a compressed .npz."""
    arrays = {"name": np.asarray(correction.name), "distance": np.asarray(correction.distance)}
    if correction.weight is not None:
        arrays |= {f"weight.{name}": array for name, array in correction.weight.arrays().items()}
    if correction.bias is not None:
        arrays["bias"] = correction.bias
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def unpack(packed: bytes) -> Correction | None:
    """The inverse of `pack`; None for bytes of another version."""
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            parts = {name.removeprefix("weight."): arrays[name] for name in arrays if name[:7] == "weight."}
            bias = arrays.get("bias")
            return Correction(str(arrays["name"]), restored(parts), bias, float(arrays["distance"]))
    except (ValueError, KeyError, OSError):
        return None
