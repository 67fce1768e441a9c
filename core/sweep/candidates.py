"""A layer's weights under a setting as a run would make them: pruned or rounded, the rest adjusted for it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import DataSet
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.methods import setting
from core.methods._bias import read_bias
from core.methods._blas import few_threads
from core.methods._finished import finished
from core.methods._matrices import Form
from core.methods._other_forms import correctable_form
from core.methods._recurrent import RecurrentForm
from core.methods._recurrent_sweep import recurrent_swept
from core.methods._taps import node_named
from core.methods._wanted import wanted_of
from core.methods.compensate import compensated
from core.methods.hessian import Quadratic
from core.methods.layer_quadratics import layer_quadratics
from core.methods.planned import stored_weight
from core.methods.resolve import Step
from core.methods.stored import SideBySide, StoredWeight, parts_of
from core.values import Layer, Plan

POSITIONS = 30


@dataclass(frozen=True)
class Candidate:
    """What a layer becomes."""

    stored: dict[str, StoredWeight]
    """By initializer, as it would be written."""
    bias: np.ndarray | None = None
    """(channels,) if it changes."""
    error: float | None = None
    """Mean squared error of the layer's outputs, summed over channels; None without samples."""

    def weights(self) -> dict[str, np.ndarray]:
        """By initializer the numbers that the network computes with."""
        return {name: weight.values() for name, weight in self.stored.items()}

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for each in self.stored.values() for array in each.arrays().values())


@dataclass(frozen=True)
class LayerError:
    """A layer's second-order error, where it can be had."""

    form: Form
    quadratic: Quadratic


def layer_errors(
    opened: OpenedModel,
    data: DataSet | None,
    layers: Sequence[Layer],
    plan: Plan,
    context: Context,
    wanted: Container[str] | None = None,
) -> Iterator[tuple[str, LayerError]]:
    """By layer id in order of `layers`, for layers that are matrix products; none without samples.

    Only of those in `wanted`, to the last bit as if all were.
    """
    if data is None or data.info.calibration_count < 2 or not setting(plan, "compensate", "on"):
        return
    forms: dict[str, Form] = {}
    for layer in layers:
        form = _form(opened.model, layer)
        if form is not None:
            forms[layer.id] = form
    samples = int(setting(plan, "compensate", "samples"))
    for name, quadratic in layer_quadratics(opened.model, data, forms, POSITIONS, context, samples, wanted):
        yield name, LayerError(forms[name], quadratic)


def make(opened: OpenedModel, step: Step, known: LayerError | None, plan: Plan) -> Candidate:
    """The layer as `step` wants it; adjusted by its second-order error where that is known."""
    arrays = get_weights(opened.model, step.layer)
    names = step.layer.weights
    plain = {name: stored_weight(array, step, name) for name, array in zip(names, arrays, strict=True)}
    if known is None:
        return Candidate(plain)
    with few_threads(known.form.columns):
        return _adjusted(opened, step, known, arrays, plain, plan)


def _adjusted(
    opened: OpenedModel,
    step: Step,
    known: LayerError,
    arrays: list[np.ndarray],
    plain: dict[str, StoredWeight],
    plan: Plan,
) -> Candidate:
    names, form, quadratic = step.layer.weights, known.form, known.quadratic
    weight, rounded = arrays[0], plain[names[0]]
    if isinstance(form, RecurrentForm):
        weight, rounded = np.concatenate(arrays, axis=-1), SideBySide(tuple(plain.values()))
    before = form.matrices(weight)
    results = [(form.matrices(rounded.values()), rounded)]
    if step.prunes or step.weight_bits < 8:
        stored = _swept(before, form, quadratic, step, rounded, bool(setting(plan, "compensate", "thorough")))
        results.append((form.matrices(stored.values()), stored))
    errors = [quadratic.error(before, result) for result, _ in results]
    best = int(np.argmin(errors))
    result, stored = results[best]
    bias = read_bias(node_named(opened.model, step.layer.id), form.channels)
    if bias is not None:
        bias = (bias + quadratic.bias_shift(before, result)).astype(np.float32)
    parts = dict(zip(names, parts_of(stored), strict=True))
    return Candidate(parts, bias, max(errors[best], 0.0))


def _swept(
    before: np.ndarray, form: Form, quadratic: Quadratic, step: Step, rounded: StoredWeight, thorough: bool
) -> StoredWeight:
    if isinstance(form, RecurrentForm) and isinstance(rounded, SideBySide):
        return recurrent_swept(before, quadratic, form, step, rounded, thorough)
    result, grid = compensated(before, quadratic.hessian, wanted_of(step, form, rounded), thorough)
    return finished(result, grid, rounded, form, step)


def _form(model: ir.Model, layer: Layer) -> Form | None:
    if layer.group is not None or not (layer.prunable or layer.quantizable):
        return None
    try:
        return correctable_form(node_named(model, layer.id))
    except KeyError:
        return None  # inside a branch or loop
