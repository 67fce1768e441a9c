"""Residual blocks that can go whole: what is added to a shortcut is left out, and the shortcut stays."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.errors import PlanError
from core.graph.batchnorm import take_over
from core.graph.coupling.atoms import Coupling, UnknownShapeError
from core.graph.roles import weight_inputs
from core.values import text

_MOST_NODES = 400
"""A branch of more nodes is no block but the network itself."""


@dataclass(frozen=True)
class Block:
    id: str
    """Name of the Add that joins the branch to its shortcut."""
    shortcut: str
    """Name of the value that stays."""
    layers: tuple[str, ...]
    """Layers that go with the block, in the network's order."""


def residual_blocks(model: ir.Model) -> tuple[Block, ...]:
    """Return the blocks of the main graph whose removal leaves every shape as it is.

    A block is an Add of a value and of something computed from that value alone (and from constants),
    which nothing else reads.
    """
    coupling = Coupling(model)
    order = {node: place for place, node in enumerate(model.graph)}
    found = []
    for node in model.graph:
        if node.op_type != "Add" or node.domain not in ("", "ai.onnx"):
            continue
        for shortcut, branch in (node.inputs, node.inputs[::-1]):
            inside = _branch(shortcut, branch, node) if shortcut is not None and branch is not None else None
            if inside is None or shortcut is None:
                continue
            try:
                same = coupling.shape(shortcut) == coupling.shape(node.outputs[0])
            except UnknownShapeError:
                same = False
            layers = [item for item in sorted(inside, key=order.__getitem__) if weight_inputs(item)]
            if same and layers:
                names = tuple(item.name or "" for item in layers)
                found.append(Block(node.name or "", shortcut.name or "", names))
                break
    return tuple(found)


def _branch(shortcut: ir.Value, branch: ir.Value, add: ir.Node) -> set[ir.Node] | None:
    """The nodes between the shortcut and the addition; None if others reach in or read out of them."""
    if shortcut.const_value is not None or branch.producer() is None:
        return None
    inside: set[ir.Node] = set()
    queue = [branch]
    reached = False
    while queue:
        value = queue.pop()
        if value is shortcut:
            reached = True
            continue
        producer = value.producer()
        if value.is_graph_output() or (producer is None and value.const_value is None):
            return None
        if producer is None or producer in inside:
            continue
        inside.add(producer)
        if len(inside) > _MOST_NODES:
            return None
        queue.extend(given for given in producer.inputs if given is not None)
    readers = {use.node for item in inside for output in item.outputs for use in output.uses()}
    return inside if reached and readers <= inside | {add} else None


def remove_block(model: ir.Model, block_id: str) -> ir.Model:
    """Return a copy without this block; the model stays as it is. Raises PlanError if there is none."""
    blocks = {block.id: block for block in residual_blocks(model)}
    if block_id not in blocks:
        raise PlanError(
            text("There is no residual block '{block}'.", block=block_id),
            next_step=text("Open the model again and choose from the blocks shown."),
        )
    result = model.clone()
    add = next(node for node in result.graph if node.name == block_id)
    shortcut = next(
        value for value in add.inputs if value is not None and value.name == blocks[block_id].shortcut
    )
    if add.outputs[0].is_graph_output() and (shortcut.is_graph_input() or shortcut.is_graph_output()):
        # an output needs a value of its own
        add.op_type = "Identity"
        add.resize_inputs(1)
        add.replace_input_with(0, shortcut)
    else:
        take_over(shortcut, add)
    RemoveUnusedNodesPass()(result)
    return result
