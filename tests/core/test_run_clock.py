"""Points of a run carry their time and memory; what is no point passes untouched."""

from __future__ import annotations

import time

from core.context import Context
from core.run_clock import peak_memory, stamping
from core.values import Measurement, Plan, RunPoint, TrainingPoint, Value

POINT = RunPoint(step=1, total=2, measurement=Measurement(metric="top1", value=1.0), loss=0.0)


def test_points_get_time_and_memory_before_anybody_keeps_them() -> None:
    kept: list[Value] = []
    told: list[Value] = []
    context = Context(on_partial=told.append).keeping(kept.append).changing(stamping())
    time.sleep(0.02)
    context.publish(POINT)
    context.publish(Plan())
    assert kept == told and told[1] == Plan()
    point = told[0]
    assert isinstance(point, RunPoint) and 0.02 <= point.elapsed_seconds < 5
    assert point.memory_bytes <= peak_memory()
    assert peak_memory() == 0 or peak_memory() > 5_000_000


def test_a_training_tells_of_itself(tmp_path) -> None:
    import networks
    import numpy as np

    from core.formats import open_model
    from core.gradients.samples import Samples
    from core.methods.finetune import tune

    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    samples = Samples({opened.info.inputs[0].name: networks.pictures(80)}, np.arange(80) % 4, np.arange(80))
    told: list[Value] = []
    plan = Plan(methods={"finetune": {"seconds": 1.0, "batch": 16}})
    done = tune(opened.clone(), opened.model, {}, samples, plan, Context(on_partial=told.append))
    points = [one for one in told if isinstance(one, TrainingPoint)]
    assert points and points == told
    shares = [one.share for one in points]
    assert shares == sorted(shares) and len(points) <= 1 / 0.005 + 12
    held = [one.held_out for one in points if one.held_out is not None]
    # what is kept is the best of what was told
    assert done.after == min([done.before, *held])
    assert points[-1].step <= done.steps
