"""Matrix products that compute with blocks of few bits as they are stored: onnxruntime's `MatMulNBits`.

For layers with float activations and weights in blocks. The weight stays small in memory too, and products
with few rows are faster, because they wait for memory; with many rows float may be faster, which depends on
the processor: so it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import onnx_ir as ir

from core.evaluate.product import blocks_speedup
from core.kernel_model import NBITS_WORTH
from core.methods import METHODS, setting
from core.methods._edit import attribute_float, attribute_int, constant
from core.methods.resolve import NBITS, Step
from core.values import FLOAT_BITS, Choice, Described, Parameter, Plan, stored_bits, text

BLOCKS = (16, 32, 64, 128, 256)
"""Block sizes that the operator knows."""


def choose_kernels(model: ir.Model, steps: Sequence[Step], plan: Plan) -> tuple[Step, ...]:
    """The steps, those marked that shall compute with their blocks; `model` as opened.

    Where the plan says 'auto' each shape is measured once on this computer.
    """
    use = str(setting(plan, "matmul_nbits", "use"))
    if use == "never":
        return tuple(steps)
    nodes = {node.name: node for node in model.graph}
    return tuple(_marked(step, nodes.get(step.layer.id), use == "always") for step in steps)


def _marked(step: Step, node: ir.Node | None, always: bool) -> Step:
    if not step.block or step.weight_bits == FLOAT_BITS or step.activation_bits != FLOAT_BITS:
        return step
    if node is None or not fits(node):
        return step
    if step.block not in BLOCKS:
        note = text("MatMulNBits knows blocks of 16, 32, 64, 128 and 256 weights only.")
        return replace(step, note=step.note or note)
    if not always and speedup(step, node) < NBITS_WORTH:
        return step
    return replace(step, kernel=NBITS)


def fits(node: ir.Node) -> bool:
    """Whether this layer is a product by a constant float32 matrix on its right, in the main graph."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in ("MatMul", "Gemm"):
        return False
    weight = node.inputs[1]
    if weight is None or weight.dtype != ir.DataType.FLOAT or constant(weight) is None:
        return False
    if weight.shape is None or len(weight.shape) != 2:
        return False
    if node.op_type == "MatMul":
        return True
    plain = attribute_float(node, "alpha", 1.0) == 1.0 and attribute_float(node, "beta", 1.0) == 1.0
    return plain and not attribute_int(node, "transA", 0)


def speedup(step: Step, node: ir.Node) -> float:
    """How many times as fast as in float the layer is in its blocks, for one sample. Measured."""
    weight = constant(node.inputs[1])
    assert weight is not None
    depth, width = weight.shape
    if node.op_type == "Gemm" and attribute_int(node, "transB", 0):
        depth, width = width, depth
    rows = max(1, (step.layer.macs or 0) // max(1, prod(weight.shape)))
    bits = stored_bits(step.weight_bits)
    return blocks_speedup(rows, depth, width, bits, step.block, not step.symmetric)


METHODS.add(
    Described(
        name="matmul_nbits",
        label=text("Compute in blocks"),
        help=text(
            "Matrix products with weights in blocks and float activations can compute with the few bits as "
            "they are stored (MatMulNBits): less memory, and faster where few rows are multiplied. Only "
            "onnxruntime reads such files."
        ),
        parameters=(
            Parameter(
                name="use",
                label=text("Compute in blocks"),
                help=text("Otherwise the weights are widened to float when the file is loaded."),
                kind="choice",
                default="auto",
                choices=(
                    Choice(
                        "auto",
                        text("Where faster here"),
                        text("Each layer's product is measured on this computer, in float and in blocks."),
                    ),
                    Choice("always", text("Always"), text("For the least memory, or another computer.")),
                    Choice("never", text("Never"), text("The file holds standard ONNX operators only.")),
                ),
            ),
        ),
    ),
    choose_kernels,
)
