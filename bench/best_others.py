"""Other ways to choose zeros and bits, which bench/best.py holds the best plans against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.best_subject import Point, Subject
from core.best.options import Option
from core.best.solve import total
from core.context import Context
from core.estimate import zipped_layer_bytes
from core.graph.weights import get_weights
from core.methods.resolve import resolve
from core.sweep.candidates import layer_errors, make
from core.values import FLOAT_BITS, LayerPlan, Plan


def uniform(subject: Subject, budgets: Sequence[float]) -> list[Point]:
    """The best of 8, 4 and 3 bits, with the zeros that the budget asks for."""
    points = []
    for bits in (8, 4, 3):

        def setting(share: float, bits: int = bits) -> Mapping[str, float]:
            return {option.layers[0]: share for option in firsts(subject)}

        points += along(subject, f"uniform{bits}", budgets, setting, bits)
    return points


def magnitude(subject: Subject, budgets: Sequence[float]) -> list[Point]:
    weights = {
        layer.id: np.abs(get_weights(subject.opened.model, layer)[0]).ravel()
        for layer in subject.opened.info.layers
        if layer.prunable
    }
    every = np.sort(np.concatenate(list(weights.values())))

    def setting(share: float) -> Mapping[str, float]:
        cut = every[min(int(share * len(every)), len(every) - 1)]
        return {name: float(np.mean(values < cut)) for name, values in weights.items()}

    return along(subject, "magnitude", budgets, setting, 8)


def firsts(subject: Subject) -> list[Option]:
    return [each[0] for each in subject.frontiers.whole.options]


def along(
    subject: Subject,
    kind: str,
    budgets: Sequence[float],
    setting: Callable[[float], Mapping[str, float]],
    bits: int,
) -> list[Point]:
    """For each budget the share of zeros with which the plan is as large, found on predicted sizes.

    None where the bits alone do: that plan comes once.
    """
    layers = {layer.id: layer for layer in subject.opened.info.layers}

    def plan(share: float) -> Plan:
        zeros = setting(share)
        result = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS))
        for option in firsts(subject):
            for name in option.layers:
                result = result.with_layer(
                    name,
                    sparsity=min(zeros.get(option.layers[0], 0.0), 0.995) if layers[name].prunable else 0.0,
                    weight_bits=bits if layers[name].quantizable else FLOAT_BITS,
                    activation_bits=8 if layers[name].quantizable else FLOAT_BITS,
                )
        return result

    def size(share: float) -> float:
        asked = plan(share)
        return subject.frontiers.whole.rest_zipped + sum(
            zipped_layer_bytes(layers[option.layers[0]], asked.layer(option.layers[0]))
            for option in firsts(subject)
        )

    points = [subject.measured(kind, len(budgets), plan(0.0))] if size(0.0) < max(budgets) else []
    for place, budget in enumerate(budgets):
        if size(0.0) < budget or size(0.98) > budget:
            continue
        low, high = 0.0, 0.98
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if size(middle) > budget else (low, middle)
        points.append(subject.measured(kind, place, plan(high)))
    return points


def greedy(subject: Subject, budgets: Sequence[float]) -> list[Point]:
    """Always the step that saves a byte for the least of its own layer's relative error."""
    errors = own_errors(subject)
    chosen = [0] * len(subject.frontiers.whole.options)
    points = []
    for place, budget in enumerate(budgets):
        while subject.frontiers.whole.rest_zipped + total(picked(subject, chosen), "zipped") > budget:
            steps = [
                (
                    (errors[row][column] - errors[row][now]) / (each[now].zipped - each[column].zipped),
                    row,
                    column,
                )
                for row, (each, now) in enumerate(zip(subject.frontiers.whole.options, chosen, strict=True))
                for column in range(len(each))
                if each[column].zipped < each[now].zipped
            ]
            if not steps:
                return points
            _, row, column = min(steps)
            chosen[row] = column
        points.append(
            subject.measured("greedy", place, subject.frontiers.whole.best(picked(subject, chosen)).plan)
        )
    return points


def picked(subject: Subject, chosen: Sequence[int]) -> list[Option]:
    return [each[column] for each, column in zip(subject.frontiers.whole.options, chosen, strict=True)]


def own_errors(subject: Subject) -> list[list[float]]:
    """By layer and option the error of its outputs relative to their power, compensated as in a run."""
    layers = {layer.id: layer for layer in subject.opened.info.layers}
    wanted = [layers[each[0].layers[0]] for each in subject.frontiers.whole.options]
    known = dict(layer_errors(subject.opened, subject.judge.data, wanted, Plan(), Context()))
    found = []
    for each, layer in zip(subject.frontiers.whole.options, wanted, strict=True):
        row = []
        error = known.get(layer.id)
        whole = get_weights(subject.opened.model, layer)[0]
        for option in each:
            plan = Plan(
                defaults=LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS), exceptions={layer.id: option.plan}
            )
            step = next(step for step in resolve(subject.opened, plan) if step.layer.id == layer.id)
            if not step.changes:
                row.append(0.0)
            elif error is not None:
                before = error.form.matrices(whole)
                made = make(subject.opened, step, error, plan)
                row.append((made.error or 0.0) / error.quadratic.error(np.zeros_like(before), before))
            else:
                made = make(subject.opened, step, None, plan)
                change = next(iter(made.weights().values())) - whole
                row.append(float(np.sum(change**2) / np.sum(whole**2)))
        found.append(row)
    return found
