"""Opens a network of 2.4 GB beside its file, compresses it, and writes it where one file cannot hold it.

    python bench/above_two_gib.py [FOLDER]

Needs 8 GB of disk. Prints for each stage its seconds and its peak of memory, in bytes and in multiples of the
weights, without what of the file is mapped.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper

from core import messages as m
from core.context import Context
from core.evaluate.size import model_files
from core.jobs import perform
from core.values import DataSpec, Exported, LayerPlan, ModelInfo, Plan, Result
from core.workspace import Workspace

WIDTH, LAYERS = 8192, 9
T = TypeVar("T")


def write(folder: Path) -> Path:
    """x · W0 → ReLU → x · W1 ..., its weights in one file beside it."""
    path = folder / "large.onnx"
    rng = np.random.default_rng(0)
    base = rng.standard_normal((WIDTH, WIDTH), dtype=np.float32) / np.float32(WIDTH**0.5)
    nodes, tensors, value = [], [], "x"
    with (folder / "large.onnx.data").open("wb") as data:
        for layer in range(LAYERS):
            tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH])
            tensor.data_location = TensorProto.EXTERNAL
            place = {"location": "large.onnx.data", "offset": data.tell(), "length": base.nbytes}
            for key, content in place.items():
                tensor.external_data.add(key=key, value=str(content))
            data.write(np.roll(base, 7 * layer, axis=0).data)
            tensors.append(tensor)
            nodes.append(
                helper.make_node("MatMul", [value, f"w{layer}"], [f"h{layer}"], name=f"layer{layer}")
            )
            nodes.append(helper.make_node("Relu", [f"h{layer}"], [f"r{layer}"]))
            value = f"r{layer}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", WIDTH]) for name in ("x", value)]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], tensors)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return path


class Watched:
    """Looks again and again at how much memory is this process's own."""

    def __init__(self, weights: int) -> None:
        self.weights, self.most = weights, 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text()
            self.most = max(self.most, 1024 * int(status.split("RssAnon:")[1].split()[0]))
            time.sleep(0.05)

    def stage(self, name: str, work: Callable[[], T]) -> T:
        self.most, began = 0, time.monotonic()
        result = work()
        seconds = time.monotonic() - began
        print(
            f"{name:24s} {seconds:7.1f} s {self.most / 1e6:8.0f} MB {self.most / self.weights:5.2f}",
            flush=True,
        )
        return result


def main(folder: Path) -> None:
    path = write(folder)
    watched = Watched(4 * LAYERS * WIDTH**2)
    workspace, context = Workspace(folder / "cache", folder / "kept"), Context()
    model, data = str(path), DataSpec(path="random", calibration_count=2, judge_count=2)
    info = watched.stage("open", lambda: perform(m.OpenModel(model=model), workspace, context))
    assert isinstance(info, ModelInfo) and info.params == LAYERS * WIDTH**2
    as_made = {"compensate": {"on": False}}
    plans = {"8 bits": LayerPlan(weight_bits=8), "half of it zeros": LayerPlan(sparsity=0.5)}
    for name, settings in plans.items():
        plan = Plan(defaults=settings, methods=as_made)  # type: ignore[arg-type]
        asked = m.Compress(model=model, data=data, plan=plan, judge_steps=False)
        result = watched.stage(name, lambda asked=asked: perform(asked, workspace, context))  # type: ignore[misc]
        assert isinstance(result, Result)
        target = folder / f"{name}.onnx"
        order = m.Export(result=result, model=model, data=data, destination=str(target), expected=None)
        exported = watched.stage("  export", lambda order=order: perform(order, workspace, context))  # type: ignore[misc]
        assert isinstance(exported, Exported)
        print(f"  {exported.size_bytes:,} bytes in {len(model_files(target))} files")
        for file in (*model_files(target), *model_files(result.artefact)):
            file.unlink()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
