"""Networks of a wanted size for measuring the window: residual blocks with random weights.

python bench/make_models.py --nodes 3000 --megabytes 20 --out /tmp/big.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NODES_PER_BLOCK = 5
INPUTS = 192
"""Numbers that a dense network takes."""


def residual_network(nodes: int, megabytes: float) -> onnx.ModelProto:
    """Blocks of Conv, Relu, Conv, Add, Relu of equal width; about so many nodes and megabytes."""
    blocks = max(1, (nodes - 4) // NODES_PER_BLOCK)
    width = max(4, round((megabytes * 1e6 / 4 / (2 * blocks * 9)) ** 0.5))
    generator = np.random.default_rng(0)
    initializers, graph_nodes = [], []

    def conv(name: str, source: str, inputs: int) -> str:
        weight = generator.standard_normal((width, inputs, 3, 3), dtype=np.float32) / (3 * width**0.5)
        initializers.append(numpy_helper.from_array(weight, f"{name}.weight"))
        initializers.append(numpy_helper.from_array(np.zeros(width, np.float32), f"{name}.bias"))
        graph_nodes.append(
            helper.make_node(
                "Conv", [source, f"{name}.weight", f"{name}.bias"], [f"{name}.out"], name, pads=[1, 1, 1, 1]
            )
        )
        return f"{name}.out"

    def simple(op: str, name: str, *sources: str) -> str:
        graph_nodes.append(helper.make_node(op, list(sources), [f"{name}.out"], name))
        return f"{name}.out"

    value = simple("Relu", "stem.relu", conv("stem.conv", "image", 3))
    for block in range(blocks):
        name = f"block{block}"
        inner = simple("Relu", f"{name}.relu1", conv(f"{name}.conv1", value, width))
        joined = simple("Add", f"{name}.add", conv(f"{name}.conv2", inner, width), value)
        value = simple("Relu", f"{name}.relu2", joined)
    pooled = simple("GlobalAveragePool", "pool", value)
    flat = simple("Flatten", "flatten", pooled)
    weight = generator.standard_normal((10, width), dtype=np.float32) / width**0.5
    initializers.append(numpy_helper.from_array(weight, "fc.weight"))
    graph_nodes.append(helper.make_node("Gemm", [flat, "fc.weight"], ["answers"], "fc", transB=1))
    graph = helper.make_graph(
        graph_nodes,
        "residual",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, ["N", 10])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def dense_network(nodes: int, megabytes: float) -> onnx.ModelProto:
    """Blocks of Gemm, Relu, Gemm, Add, Relu of equal width: as large, and far less work for a sample."""
    blocks = max(1, (nodes - 3) // NODES_PER_BLOCK)
    width = max(4, round((megabytes * 1e6 / 4 / (2 * blocks)) ** 0.5))
    generator = np.random.default_rng(0)
    initializers, graph_nodes = [], []

    def gemm(name: str, source: str, inputs: int, outputs: int, strength: float = 1.0) -> str:
        weight = generator.standard_normal((outputs, inputs), dtype=np.float32) * strength / inputs**0.5
        initializers.append(numpy_helper.from_array(weight, f"{name}.weight"))
        initializers.append(numpy_helper.from_array(np.zeros(outputs, np.float32), f"{name}.bias"))
        sources = [source, f"{name}.weight", f"{name}.bias"]
        graph_nodes.append(helper.make_node("Gemm", sources, [f"{name}.out"], name, transB=1))
        return f"{name}.out"

    def simple(op: str, name: str, *sources: str) -> str:
        graph_nodes.append(helper.make_node(op, list(sources), [f"{name}.out"], name))
        return f"{name}.out"

    value = simple("Relu", "stem.relu", gemm("stem", "x", INPUTS, width))
    for block in range(blocks):
        name = f"block{block}"
        inner = simple("Relu", f"{name}.relu1", gemm(f"{name}.up", value, width, width))
        joined = simple("Add", f"{name}.add", gemm(f"{name}.down", inner, width, width, 0.3), value)
        value = simple("Relu", f"{name}.relu2", joined)
    answers = gemm("head", value, width, 10)
    graph = helper.make_graph(
        graph_nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", INPUTS])],
        [helper.make_tensor_value_info(answers, TensorProto.FLOAT, ["N", 10])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--megabytes", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    make = dense_network if options.dense else residual_network
    onnx.save(make(options.nodes, options.megabytes), options.out)
    print(options.out, options.out.stat().st_size)


if __name__ == "__main__":
    main()
