"""Steps on the whole network before its layers' own: blocks and channels go, then training mends.

The result stands in for the opened model in the rest of the run; the original file stays the measure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.corrections import Corrections, MeasurementStore
from core.data import open_data
from core.data.dataset import Batch, DataSet, data_key
from core.errors import DataError
from core.gradients.samples import Samples, load_samples
from core.graph.cost import costs
from core.graph.layers import find_layers
from core.graph.opened import OpenedModel
from core.graph.weights import set_weight
from core.methods import setting
from core.methods._pieces import Feeds
from core.methods.assemble import assemble
from core.methods.finetune import tune
from core.methods.merge_channels import merge_channels
from core.methods.prune_blocks import prune_blocks
from core.methods.prune_channels import from_plan
from core.methods.resolve import base_model, resolve
from core.values import FLOAT_BITS, LayerPlan, Plan, digest, text

VERSION = 1
_BATCH = 32
_HELD_OUT_BATCHES = 2
_STEPS = ("prune_blocks", "merge_channels", "prune_channels", "repair_channels", "finetune")


def restructure(
    opened: OpenedModel,
    data: DataSet | None,
    plan: Plan,
    store: MeasurementStore | None,
    context: Context,
) -> OpenedModel:
    """Return the model with blocks and channels gone and trained as `plan` says, the layers found anew.

    Its `info.sha256` follows from the original's, the plan and the samples, so that nothing measured of
    the one counts for the other. Layers keep their ids; `bytes` are the original's. Raises PlanError if
    a goal cannot be reached, DataError where samples are needed, Cancelled.
    """
    model = opened.model
    removes = plan.work_removed > 0
    count = int(setting(plan, "prune_blocks", "count"))
    batches: list[Feeds] = []
    # merging and training have no use for these samples
    if data is not None and data.info.calibration_count >= 2 and (removes or count):
        batches = _batches(data)
    fit = batches[:-_HELD_OUT_BATCHES] or batches
    held_out = batches[-_HELD_OUT_BATCHES:]

    def repeat() -> list[Feeds]:
        return fit

    if count:
        context.report(text("Leaving out blocks"))
        model = prune_blocks(model, count, repeat if fit else None, held_out, context).model
    tolerance = float(setting(plan, "merge_channels", "tolerance"))
    if tolerance > 0:
        context.report(text("Merging alike channels"))
        model = merge_channels(model, tolerance).model
    if removes:
        context.report(text("Removing channels"))
    pruned = from_plan(model, plan, repeat if fit else None, held_out, context)
    if pruned is not None:
        model = pruned.model
    result = _opened(opened, model, plan, data)
    if float(setting(plan, "finetune", "seconds")) > 0:
        result = _tuned(opened, result, data, plan, store, context)
    return result


def _batches(data: DataSet) -> list[Feeds]:
    return [batch.feeds for batch in data.batches("calibration", _BATCH)]


def _opened(opened: OpenedModel, model: ir.Model, plan: Plan, data: DataSet | None) -> OpenedModel:
    before = {layer.id: layer.bytes for layer in opened.info.layers}
    found = find_layers(model, costs(model).macs)
    layers = tuple(msgspec.structs.replace(layer, bytes=before.get(layer.id, layer.bytes)) for layer in found)
    settings = {step: plan.methods.get(step, {}) for step in _STEPS}
    key = digest("restructure", VERSION, opened.info.sha256, settings, data_key(data) if data else None)
    info = msgspec.structs.replace(opened.info, layers=layers, sha256=key)
    return dataclasses.replace(opened, info=info, model=model)


def _tuned(
    original: OpenedModel,
    opened: OpenedModel,
    data: DataSet | None,
    plan: Plan,
    store: MeasurementStore | None,
    context: Context,
) -> OpenedModel:
    """The weights are pruned as the plan says, then trained with their zeros held."""
    if data is None:
        raise DataError(
            text("Fine-tuning needs data."),
            next_step=text("Choose data, or set the time for training to 0."),
        )
    sparse = _zeros_alone(plan)
    steps = [step for step in resolve(opened, sparse) if step.prunes]
    model = opened.clone()
    if steps:
        base = base_model(opened, tuple(steps))
        corrections = Corrections.start(opened, base, steps, {}, sparse, data, store, context)
        corrections.ensure(len(steps))
        model = assemble(base, steps, {}, corrections.cache, corrections.biases)
    masks = {}
    for step in steps:
        for name in step.layer.weights:
            tensor = model.graph.initializers[name].const_value
            if tensor is not None:
                masks[name] = tensor.numpy() != 0
    samples = _training_samples(original, data, plan, context)
    tuned = tune(model, original.model, masks, samples, plan, context)
    model = model.clone()
    for name, weight in tuned.weights.items():
        set_weight(model, name, weight)
    result = _opened(original, model, plan, data)
    about = (plan.defaults, plan.exceptions, plan.methods.get("compensate", {}))
    info = msgspec.structs.replace(result.info, sha256=digest("tuned", result.info.sha256, *about))
    return dataclasses.replace(result, info=info)


def _zeros_alone(plan: Plan) -> Plan:
    """The plan with every layer's numbers left as they are."""

    def floating(layer: LayerPlan) -> LayerPlan:
        return msgspec.structs.replace(layer, weight_bits=FLOAT_BITS, activation_bits=FLOAT_BITS)

    exceptions = {
        name: msgspec.structs.replace(layer, weight_bits=None, activation_bits=None)
        for name, layer in plan.exceptions.items()
    }
    return msgspec.structs.replace(plan, defaults=floating(plan.defaults), exceptions=exceptions)


def _training_samples(opened: OpenedModel, data: DataSet, plan: Plan, context: Context) -> Samples:
    """The calibration source's samples, many more than calibrate, without any that judge."""
    count = int(setting(plan, "finetune", "samples"))
    spec = msgspec.structs.replace(data.info.spec, calibration_count=count)
    larger = open_data(spec, opened.info.inputs, opened.info.outputs, context)
    judging: set[int] = set()
    if data.shared_source:
        judging = {int(index) for batch in data.batches("judge", 512) for index in batch.indices}

    def kept() -> Iterator[Batch]:
        for batch in larger.batches("calibration", 256):
            chosen = [place for place, index in enumerate(batch.indices) if int(index) not in judging]
            if chosen:
                labels = None if batch.labels is None else batch.labels[chosen]
                feeds = {name: np.asarray(array)[chosen] for name, array in batch.feeds.items()}
                yield Batch(feeds, labels, batch.indices[chosen])

    return load_samples(kept())
