"""Step: channels are evened out, and stay so if the network with its bits answers more like the original."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import onnx_ir as ir

from core.errors import DataError
from core.evaluate.answers import find_subject
from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.graph.scaling import Freedom, scalable, scaled
from core.graph.suffix import before_selection
from core.methods import setting
from core.methods._pieces import Feeds
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.equalize import STRENGTHS, Reaches, level, reaches, smooth
from core.methods.resolve import base_model, resolve
from core.methods.sequential import distance
from core.steps import Done, Task, WholeStep, register
from core.steps._samples import split
from core.values import FLOAT_BITS, StepInfo, Text, text

LEAST_GAIN = 0.02
"""Share of the distance that must go: less is noise."""
_STRENGTH = 0.5


def run(opened: OpenedModel, task: Task) -> Done:
    """Raises DataError without samples, and Cancelled."""
    samples = split(task.data)
    if samples.fit is None or not samples.held_out:
        raise DataError(
            text("Equalising channels needs calibration samples."),
            next_step=text("Choose data, or switch 'Equalise' off."),
        )
    task.context.report(text("Evening out channels"))
    freedom = scalable(opened)
    if not freedom.count:
        return Done(opened.model, (text("No channel can be scaled without changing the answers."),))
    measured = reaches(opened.model, freedom, samples.fit(), task.context)
    fit, held_out = list(samples.fit()), samples.held_out
    before = _distance(opened, opened.model, task, fit, held_out)
    best, least, name = opened.model, before, ""
    for label, factors in _candidates(
        opened.model, freedom, measured, str(setting(task.plan, "equalize", "how"))
    ):
        if np.allclose(factors, 1.0):
            continue
        task.context.report(text("Evening out channels"))
        model = scaled(opened.model, freedom, factors)
        found = _distance(opened, model, task, fit, held_out)
        if found < least:
            best, least, name = model, found, label
    if least > before * (1 - LEAST_GAIN):
        return Done(opened.model, (text("Evening out channels brought nothing; they stay as they are."),))
    return Done(best, (_did(name, before, least),))


def _did(name: str, before: float, after: float) -> Text:
    return text(
        "Evened out channels ({how}): the distance from the original falls from {before} to {after}.",
        how=name,
        before=float(f"{before:.3g}"),
        after=float(f"{after:.3g}"),
    )


def _candidates(
    model: ir.Model, freedom: Freedom, measured: Reaches, how: str
) -> Iterator[tuple[str, np.ndarray]]:
    if how in ("automatic", "level"):
        for strength in STRENGTHS["level"] if how == "automatic" else (_STRENGTH, 1.0):
            yield f"level {strength:g}", level(freedom, measured, strength)
    if how in ("automatic", "smooth"):
        for strength in STRENGTHS["smooth"]:
            yield f"smooth {strength:g}", smooth(model, freedom, measured, strength)


def _distance(
    opened: OpenedModel, model: ir.Model, task: Task, fit: Sequence[Feeds], held_out: Sequence[Feeds]
) -> float:
    """Of the network with the plan's bits from the float one, on samples that chose nothing."""
    own = dataclasses.replace(opened, model=model)
    resolved = resolve(own, task.plan)
    steps = [step for step in resolved if step.weight_bits != FLOAT_BITS]
    base = base_model(own, resolved)
    names = placement_for(base, steps).calibrated
    method = str(setting(task.plan, "calibrate", "range"))
    percentile = float(setting(task.plan, "calibrate", "percentile"))
    ranges = calibrate(base, names, lambda: iter(fit), task.context, method, percentile)
    made = (opened.model, assemble(base, steps, ranges))
    original, rounded = (Runner(before_selection(one)) for one in made)
    distances, counts = [], []
    for feeds in held_out:
        task.context.check()
        wanted, found = original.run(feeds), rounded.run(feeds)
        subject = find_subject(wanted, "unlabelled", None)
        distances.append(distance(wanted[subject.output], found[subject.output], subject))
        counts.append(len(wanted[subject.output]))
    return float(np.average(distances, weights=counts))


register(
    WholeStep(
        StepInfo(
            name="equalize",
            label=text("Equalise channels"),
            help=text("Evens out channels of very different size, so that few bits express them all."),
            place=10,
            methods=("equalize", "calibrate"),
            asked_by=(("equalize", "on"),),
        ),
        run,
        about=lambda plan: (plan.defaults, plan.exceptions),
    )
)
