"""Constant folding: work out once what would otherwise be worked out at every run.

Only operators that move or scale numbers are folded, never ones that draw random numbers or multiply
matrices; and only while the file does not grow, so that folding can neither hang nor blow up a model.
"""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import onnx_ir as ir

from core.graph.fold_budget import PEEK_BYTES, affordable
from core.graph.nodes import all_nodes

_WAVES = 8
_NAMES = """
    Abs Add And Cast CastLike Ceil Clip Concat ConstantOfShape Cos CumSum Div Equal Exp Expand EyeLike
    Flatten Floor Gather GatherElements GatherND Greater GreaterOrEqual Identity Less LessOrEqual Log
    Max Min Mod Mul Neg NonZero Not OneHot Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum Reshape Round ScatterND Shape Sigmoid Sign Sin Size Slice Split Sqrt Squeeze
    Sub Tanh Tile Transpose Trilu Unsqueeze Where Xor
"""
_FOLDED = frozenset(_NAMES.split())


def fold_constants(model: ir.Model) -> int:
    """Replace nodes whose inputs are all constant by initializers, in place; return how many."""
    total = 0
    known: dict[bytes, ir.Value] = {}
    for _ in range(_WAVES):
        folded = _wave(model, known)
        total += folded
        if not folded:
            break
    return total


def _wave(model: ir.Model, known: dict[bytes, ir.Value]) -> int:
    """`known` holds earlier results by content: the bodies of an If often prepare the same weight twice."""
    group: list[ir.Node] = []
    pending: set[int] = set()
    for node in all_nodes(model.graph):
        if node.domain not in ("", "ai.onnx") or node.op_type not in _FOLDED or not node.inputs:
            continue
        if any(output.is_graph_output() for output in node.outputs):
            continue
        if all(value is None or _constant(value) or id(value) in pending for value in node.inputs):
            group.append(node)
            pending.update(id(output) for output in node.outputs)
    if not group:
        return 0
    shapes = onnx.shape_inference.infer_shapes(
        _small_model(model, group, results=None, contents=False), data_prop=True
    )
    group = affordable(group, shapes)
    if not group:
        return 0
    results = _evaluate(model, group)
    for node in group:
        for output in node.outputs:
            array = results.get(output.name or "")
            if array is None:
                continue
            key = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).digest()
            constant = known.get(key)
            if constant is None:
                array.setflags(write=False)
                constant = ir.Value(name=output.name, const_value=ir.Tensor(array, name=output.name))
                constant.shape, constant.dtype = ir.Shape(array.shape), ir.DataType.from_numpy(array.dtype)
                output.name = f"{output.name}.folded"
                model.graph.register_initializer(constant)
                known[key] = constant
            output.replace_all_uses_with(constant)
    for node in reversed(group):
        if not any(output.uses() for output in node.outputs) and node.graph is not None:
            node.graph.remove(node, safe=True)
    return len(group)


def _constant(value: ir.Value) -> bool:
    tensor = value.const_value
    return (
        value.is_initializer()
        and not value.is_graph_input()
        and tensor is not None
        and tensor.dtype != ir.DataType.STRING
    )


def _evaluate(model: ir.Model, group: list[ir.Node]) -> dict[str, np.ndarray]:
    """Name -> array of what the group makes for nodes outside of it. Empty if onnxruntime refuses."""
    import onnxruntime

    inside = {id(node) for node in group}
    wanted = [
        output.name
        for node in group
        for output in node.outputs
        if output.name and any(id(use.node) not in inside for use in output.uses())
    ]
    if not wanted:
        return {}
    proto = _small_model(model, group, results=wanted, contents=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
        arrays = session.run(wanted, {})
    except Exception:  # an operator without a kernel for this type: the nodes simply stay
        return {}
    return {name: array for name, array in zip(wanted, arrays, strict=True) if isinstance(array, np.ndarray)}


def _small_model(
    model: ir.Model, group: list[ir.Node], results: list[str] | None, contents: bool
) -> onnx.ModelProto:
    """A model of the group alone. `results` None: for shape inference, nothing needs to come out.

    Without `contents`, large constants become inputs: their shape is enough.
    """
    graph = onnx.GraphProto(name="constants")
    seen: set[int] = set()
    for node in group:
        graph.node.append(ir.serde.serialize_node(node))
        for value in node.inputs:
            if value is None or value.const_value is None or id(value) in seen:
                continue
            seen.add(id(value))
            tensor = value.const_value
            if contents or tensor.nbytes <= PEEK_BYTES:
                proto = ir.serde.serialize_tensor(tensor)
                proto.name = value.name or ""
                graph.initializer.append(proto)
            else:
                dims = [int(dim) for dim in tensor.shape.numpy()]
                graph.input.append(
                    onnx.helper.make_tensor_value_info(value.name or "", int(tensor.dtype), dims)
                )
    for name in results or ():
        graph.output.append(onnx.ValueInfoProto(name=name))
    opsets = [
        onnx.helper.make_opsetid(domain, version) for domain, version in model.graph.opset_imports.items()
    ]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=model.ir_version)
