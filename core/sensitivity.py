"""How much each layer suffers: it alone is pruned or rounded, and the whole network is measured.

Each layer needs one session: its weights are made inputs that can be fed anew at every run, which
costs about a tenth of the speed (all weights at once would cost two thirds) and saves the loading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import PlanError
from core.evaluate.judge import Judge, Judgement
from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.methods.planned import planned_weight
from core.methods.resolve import Step, resolve
from core.values import FLOAT_BITS, Layer, Plan, SensitivityPoint, digest, text

VERSION = 1
"""Part of every key: measurements of an older way to measure are made anew."""


class PointStore(Protocol):
    """Where points are kept, e.g. a project file."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...


@dataclass(frozen=True)
class Setting:
    """What is done to a layer: either of the two."""

    sparsity: float = 0.0
    weight_bits: int = FLOAT_BITS


def analyze(
    opened: OpenedModel,
    judge: Judge,
    sparsities: Sequence[float],
    weight_bits: Sequence[int],
    samples: int,
    layers: Sequence[str],
    store: PointStore | None,
    context: Context,
) -> tuple[SensitivityPoint, ...]:
    """Return one point for each layer (those named, or all, largest first) and setting that it allows.

    Each point is published the moment it exists; with a store it is kept there, and found there the
    next time. Measured on the first `samples` judging samples. Layers that share a weight change
    together and get the same figures. Raises PlanError for an unknown layer, and Cancelled at the next batch.
    """
    wanted = [Setting(sparsity=s) for s in sparsities if s > 0]
    wanted += [Setting(weight_bits=b) for b in weight_bits if b < FLOAT_BITS]
    work = [(layer, _steps(opened, layer, wanted)) for layer in chosen_layers(opened, layers)]
    total = sum(len(steps) for _, steps in work)
    points: list[SensitivityPoint] = []
    shared: dict[tuple[object, ...], SensitivityPoint] = {}
    for layer, steps in work:
        probe: LayerProbe | None = None
        for setting, step in steps:
            context.report(text("Measuring layer '{layer}'", layer=layer.label), len(points), total)
            key = _key(opened, judge, layer, step, samples)
            group = (layer.weights, step.weight_key)
            point = shared.get(group) or _stored(store, key)
            if point is None:
                probe = probe or LayerProbe(opened, layer, judge.threads)
                judgement = probe.judge(step, judge, samples, context)
                point = _point(layer.id, setting, judgement)
                if store is not None:
                    store.put(key, msgspec.msgpack.encode(point))
            shared[group] = point
            point = msgspec.structs.replace(point, layer_id=layer.id)
            context.publish(point)
            points.append(point)
    return tuple(points)


def chosen_layers(opened: OpenedModel, names: Sequence[str]) -> list[Layer]:
    """Return the layers of these ids, or all with weights that can be changed, largest first."""
    known = {layer.id: layer for layer in opened.info.layers}
    for name in names:
        if name not in known:
            raise PlanError(
                text("The model has no layer '{layer}'.", layer=name),
                next_step=text("Open the model again and choose from the layers in the table."),
            )
    layers = [known[name] for name in names] or list(known.values())
    return sorted(layers, key=lambda layer: -layer.bytes)


class LayerProbe:
    """The network with one layer's weights open to change: a session that serves all its settings."""

    def __init__(self, opened: OpenedModel, layer: Layer, threads: int | None = None) -> None:
        self._names = layer.weights
        self._weights = get_weights(opened.model, layer)
        self._runner = Runner(with_open_weights(opened, self._names), threads)

    def judge(self, step: Step, judge: Judge, samples: int, context: Context) -> Judgement:
        """Judge the network with this step done to the layer. Raises Cancelled."""
        changed = {
            name: planned_weight(weight, step)
            for name, weight in zip(self._names, self._weights, strict=True)
        }

        def run(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            return self._runner.run({**feeds, **changed})

        return judge.measure_run(run, context, samples, stage=None)


def with_open_weights(opened: OpenedModel, names: Sequence[str]) -> ir.Model:
    """Return the graph with these initializers as inputs too: defaults that a run may override."""
    model = opened.clone()
    for name in names:
        model.graph.inputs.append(model.graph.initializers[name])
    return model


def _steps(opened: OpenedModel, layer: Layer, settings: Sequence[Setting]) -> list[tuple[Setting, Step]]:
    """The settings that this layer allows, each as the step that carries it out."""
    steps = []
    for setting in settings:
        if not (layer.prunable if setting.sparsity else layer.quantizable):
            continue
        plan = Plan().with_layer(layer.id, sparsity=setting.sparsity, weight_bits=setting.weight_bits)
        try:
            step = next(step for step in resolve(opened, plan) if step.layer.id == layer.id)
        except PlanError:
            continue  # e.g. weights of a type that can't be rounded: the table says so
        if step.changes:
            steps.append((setting, step))
    return steps


def _point(layer_id: str, setting: Setting, judgement: Judgement) -> SensitivityPoint:
    return SensitivityPoint(
        layer_id=layer_id,
        sparsity=setting.sparsity,
        weight_bits=setting.weight_bits,
        measurement=judgement.primary,
        loss=judgement.loss,
        loss_low=judgement.loss_low,
        loss_high=judgement.loss_high,
        kl=judgement.kl,
    )


def _key(opened: OpenedModel, judge: Judge, layer: Layer, step: Step, samples: int) -> str:
    """What the figure depends on: model, samples and how they are read, layer, setting, version."""
    data = judge.data.info
    spec = msgspec.structs.replace(data.spec, path="", calibration_path=None)
    count = min(samples, judge.count)
    return digest("sensitivity", VERSION, opened.info.sha256, data.sha256, spec, layer.id, step.key, count)


def _stored(store: PointStore | None, key: str) -> SensitivityPoint | None:
    value = store.get(key) if store is not None else None
    if value is None:
        return None
    try:
        return msgspec.msgpack.decode(value, type=SensitivityPoint)
    except msgspec.DecodeError:
        return None  # written by another version: measured again
