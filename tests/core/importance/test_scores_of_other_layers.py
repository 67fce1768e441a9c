"""Scores on samples of layers that are products in disguise: held against the layers' own outputs."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from test_measured_scores import scores, scoring_of

RNG = np.random.default_rng(4)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("groups", [1, 2])
def test_brain_damage_of_a_transposed_convolution_is_what_its_outputs_lose(
    groups: int, tmp_path: Path
) -> None:
    weight = RNG.normal(size=(4, 3, 2, 3)).astype(np.float32)
    channels = 3 * groups

    def transposed(stored: np.ndarray) -> onnx.ModelProto:
        node = helper.make_node(
            "ConvTranspose", ["x", "w"], ["y"], name="up", group=groups, strides=[2, 1], pads=[0, 1, 1, 0]
        )
        sizes = ["N", channels, 5, 4]
        return networks.model_of([node], {"x": ["N", 4, 3, 3]}, {"y": sizes}, {"w": stored})

    x = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)
    whole = run(transposed(weight), x)
    damage, damaged = scores(scoring_of(transposed(weight), x, tmp_path), "up", "obd")
    assert damage.shape == (channels, 4 // groups * 6)
    for place in [(0, 0, 0, 0), (1, 2, 1, 2), (3, 1, 0, 1)]:
        cut = weight.copy()
        cut[place] = 0
        lost = run(transposed(cut), x) - whole
        # the bias that a transposed convolution may have makes good the mean
        expected = lost.var(axis=(0, 2, 3)).sum()
        source, out, *at = place
        row = source // (4 // groups) * 3 + out
        column = source % (4 // groups) * 6 + at[0] * 3 + at[1]
        assert damage[row, column] == pytest.approx(expected, rel=1e-4)
    assert damaged == pytest.approx(damage.sum(axis=1), rel=1e-5)
    surgeon, _ = scores(scoring_of(transposed(weight), x, tmp_path), "up", "obs")
    # others of the row make up for a part of it, beside what damping adds
    assert (surgeon <= 1.02 * damage + 1e-6).all() and surgeon.sum() < 0.98 * damage.sum()


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_weights_of_a_recurrent_layer_meet_inputs_and_states(op: str, tmp_path: Path) -> None:
    gates, hidden, width, steps = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 3, 2, 5
    w, r = (RNG.normal(size=(1, gates * hidden, size)).astype(np.float32) for size in (width, hidden))
    node = helper.make_node(op, ["t", "w", "r"], ["h"], name="layer", hidden_size=hidden)
    turned = helper.make_node("Transpose", ["x"], ["t"], name="turned", perm=[1, 0, 2])
    back = helper.make_node("Transpose", ["h"], ["y"], name="back", perm=[2, 0, 1, 3])
    sizes = {"x": ["N", steps, width]}
    model = networks.model_of([turned, node, back], sizes, {"y": ["N", steps, 1, hidden]}, {"w": w, "r": r})
    x = RNG.normal(size=(8, steps, width)).astype(np.float32)
    states = run(model, x)[:, :, 0]
    before = np.concatenate([np.zeros((8, 1, hidden), np.float32), states[:, :-1]], axis=1)
    weights, _ = scores(scoring_of(model, x, tmp_path), "layer", "activation")
    assert weights.shape == (gates * hidden, width + hidden)
    power = np.concatenate([(x**2).mean(axis=(0, 1)), (before**2).mean(axis=(0, 1))])
    # a GRU's candidate sees its states through the reset gate
    plain = slice(0, 2 * hidden if op == "GRU" else None)
    side_by_side = np.abs(np.concatenate([w[0], r[0]], axis=1))
    assert weights[plain] == pytest.approx((side_by_side * np.sqrt(power))[plain], rel=1e-4)
    if op == "GRU":
        reset = 1 / (1 + np.exp(-(x @ w[0, hidden : 2 * hidden].T + before @ r[0, hidden : 2 * hidden].T)))
        seen = ((reset * before) ** 2).mean(axis=(0, 1))
        assert weights[2 * hidden :, width:] == pytest.approx(
            side_by_side[2 * hidden :, width:] * np.sqrt(seen), rel=1e-4
        )
    damage, channels = scores(scoring_of(model, x, tmp_path), "layer", "obd")
    # the gates' sums have a bias, so only deviations from the means count
    met = np.concatenate([x, before], axis=2).reshape(-1, width + hidden)
    assert damage[plain] == pytest.approx((side_by_side**2 * met.var(axis=0))[plain], rel=1e-4)
    assert channels == pytest.approx(damage.sum(axis=1), rel=1e-5)


def test_an_entry_of_a_table_counts_as_often_as_it_is_looked_up(tmp_path: Path) -> None:
    table = RNG.normal(size=(40, 32)).astype(np.float32)
    # Keras's files say nothing of the type of what comes out of a Cast
    cast = helper.make_node("Cast", ["x"], ["i"], name="whole", to=onnx.TensorProto.INT64)
    node = helper.make_node("Gather", ["w", "i"], ["y"], name="words")
    model = networks.model_of([cast, node], {"x": ["N", 3]}, {"y": ["N", 3, 32]}, {"w": table})
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    # -1 is the last entry
    x = np.array([[0, 1, -1], [0, 39, 1], [0, 1, 1], [0, 1, 1]], np.int32)
    share = np.zeros(40)
    share[[0, 1, 39]] = np.array([4, 6, 2]) / 12
    scoring = scoring_of(model, x, tmp_path)
    weights, _ = scores(scoring, "words", "activation")
    assert weights == pytest.approx(np.abs(table.T) * np.sqrt(share), rel=1e-6)
    whole = run(model, x)
    damage, channels = scores(scoring, "words", "obd")
    for entry, column in [(0, 0), (1, 31), (39, 7), (38, 7)]:
        cut = table.copy()
        cut[entry, column] = 0
        lost = cut[x] - whole
        assert damage[column, entry] == pytest.approx((lost**2).mean(axis=(0, 1)).sum(), rel=1e-5, abs=1e-12)
    surgeon, lost_channels = scores(scoring, "words", "obs")
    assert surgeon == pytest.approx(damage, rel=1e-5, abs=1e-30)
    assert lost_channels == pytest.approx((whole**2).mean(axis=(0, 1)), rel=1e-5)
    assert channels == pytest.approx(lost_channels, rel=1e-5)
