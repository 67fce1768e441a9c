"""Whole residual blocks go: the ones whose loss changes the network's answers least.

Each block is left out by itself and the answers to held-out samples compared with the original's; the
cheapest for the work it saves goes, what is left is repaired, and the next is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from core.context import Context
from core.errors import PlanError
from core.graph.blocks import Block, remove_block, residual_blocks
from core.graph.cost import costs
from core.methods import METHODS
from core.methods._pieces import Feeds
from core.methods.prune_channels import Batches
from core.methods.repair_channels import Answers, Repair, repair
from core.values import Described, Parameter, text


@dataclass(frozen=True)
class PrunedBlocks:
    model: ir.Model
    blocks: tuple[Block, ...]
    """Those that have gone, in this order."""
    distances: tuple[float, ...]
    """From the original's answers after each (nats for a classifier)."""
    repairs: tuple[Repair, ...]


def block_damage(model: ir.Model, answers: Answers, context: Context) -> dict[str, float]:
    """Distance from the original's answers if this one block is left out, without repair, for each block."""
    found = {}
    for block in residual_blocks(model):
        context.check()
        found[block.id] = answers.distance(remove_block(model, block.id))
    return found


def prune_blocks(
    original: ir.Model,
    count: int,
    batches: Batches | None,
    held_out: Sequence[Feeds],
    context: Context,
    positions: int = 50,
) -> PrunedBlocks:
    """Remove `count` blocks one after the other; with `batches` what is left is repaired after each.

    Raises PlanError if there are not so many, Cancelled.
    """
    there = residual_blocks(original)
    if count > len(there):
        raise PlanError(
            text("{count} residual blocks cannot go.", count=count),
            text("The network has {there} that can be left out.", there=len(there)),
            text("Choose fewer."),
        )
    answers = Answers(original, held_out)
    model = original
    gone: list[Block] = []
    distances: list[float] = []
    repairs: tuple[Repair, ...] = ()
    for done in range(count):
        context.report(text("Leaving out residual blocks"), done, count)
        macs = costs(model).macs
        blocks = {block.id: block for block in residual_blocks(model)}
        damage = block_damage(model, answers, context)
        saved = {name: sum(macs.get(layer) or 0 for layer in block.layers) for name, block in blocks.items()}
        chosen = min(damage, key=lambda name: damage[name] / max(saved[name], 1))
        model = remove_block(model, chosen)
        gone.append(blocks[chosen])
        if batches is not None:
            model, log = repair(original, model, {}, batches, held_out, context, positions)
            repairs += log
        distances.append(answers.distance(model))
    return PrunedBlocks(model, tuple(gone), tuple(distances), repairs)


METHODS.add(
    Described(
        name="prune_blocks",
        label=text("Remove residual blocks"),
        help=text("Leaves out whole blocks between a shortcut and its addition: fewer layers, less time."),
        parameters=(
            Parameter(
                name="count",
                label=text("Number of blocks"),
                help=text("How many blocks go, the least missed first."),
                kind="integer",
                default=0,
                low=0,
                high=100,
            ),
        ),
    ),
    prune_blocks,
)
