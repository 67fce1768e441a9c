"""Raise the opset of a model: what quantised weights need may be newer than what the exporter wrote.

Per-axis scales need opset 13, 4-bit weights 21, 2-bit weights 25. onnx's own converter leaves the
bodies of If and Loop behind, so the few operators whose meaning changed are adapted here; for every
other operator both versions' schemas are compared, and what is not plainly the same is refused.
Source: the change log of the ONNX operators, github.com/onnx/onnx, docs/Changelog.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir

from core.errors import UnsupportedModelError
from core.graph.labels import clean
from core.graph.names import free_name, taken_names
from core.values import text

OpSchema = onnx.defs.OpSchema


def raise_opset(model: ir.Model, target: int) -> ir.Model:
    """Return a copy of a normalised model at opset `target` (weights shared), or at its own if newer.

    Raises UnsupportedModelError that names the operator which cannot be carried over.
    """
    raised = model.clone()
    current = raised.graph.opset_imports.get("", 0)
    if current >= target:
        return raised
    editor = _Editor(raised, current, target)
    for node in list(raised.graph.all_nodes()):
        if node.domain in ("", "ai.onnx"):
            editor.raise_node(node)
    for graph in raised.graphs():
        if "" in graph.opset_imports or graph is raised.graph:
            graph.opset_imports[""] = target
    needed = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", target)], ignore_unknown=True)
    raised.ir_version = max(raised.ir_version or 0, needed)
    return raised


class _Editor:
    def __init__(self, model: ir.Model, current: int, target: int) -> None:
        self.model = model
        self.current = current
        self.target = target
        self.names = taken_names(model)
        self.node_names = {node.name for node in model.graph.all_nodes() if node.name}

    def raise_node(self, node: ir.Node) -> None:
        at = self.current
        while True:
            step = _next_version(node.op_type, at, self.target)
            if step is None:
                break
            adapter = _ADAPTERS.get((node.op_type, step))
            if adapter is not None:
                adapter(self, node)
            elif not _unchanged(node, at, step):
                raise self.refuse(node)
            at = step
        node.version = None

    def refuse(self, node: ir.Node) -> UnsupportedModelError:
        return UnsupportedModelError(
            text(
                "The model cannot be raised from opset {found} to {wanted}.",
                found=self.current,
                wanted=self.target,
            ),
            text(
                "Operator {operator} (node '{node}') works differently there.",
                operator=node.op_type,
                node=clean(node.name or ""),
            ),
            text("Export the model with opset {wanted} or newer.", wanted=self.target),
        )

    def constant(self, node: ir.Node, what: str, array: np.ndarray) -> ir.Value:
        name = free_name(f"{node.name}.{what}", self.names)
        self.names.add(name)
        value = ir.Value(name=name, const_value=ir.Tensor(array, name=name))
        value.shape, value.dtype = ir.Shape(array.shape), ir.DataType.from_numpy(array.dtype)
        self.model.graph.register_initializer(value)
        return value

    def input(self, node: ir.Node, index: int, value: ir.Value | None) -> None:
        if len(node.inputs) <= index:
            node.resize_inputs(index + 1)
        node.replace_input_with(index, value)

    def attribute_to_input(self, node: ir.Node, attribute: str, index: int) -> None:
        """An attribute of integers becomes an input."""
        found = node.attributes.pop(attribute, None)
        if found is not None:
            numbers = np.array(found.as_ints(), np.int64)
            self.input(node, index, self.constant(node, attribute, numbers))

    def before(self, node: ir.Node, op: str, inputs: list[ir.Value], **attributes: int) -> ir.Value:
        made = ir.Node("", op, inputs, [ir.AttrInt64(key, value) for key, value in attributes.items()])
        self._adopt(made, node)
        assert node.graph is not None
        node.graph.insert_before(node, made)
        return made.outputs[0]

    def after(self, node: ir.Node, op: str, inputs: list[ir.Value]) -> None:
        """Let a new node stand between `node` and everything that reads it."""
        made = ir.Node("", op, inputs)
        self._adopt(made, node)
        old, new = node.outputs[0], made.outputs[0]
        name, new.type, new.shape = old.name, old.type, old.shape
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        made.replace_input_with(0, old)
        old.name, old.shape = new.name, None
        new.name = name
        assert node.graph is not None
        node.graph.insert_after(node, made)

    def _adopt(self, made: ir.Node, near: ir.Node) -> None:
        made.name = free_name(f"{near.name}.{made.op_type}", self.node_names)
        self.node_names.add(made.name)
        made.outputs[0].name = free_name(f"{made.name}.out", self.names)
        self.names.add(made.outputs[0].name)


@cache
def _schema(op: str, version: int) -> OpSchema | None:
    try:
        return onnx.defs.get_schema(op, version, "")
    except onnx.defs.SchemaError:
        return None


@cache
def _versions(op: str) -> tuple[int, ...]:
    """Opsets in which the operator changed."""
    newest = onnx.defs.onnx_opset_version()
    found = {schema.since_version for v in range(1, newest + 1) if (schema := _schema(op, v)) is not None}
    return tuple(sorted(found))


def _next_version(op: str, after: int, until: int) -> int | None:
    return next((version for version in _versions(op) if after < version <= until), None)


def _unchanged(node: ir.Node, before: int, after: int) -> bool:
    """Whether this node means the same under both versions of its operator, going by the schemas."""
    old, new = _schema(node.op_type, before), _schema(node.op_type, after)
    if old is None or new is None or new.deprecated:
        return False
    count = len(node.inputs)
    if not new.min_input <= count <= new.max_input or len(node.outputs) > new.max_output:
        return False
    for name in node.attributes:
        if name not in new.attributes or (
            name in old.attributes and old.attributes[name].type != new.attributes[name].type
        ):
            return False
    for name, attribute in old.attributes.items():
        if name in node.attributes:
            continue
        if name not in new.attributes or new.attributes[name].required:
            return False
        if (
            attribute.default_value.SerializeToString()
            != new.attributes[name].default_value.SerializeToString()
        ):
            return False
    if any(attribute.required and name not in node.attributes for name, attribute in new.attributes.items()):
        return False
    same_order = zip(old.inputs[:count], new.inputs[:count], strict=False)
    return all(first.name.lower() == second.name.lower() for first, second in same_order)


# ---------------------------------------------------------------- operators whose meaning changed


def _clip(editor: _Editor, node: ir.Node) -> None:
    dtype = node.inputs[0].dtype if node.inputs[0] is not None else None
    kind = dtype.numpy() if dtype is not None else np.float32
    for index, name in ((1, "min"), (2, "max")):
        found = node.attributes.pop(name, None)
        if found is not None:
            editor.input(node, index, editor.constant(node, name, np.array(found.as_float(), kind)))


def _pad(editor: _Editor, node: ir.Node) -> None:
    editor.attribute_to_input(node, "pads", 1)
    value = node.attributes.pop("value", None)
    if value is not None and value.as_float() != 0:
        editor.input(node, 2, editor.constant(node, "value", np.array(value.as_float(), np.float32)))


def _slice(editor: _Editor, node: ir.Node) -> None:
    for index, name in ((1, "starts"), (2, "ends"), (3, "axes")):
        editor.attribute_to_input(node, name, index)


def _top_k(editor: _Editor, node: ir.Node) -> None:
    k = node.attributes.pop("k")
    editor.input(node, 1, editor.constant(node, "k", np.array([k.as_int()], np.int64)))


def _drop_ratio(editor: _Editor, node: ir.Node) -> None:
    # the share only matters while training
    node.attributes.pop("ratio", None)


def _upsample_scales(editor: _Editor, node: ir.Node) -> None:
    scales = node.attributes.pop("scales")
    editor.input(node, 1, editor.constant(node, "scales", np.array(scales.as_floats(), np.float32)))


def _upsample(editor: _Editor, node: ir.Node) -> None:
    node.op_type = "Resize"


def _resize(editor: _Editor, node: ir.Node) -> None:
    scales = node.inputs[1]
    editor.input(node, 2, scales)
    editor.input(node, 1, editor.constant(node, "roi", np.zeros(0, np.float32)))
    node.attributes["coordinate_transformation_mode"] = ir.AttrString(
        "coordinate_transformation_mode", "asymmetric"
    )
    node.attributes["nearest_mode"] = ir.AttrString("nearest_mode", "floor")


def _resize_modes(editor: _Editor, node: ir.Node) -> None:
    mode = node.attributes.get("coordinate_transformation_mode")
    if mode is not None and mode.as_string() == "tf_half_pixel_for_nn":
        raise editor.refuse(node)


def _axes(editor: _Editor, node: ir.Node) -> None:
    editor.attribute_to_input(node, "axes", 1)


def _split(editor: _Editor, node: ir.Node) -> None:
    editor.attribute_to_input(node, "split", 1)


def _split_equally(editor: _Editor, node: ir.Node) -> None:
    if len(node.inputs) < 2 or node.inputs[1] is None:
        node.attributes["num_outputs"] = ir.AttrInt64("num_outputs", len(node.outputs))


def _softmax(editor: _Editor, node: ir.Node) -> None:
    """Before 13 everything from `axis` on was one row; now `axis` alone is."""
    found = node.attributes.pop("axis", None)
    axis = found.as_int() if found is not None else 1
    entry = node.inputs[0]
    assert entry is not None
    node.attributes["axis"] = ir.AttrInt64("axis", -1)
    shape = entry.shape
    if axis == -1 or (shape is not None and axis == len(shape) - 1):
        return
    size = editor.before(node, "Shape", [entry])
    node.replace_input_with(0, editor.before(node, "Flatten", [entry], axis=axis))
    editor.after(node, "Reshape", [node.outputs[0], size])


def _batch_norm_spatial(editor: _Editor, node: ir.Node) -> None:
    spatial = node.attributes.pop("spatial", None)
    if spatial is not None and spatial.as_int() != 1:
        raise editor.refuse(node)


def _batch_norm_outputs(editor: _Editor, node: ir.Node) -> None:
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        raise editor.refuse(node)
    node.resize_outputs(1)


def _roi_align(editor: _Editor, node: ir.Node) -> None:
    name = "coordinate_transformation_mode"
    if name not in node.attributes:
        node.attributes[name] = ir.AttrString(name, "output_half_pixel")


def _grid_sample(editor: _Editor, node: ir.Node) -> None:
    mode = node.attributes.get("mode")
    renamed = {"bilinear": "linear", "bicubic": "cubic"}
    if mode is not None and mode.as_string() in renamed:
        node.attributes["mode"] = ir.AttrString("mode", renamed[mode.as_string()])


def _scatter(editor: _Editor, node: ir.Node) -> None:
    node.op_type = "ScatterElements"


def _refused(editor: _Editor, node: ir.Node) -> None:
    raise editor.refuse(node)


_ADAPTERS: dict[tuple[str, int], Callable[[_Editor, ir.Node], None]] = {
    ("BatchNormalization", 9): _batch_norm_spatial,
    ("BatchNormalization", 14): _batch_norm_outputs,
    ("Clip", 11): _clip,
    ("Dropout", 12): _drop_ratio,
    ("GridSample", 20): _grid_sample,
    ("GroupNormalization", 21): _refused,
    ("Hardmax", 13): _softmax,
    ("LogSoftmax", 13): _softmax,
    ("Pad", 11): _pad,
    ("ReduceSum", 13): _axes,
    ("Resize", 11): _resize,
    ("Resize", 18): _resize_modes,
    ("RoiAlign", 16): _roi_align,
    ("Scatter", 11): _scatter,
    ("Slice", 10): _slice,
    ("Softmax", 13): _softmax,
    ("Split", 13): _split,
    ("Split", 18): _split_equally,
    ("Squeeze", 13): _axes,
    ("TopK", 10): _top_k,
    ("Unsqueeze", 13): _axes,
    ("Upsample", 9): _upsample_scales,
    ("Upsample", 10): _upsample,
    **{
        (f"Reduce{name}", 18): _axes
        for name in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
    },
}
