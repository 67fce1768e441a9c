"""What takes the time of a file that is slower than its original: made slow on purpose, told by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.evaluate.slower import why_slower
from core.formats import open_model
from core.run_notes import slower_notes
from core.values import Latency, Outcome

WIDTH = 256
RNG = np.random.default_rng(0)
Q = RNG.integers(-127, 128, (WIDTH, WIDTH, 3, 3)).astype(np.int8)
SCALE = np.full(WIDTH, 2.0**-10, np.float32)


def written(path: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> Path:
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def conv(x: str, weight: str, y: str) -> onnx.NodeProto:
    return helper.make_node("Conv", [x, weight], [y], name="layer", pads=[1] * 4)


def original(folder: Path) -> Path:
    return written(folder / "a.onnx", [conv("x", "w", "y")], {"w": (Q * 2.0**-10).astype(np.float32)})


def test_weights_that_are_converted_at_every_run_are_told(tmp_path: Path) -> None:
    opened = open_model(original(tmp_path), Context())
    nodes = [helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0), conv("x", "w", "y")]
    changed = written(tmp_path / "b.onnx", nodes, {"q": Q, "s": SCALE})
    told = why_slower(opened, changed, None, Context())
    # the layer may be slower as well, as its weights are no longer laid out beforehand; which costs more
    # depends on the processor
    conversions = next(item for item in told if item.template.startswith("Conversions"))
    assert 10 < conversions.params["share"] <= 100


def test_an_operator_that_was_not_there_is_told(tmp_path: Path) -> None:
    opened = open_model(original(tmp_path), Context())
    weights = {"w": (Q * 2.0**-10).astype(np.float32), "size": np.array([1, 1, 60, 60], np.float32)}
    nodes = [
        conv("x", "w", "c"),
        helper.make_node("Resize", ["c", "", "size"], ["r"], mode="linear"),
        helper.make_node("ReduceMax", ["r"], ["y"]),
    ]
    told = why_slower(opened, written(tmp_path / "b.onnx", nodes, weights), None, Context())
    named = {cause.params.get("operator"): cause.params.get("before") for cause in told}
    # onnxruntime may call a Resize by its old name
    assert named.get("Resize", named.get("Upsample")) == 0


def test_only_what_is_slower_is_said_to_be() -> None:
    def outcome(milliseconds: float | None) -> Outcome:
        latency = None
        if milliseconds is not None:
            latency = Latency(
                median_ms=milliseconds, low_ms=milliseconds, high_ms=milliseconds, runs=9, threads=1, batch=1
            )
        return Outcome(measurements=(), size_bytes=1, zipped_bytes=1, latency=latency)

    assert slower_notes(outcome(2.0), outcome(2.05), ()) == ()
    assert slower_notes(outcome(2.0), outcome(None), ()) == ()
    said = slower_notes(outcome(2.0), outcome(3.0), ())
    assert said[0].params["ratio"] == 1.5
    assert len(said) == 2
