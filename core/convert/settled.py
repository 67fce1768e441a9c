"""What a graph works out from the sizes of its inputs alone, put into it as numbers.

torch.export knows no numbers that are computed: a Reshape whose target comes from Shape and Concat, an If
that asks for a rank. Where such values are the same whatever the number of samples, they are constants in
fact; of a Reshape's target one size may follow the samples, which is then -1. A graph that is made for one
number of samples has no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.evaluate.runner import Runner
from core.graph.static_sizes import Editor
from core.graph.suffix import prefix

MOST_ELEMENTS = 1 << 16
"""Of a value that becomes a constant."""
_READERS = ("Shape", "Size")
_CHANCE = (
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)

Feeds = Mapping[str, np.ndarray]


def settle(model: ir.Model, runs: Sequence[Feeds], settings: Sequence[str] = ()) -> None:
    """Replace such values in `model`, in place, and branches that are never taken.

    runs: inputs with which it runs, of as many numbers of samples as it shall take. settings: inputs that
    shall count as what they are in `runs`.
    """
    while True:
        names = _sizes(model, settings)
        if not names:
            break
        _replace(model, names, [_computed(model, names, feeds) for feeds in runs])
        RemoveUnusedNodesPass()(model)
        if not _without_known_branches(model):
            break
    RemoveUnusedNodesPass()(model)


def widen(model: ir.Model, feeds: Feeds) -> None:
    """Weights stored as integers become the float numbers that they stand for, in place.

    feeds: inputs with which it runs.
    """
    names = [
        node.outputs[0].name or ""
        for node in model.graph
        if node.op_type == "DequantizeLinear"
        and all(value is None or value.const_value is not None for value in node.inputs)
    ]
    if names:
        _replace(model, names, [_computed(model, names, feeds)], most=None)
        RemoveUnusedNodesPass()(model)


def lone_numbers(model: ir.Model) -> tuple[str, ...]:
    """Inputs that are one whole number or truth value each: settings rather than samples."""
    kinds = (ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL)
    return tuple(
        value.name or ""
        for value in model.graph.inputs
        if value.dtype in kinds and value.shape is not None and len(value.shape) == 0
    )


def _sizes(model: ir.Model, settings: Sequence[str]) -> list[str]:
    """Values of the main graph that follow from the inputs' sizes and from `settings`, in their order."""
    found = {value for value in model.graph.inputs if value.name in settings}
    names = []
    for node in model.graph:
        if node.op_type in _CHANCE or any(
            isinstance(one.value, ir.Graph) for one in node.attributes.values()
        ):
            continue
        read = [value for value in node.inputs if value is not None]
        followed = any(value in found for value in read) and all(
            value in found or value.const_value is not None for value in read
        )
        if followed or (node.op_type in _READERS and read and read[0].const_value is None):
            found.update(node.outputs)
            names += [value.name for value in node.outputs if value.name and value.uses()]
    return names


def _computed(model: ir.Model, names: Sequence[str], feeds: Feeds) -> list[np.ndarray]:
    runner = Runner(prefix(model, names))
    return runner.run({item.name: feeds[item.name] for item in runner.inputs})


def _replace(
    model: ir.Model,
    names: Sequence[str],
    runs: Sequence[Sequence[np.ndarray]],
    most: int | None = MOST_ELEMENTS,
) -> None:
    editor = Editor(model)
    made = {value.name: value for node in model.graph for value in node.outputs}
    for name, contents in zip(names, zip(*runs, strict=True), strict=True):
        value, first = made[name], contents[0]
        if any(one.shape != first.shape for one in contents) or (most is not None and first.size > most):
            continue
        moving = np.any([one != first for one in contents], axis=0)
        if not moving.any():
            editor.replace(value, first)
        elif moving.sum() == 1 and first.ndim == 1 and not (first <= 0).any():
            rows = np.where(moving, -1, first).astype(np.int64)
            for node, place in list(value.uses()):
                if node.op_type == "Reshape" and place == 1:
                    node.replace_input_with(1, editor.constant(f"{name}.target", rows))


# ---------------------------------------------------------------- branches


def _without_known_branches(model: ir.Model) -> int:
    """Put the branch that is always taken in the place of its If; return how many there were."""
    count = 0
    for node in list(model.graph):
        known = node.inputs[0].const_value if node.op_type == "If" and node.inputs[0] is not None else None
        if known is None:
            continue
        taken = bool(known.numpy().reshape(-1)[0])
        branch = node.attributes["then_branch" if taken else "else_branch"].as_graph()
        for name, value in list(branch.initializers.items()):
            del branch.initializers[name]
            _name_anew(model, value)
            model.graph.register_initializer(value)
        inner = list(branch)
        outputs = list(branch.outputs)
        branch.outputs.clear()
        branch.remove(inner)
        for one in inner:
            for value in one.outputs:
                _name_anew(model, value)
        model.graph.insert_before(node, inner)
        for ours, theirs in zip(node.outputs, outputs, strict=True):
            _hand_over(model, ours, theirs)
        model.graph.remove(node, safe=True)
        count += 1
    return count


def _name_anew(model: ir.Model, value: ir.Value) -> None:
    """Names are free for every branch by itself, but not in one graph."""
    taken = {*model.graph.initializers, *_names(model.graph)}
    name, number = value.name or "value", 0
    while value.name is None or value.name in taken:
        number += 1
        value.name = f"{name}.{number}"
        if value.name not in taken:
            break


def _names(graph: ir.Graph) -> Iterator[str]:
    yield from (value.name or "" for value in graph.inputs)
    yield from (value.name or "" for node in graph for value in node.outputs)


def _hand_over(model: ir.Model, ours: ir.Value, theirs: ir.Value) -> None:
    """Whoever reads `ours` reads `theirs`; an output of the graph keeps its place and type."""
    for place, value in enumerate(model.graph.outputs):
        if value is ours:
            name, theirs.type, theirs.shape = ours.name, ours.type, ours.shape
            ours.name = f"{name}.before"
            theirs.name = name
            model.graph.outputs[place] = theirs
    ours.replace_all_uses_with(theirs)
