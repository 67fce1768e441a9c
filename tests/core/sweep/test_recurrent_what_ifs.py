"""What-ifs of a recurrent layer are made as a run makes them, biases and all."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper
from runs import Data

from core.context import Context
from core.evaluate.judge import Judge
from core.formats import open_model
from core.methods.assemble import assemble
from core.methods.resolve import base_model, resolve
from core.methods.stored import Cache
from core.sweep.analyze import analyze
from core.sweep.candidates import Candidate, layer_errors, make
from core.sweep.settings import settings_of
from core.values import Plan

TIME, WIDTH, HIDDEN, COUNT = 8, 6, 8, 64


def sequences(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((COUNT, TIME, WIDTH)) @ np.random.default_rng(5).standard_normal(
        (WIDTH, WIDTH)
    )
    return (0.5 * mixed + 0.3).astype(np.float32)


def network(kind: str, gates: int, biased: bool) -> onnx.ModelProto:
    """Both directions of a recurrent layer, its last states, four classes."""
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    weights = {
        "w": random(2, gates * HIDDEN, WIDTH),
        "r": random(2, gates * HIDDEN, HIDDEN),
        "fc": random(4, 2 * HIDDEN) * 4,
    }
    if biased:
        weights["b"] = random(2, 2 * gates * HIDDEN)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], name="turn", perm=[1, 0, 2]),
        helper.make_node(
            kind, ["t", "w", "r", *(["b"] if biased else [])], ["", "h"], name="cell",
            hidden_size=HIDDEN, direction="bidirectional",
        ),
        helper.make_node("Transpose", ["h"], ["u"], name="back", perm=[1, 0, 2]),
        helper.make_node("Flatten", ["u"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "fc"], ["y"], name="fc", transB=1),
    ]  # fmt: skip
    return networks.model_of(nodes, {"x": ["N", TIME, WIDTH]}, {"y": ["N", 4]}, weights)


@pytest.mark.parametrize(("kind", "gates", "biased"), [("LSTM", 4, True), ("GRU", 3, False)])
def test_a_point_is_what_the_compensated_network_gives(
    kind: str, gates: int, biased: bool, tmp_path: Path
) -> None:
    opened = open_model(networks.written(network(kind, gates, biased), tmp_path), Context())
    data = Data({"x": sequences(1)})
    judge = Judge(opened.source, data, Context())
    plan = Plan().with_layer("cell", weight_bits=3)
    step = next(step for step in resolve(opened, plan) if step.layer.id == "cell")
    known = dict(layer_errors(opened, data, opened.info.layers, plan, Context()))

    def kl(candidate: Candidate) -> float:
        cache: Cache = {(name, step.weight_key): weight for name, weight in candidate.stored.items()}
        biases = {} if candidate.bias is None else {"cell": candidate.bias}
        changed = assemble(base_model(opened, (step,)), [step], {}, cache, biases)
        found = judge.measure(changed, Context()).kl
        assert found is not None
        return found

    compensated = make(opened, step, known["cell"], plan)
    assert compensated.bias is not None and compensated.bias.shape == (2 * gates * HIDDEN,)
    assert kl(compensated) < 0.7 * kl(make(opened, step, None, plan))
    points, *_ = analyze(opened, judge, settings_of((), (3,)), COUNT, ("cell",), None, Context())
    (point,) = [point for point in points if point.weight_bits == 3 and not point.estimate]
    assert point.kl == pytest.approx(kl(compensated), rel=1e-3)
