"""Zeros in rounds: the schedule by hand, the original as the aim, the last good state at the limit."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from runs import Data, Watch

from core.context import Context
from core.errors import DataError, PlanError
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods.repair_channels import Answers
from core.pipeline import run
from core.steps import Task
from core.steps._rounds import part_of, prune_in_rounds
from core.steps._samples import split
from core.values import LayerPlan, Plan, Result


def opened(folder: Path, channels: int = 8) -> OpenedModel:
    return open_model(networks.written(networks.cnn(channels=channels), folder), Context())


def plan(sparsity: float = 0.8, compensated: bool = True, **settings: object) -> Plan:
    methods = {"prune_weights": settings, "compensate": {"on": compensated}}
    return Plan(defaults=LayerPlan(sparsity=sparsity), methods=methods)  # type: ignore[arg-type]


def weights(result: Result) -> dict[str, np.ndarray]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(result.artefact).graph.initializer}


def compressed(model: OpenedModel, wanted: Plan, folder: Path, data: Data | None = None) -> Result:
    return run(model, data, None, wanted, folder / "out", None, Context())


def test_a_part_of_the_zeros() -> None:
    whole = Plan(
        defaults=LayerPlan(sparsity=0.8),
        exceptions={
            "a": LayerPlan(threshold=0.4),
            "b": LayerPlan(pattern="2:4"),
            "c": LayerPlan(pattern="1:4"),
            "d": LayerPlan(weight_bits=4),
        },
    )
    # two rounds: 1 − (1/2)³ = 7/8 of the zeros in the first
    first = part_of(whole, 7 / 8)
    assert first.defaults.sparsity == pytest.approx(0.7)
    assert first.exceptions["a"].threshold == pytest.approx(0.35)
    assert first.exceptions["b"].pattern == "2:4"  # 1.75 of the two
    assert first.exceptions["c"].pattern == "1:4"  # 2.6 of the three
    assert first.exceptions["d"] == LayerPlan(weight_bits=4)
    early = part_of(whole, 0.2)
    assert early.exceptions["b"] == LayerPlan(pattern="unstructured", sparsity=0.0)
    assert early.exceptions["c"].pattern == "3:4"


def test_rounds_of_plain_magnitude_end_where_one_step_does(tmp_path: Path) -> None:
    model = opened(tmp_path)
    once = weights(compressed(model, plan(compensated=False), tmp_path / "a"))
    often = weights(compressed(model, plan(compensated=False, rounds=4), tmp_path / "b"))
    assert once.keys() == often.keys()
    assert all(np.array_equal(once[name], often[name]) for name in once)


@pytest.mark.parametrize("score", ["automatic", "activation"])
def test_each_round_looks_at_the_network_as_it_is_then(score: str, tmp_path: Path) -> None:
    model, data = opened(tmp_path), Data({"x": networks.pictures(48)})
    once = compressed(model, plan(score=score), tmp_path / "a", data)
    often = compressed(model, plan(score=score, rounds=3), tmp_path / "b", data)
    for name in ("w1", "w2", "w3"):
        array = weights(often)[name]
        assert np.count_nonzero(array == 0) == pytest.approx(0.8 * array.size, abs=1)
    assert any(
        not np.array_equal(weights(once)[name] == 0, weights(often)[name] == 0) for name in ("w1", "w2")
    )
    # it is the original's answers that are aimed at: the rounds do not drift away from them
    answers = Answers(model.model, [{"x": networks.pictures(128, seed=9)}])
    distances = [answers.distance(open_model(Path(r.artefact), Context()).model) for r in (once, often)]
    assert distances[1] < 2 * distances[0]


def test_the_last_good_state_comes_back(tmp_path: Path) -> None:
    model, data = opened(tmp_path, channels=16), Data({"x": networks.pictures(256)})
    wanted = plan(0.97, rounds=5, limit=45.0)
    result = compressed(model, wanted, tmp_path, data)
    stopped = [str(note) for note in result.notes if "Stopped after round" in str(note)]
    assert len(stopped) == 1
    share = np.mean([np.mean(weights(result)[name] == 0) for name in ("w1", "w2")])
    assert 0.3 < share < 0.95
    after = open_model(Path(result.artefact), Context()).model
    assert Answers(model.model, split(data).held_out).changed(after) <= 0.45
    # without the limit it goes all the way
    free = weights(compressed(model, plan(0.97, rounds=5), tmp_path / "free", data))
    assert np.mean(free["w2"] == 0) == pytest.approx(0.97, abs=0.01)


def test_patterns_stop_at_a_looser_one(tmp_path: Path) -> None:
    model, data = opened(tmp_path, channels=16), Data({"x": networks.pictures(256)})
    wanted = Plan(defaults=LayerPlan(pattern="1:16"), methods={"prune_weights": {"rounds": 4, "limit": 45.0}})
    result = compressed(model, wanted, tmp_path, data)
    assert any("Stopped after" in str(note) for note in result.notes)
    groups = weights(result)["w2"].transpose(0, 2, 3, 1).reshape(-1, 16)
    most = np.count_nonzero(groups, axis=1).max()
    assert 1 < most < 16
    assert (np.count_nonzero(groups, axis=1) <= most).all()


def test_a_limit_that_nothing_keeps_is_said(tmp_path: Path) -> None:
    model, data = opened(tmp_path), Data({"x": networks.pictures(64)})
    with pytest.raises(PlanError, match="Already the first zeros change"):
        compressed(model, plan(0.99, limit=0.001), tmp_path, data)
    with pytest.raises(DataError, match="needs data"):
        compressed(model, plan(limit=5.0), tmp_path)


def test_bits_follow_the_rounds_and_leave_their_zeros(tmp_path: Path) -> None:
    model, data = opened(tmp_path), Data({"x": networks.pictures(48)})
    wanted = Plan(
        defaults=LayerPlan(sparsity=0.6, weight_bits=4),
        methods={"prune_weights": {"score": "obs", "rounds": 2}},
    )
    result = compressed(model, wanted, tmp_path, data)
    assert all(layer.weight_bits == 4 for layer in result.layers)
    assert all(layer.sparsity >= 0.59 for layer in result.layers)


def test_rounds_can_be_stopped(tmp_path: Path) -> None:
    model, data = opened(tmp_path), Data({"x": networks.pictures(16)})
    context = Watch()
    task = Task(model, data, plan(rounds=2), None, context)
    context.cancel()
    from core.errors import Cancelled

    with pytest.raises(Cancelled):
        prune_in_rounds(model, plan(rounds=2), task)
