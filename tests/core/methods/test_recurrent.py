"""LSTM, GRU and RNN: their moments against a numpy walk through time, and what compensating them is worth."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networks
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from runs import Data
from torch import Tensor, nn

from core.compress import compress
from core.context import Context
from core.corrections import pack, unpack
from core.evaluate.judge import Judge
from core.formats import open_model
from core.methods import _layer_moments
from core.methods._other_forms import correctable_form
from core.methods._recurrent import RecurrentForm, joint_weight, states_before, values_read
from core.methods._recurrent_sweep import recurrent_swept
from core.methods._taps import node_named
from core.methods.hessian import Moments, Quadratic
from core.methods.resolve import resolve
from core.methods.sequential import Correction
from core.methods.stored import FloatWeight, IntegerWeight, SideBySide
from core.values import LayerPlan, Plan

TIME, BATCH, WIDTH, HIDDEN = 6, 4, 3, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def layer(
    kind: str, direction: str = "forward", lengths: bool = False, start: bool = False, **attributes: int
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    count = 2 if direction == "bidirectional" else 1
    rows = GATES[kind] * HIDDEN
    weights = {
        "w": rng.standard_normal((count, rows, WIDTH)),
        "r": rng.standard_normal((count, rows, HIDDEN)) / 2,
        "b": rng.standard_normal((count, 2 * rows)),
    }
    if start:
        weights["h0"] = rng.standard_normal((count, BATCH, HIDDEN))
    inputs = ["x", "w", "r", "b", "lengths" if lengths else "", "h0" if start else ""]
    # nobody asks for all states
    node = helper.make_node(
        kind, inputs, ["", "last"], name="layer", direction=direction, hidden_size=HIDDEN, **attributes
    )
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    if lengths:
        tensors.append(numpy_helper.from_array(np.array([6, 1, 4, 5], np.int32), "lengths"))
    graph = helper.make_graph(
        [node],
        "recurrent",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [TIME, BATCH, WIDTH])],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, [count, BATCH, HIDDEN])],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def walk(model: onnx.ModelProto, x: np.ndarray) -> Iterator[tuple[int, int, int, np.ndarray, np.ndarray]]:
    """One sample and direction after the other through time, in numpy.

    Yields (direction, sample, step, states as R's groups see them, sums of the gates).
    """
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    node = model.graph.node[0]
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    direction = attributes["direction"].decode()
    n = HIDDEN
    for number in range(len(found["w"])):
        w, r = found["w"][number].astype(float), found["r"][number].astype(float)
        input_bias, state_bias = np.split(found["b"][number].astype(float), 2)
        for sample in range(BATCH):
            length = int(found["lengths"][sample]) if "lengths" in found else TIME
            h = found["h0"][number, sample].astype(float) if "h0" in found else np.zeros(n)
            c = np.zeros(n)
            backwards = direction == "reverse" or number == 1
            for step in range(length)[::-1] if backwards else range(length):
                from_x, from_h = w @ x[step, sample] + input_bias, r @ h + state_bias
                sums = from_x + from_h
                if node.op_type == "LSTM":
                    yield number, sample, step, h[None], sums
                    i, o, f, g = np.split(sums, 4)
                    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                    h = sigmoid(o) * np.tanh(c)
                elif node.op_type == "RNN":
                    yield number, sample, step, h[None], sums
                    h = np.tanh(sums)
                else:
                    z, reset = sigmoid(sums[:n]), sigmoid(sums[n : 2 * n])
                    if attributes.get("linear_before_reset"):
                        candidate = from_x[2 * n :] + reset * from_h[2 * n :]
                        seen = reset.mean() * h
                    else:
                        seen = reset * h
                        candidate = from_x[2 * n :] + r[2 * n :] @ seen + state_bias[2 * n :]
                    states, sums = np.stack([h, h, seen]), np.concatenate([sums[: 2 * n], candidate])
                    yield number, sample, step, states, sums
                    h = (1 - z) * np.tanh(candidate) + z * h


CASES = [
    layer("LSTM"),
    layer("LSTM", "reverse", lengths=True, start=True),
    layer("LSTM", "bidirectional", lengths=True, start=True),
    layer("RNN", "bidirectional", start=True),
    layer("GRU", "bidirectional", lengths=True, start=True),
    layer("GRU", linear_before_reset=1),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_moments_are_those_of_a_walk_through_time(number: int) -> None:
    proto = CASES[number]
    model = ir.from_proto(proto)
    node = node_named(model, "layer")
    form = correctable_form(node)
    assert isinstance(form, RecurrentForm)
    weight = joint_weight(node)
    np.testing.assert_array_equal(form.weight(form.matrices(weight)), weight)
    x = np.random.default_rng(1).standard_normal((TIME, BATCH, WIDTH)).astype(np.float32)
    values = values_read(node)
    model.graph.outputs.extend(value for value in values if not value.is_graph_input())
    for value in model.graph.outputs:
        value.type = value.type or ir.TensorType(ir.DataType.FLOAT)
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name or "" for value in values if value.name != "x"]
    found = [x, *session.run(names, {"x": x})]
    states = states_before(form, node, found)
    each = form.groups // len(form.backwards)
    rows, seen = [[] for _ in range(form.groups)], np.zeros(states.shape[:2], bool)
    matrices = form.matrices(weight)
    for direction, sample, step, expected, sums in walk(proto, x):
        group = slice(direction * each, (direction + 1) * each)
        np.testing.assert_allclose(states[sample, step, group], expected, atol=1e-5)
        seen[sample, step] = True
        joint = [np.concatenate([x[step, sample], state]) for state in states[sample, step, group]]
        for index, columns in enumerate(joint):
            rows[group.start + index].append(columns)
        exact = sums.size if "linear_before_reset" not in str(proto.graph.node[0]) else 2 * HIDDEN
        made = np.concatenate([matrices[group.start + i] @ columns for i, columns in enumerate(joint)])
        bias = _layer_moments._constant_part(form, node).reshape(len(form.backwards), -1)[direction]  # type: ignore[union-attr]
        np.testing.assert_allclose((made + bias)[:exact], sums[:exact], atol=1e-4)
    # what lies behind a sequence's end counts nowhere
    assert np.isnan(states[~seen]).all() and seen.sum() == len(rows[0])
    moments = Moments(form)
    flat = states.reshape(-1, form.groups, HIDDEN)
    inputs = np.broadcast_to(x.swapaxes(0, 1).reshape(-1, 1, WIDTH), (len(flat), form.groups, WIDTH))
    moments.add(np.concatenate([inputs, flat], axis=2))
    fitted = moments.quadratic(damping=0.0)
    for group, columns in enumerate(rows):
        table = np.array(columns, float)
        off = table - table.mean(axis=0)
        np.testing.assert_allclose(fitted.hessian[group], off.T @ off / len(table), atol=1e-5)


def test_inputs_and_states_are_damped_each_by_its_own_size() -> None:
    # inputs of size 100, states of size 1: a hundredth of 10,000 would drown the states
    form = RecurrentForm("RNN", (1, 2, 4), 1, 2, 4, segments=(2, 2), width=2, backwards=(False,))
    moments = Moments(form)
    moments.add(np.eye(4, dtype=np.float32)[:, None] * np.array([100, 100, 1, 1], np.float32))
    hessian = moments.quadratic(damping=0.01, centred=False).hessian[0]
    np.testing.assert_allclose(np.diag(hessian), [2525, 2525, 0.2525, 0.2525], rtol=1e-4)


def test_states_make_good_what_the_inputs_weight_loses_by_hand(tmp_path: Path) -> None:
    # H = [[2, 1], [1, 2]] of input and state; W = 0.4 becomes 0 where whole numbers are all there is and
    # R is left alone: R moves by 0.4 · H_xh / H_hh = 0.2, from 1 to 1.2
    form = RecurrentForm("RNN", (1, 1, 2), 1, 1, 2, segments=(1, 1), width=1, backwards=(False,))
    quadratic = Quadratic(
        form, np.array([[[2.0, 1.0], [1.0, 2.0]]]), None, np.zeros((1, 2)), np.zeros(1), True
    )
    opened = open_model(networks.written(layer("RNN"), tmp_path), Context())
    (step,) = resolve(opened, Plan(defaults=LayerPlan(threshold=0.5)))
    aim = np.array([[[0.4, 1.0]]], np.float32)
    plain = SideBySide((FloatWeight(np.zeros((1, 1, 1), np.float32)), FloatWeight(aim[:, :, 1:])))
    found = recurrent_swept(aim, quadratic, form, step, plain)
    np.testing.assert_allclose(found.values(), [[[0.0, 1.2]]], atol=1e-6)


def test_both_weights_are_kept_and_found_again() -> None:
    w = IntegerWeight(np.ones((1, 4, 2), np.int8), np.full((1, 4, 1), 0.5, np.float32))
    pair = SideBySide((w, FloatWeight(np.full((1, 4, 3), 2, np.float32))))
    found = unpack(pack(Correction("swept", pair, np.ones(4, np.float32), 0.25)))
    assert found is not None and isinstance(found.weight, SideBySide)
    assert isinstance(found.weight.parts[0], IntegerWeight)
    np.testing.assert_array_equal(found.weight.values(), [[[0.5, 0.5, 2, 2, 2]] * 4])


def test_other_activations_of_a_reset_gate_are_left_alone() -> None:
    node = next(iter(ir.from_proto(layer("GRU")).graph))
    assert correctable_form(node) is not None
    node.attributes["activations"] = ir.AttrStrings("activations", ["HardSigmoid", "Tanh"])
    assert correctable_form(node) is None


# ---------------------------------------------------------------- in a run


class Sequences(nn.Module):
    """Recurrent layers, the mean over time, four classes."""

    def __init__(self, kind: str, layers: int, both: bool) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(8, 16, layers, batch_first=True, bidirectional=both)
        self.out = nn.Linear(32 if both else 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(x)[0].mean(1))


def sequences(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight mixed signals; the class is where two of them have drifted to in the end."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((count, 10, 8))
    place = np.zeros((count, 2))
    for step in range(10):
        place = 0.8 * place + hidden[:, step, :2] * np.sign(hidden[:, step, 2:3])
    mixed = hidden @ np.random.default_rng(5).standard_normal((8, 8))
    return mixed.astype(np.float32), (place > 0) @ np.array([2, 1])


@cache
def trained(kind: str, layers: int, both: bool) -> bytes:
    # threads of torch's own wait for each other where cores are busy
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = Sequences(kind, layers, both)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    x, labels = (torch.from_numpy(array) for array in sequences(512, 0))
    for _ in range(100):
        rows = torch.randint(0, 512, (64,))
        loss = nn.functional.cross_entropy(network(x[rows]), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.set_num_threads(threads)
    network.eval()
    target = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (x[:2],), target, input_names=["x"], opset_version=17,
            dynamic_axes={"x": {0: "N"}}, dynamo=False,
        )  # fmt: skip
    return target.getvalue()


RUNS = [
    ("LSTM", 2, True, {"weight_bits": 3}),
    ("LSTM", 2, True, {"sparsity": 0.5}),
    ("GRU", 1, False, {"weight_bits": 4, "granularity": "block", "block_size": 16}),
    ("GRU", 1, False, {"pattern": "2:4", "weight_bits": 4}),
    ("RNN", 1, True, {"sparsity": 0.5}),
]


@pytest.mark.parametrize(("kind", "layers", "both", "settings"), RUNS, ids=str)
def test_compensation_brings_answers_nearer(
    kind: str, layers: int, both: bool, settings: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(kind, layers, both))
    opened = open_model(path, Context())
    data = Data({"x": sequences(128, 1)[0]})
    judge = Judge(opened.source, Data({"x": sequences(256, 2)[0]}), Context())
    cells = [item.id for item in opened.info.layers if item.op == kind]
    assert len(cells) == layers
    kl = []
    for on in (False, True):
        plan = Plan(methods={name: {"on": on} for name in ("compensate", "match_statistics")})
        for cell in cells:
            plan = plan.with_layer(cell, **settings)
        result = compress(opened, data, None, plan, tmp_path, None, Context())
        for report in result.layers:
            if report.layer_id in cells:
                assert report.weight_bits == (4 if "weight_bits" in settings else 32)
                assert report.sparsity > 0.45 or "weight_bits" in settings
        kl.append(judge.measure(Path(result.artefact), Context()).kl)
    assert kl[1] < 0.85 * kl[0]  # type: ignore[operator]


def test_an_interrupted_run_ends_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained("LSTM", 2, True))
    opened = open_model(path, Context())
    data = Data({"x": sequences(96, 1)[0]})
    plan = Plan(defaults=LayerPlan(weight_bits=4, sparsity=0.5))
    store: dict[str, bytes] = {}

    class Kept:
        def get(self, key: str, /) -> bytes | None:
            return store.get(key)

        def put(self, key: str, value: bytes, /) -> None:
            store[key] = value

    whole = compress(opened, data, None, plan, tmp_path / "a", Kept(), Context())
    assert any(b"weight.1/" in value for value in store.values())
    again = compress(opened, data, None, plan, tmp_path / "b", Kept(), Context())
    assert whole.sha256 == again.sha256
