"""MatMulNBits in the place of a matrix product: the kernel computes with the blocks as they are stored."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.evaluate.product import ACCURACY_LEVEL, CONTRIB
from core.methods._edit import add_initializer, make_node
from core.methods._layout import Layout
from core.methods.resolve import NBITS
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._site import Site, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 2 if site.step.kernel == NBITS and isinstance(weight, IntegerWeight) else None


@writer(_rank)
def nbits(site: Site, weight: IntegerWeight) -> None:
    """Takes the place of the layer's node; the bias of a Gemm is added behind."""
    model, node, bits, block = site.model, site.node, stored_bits(site.step.weight_bits), site.step.block
    layout = Layout(weight.q.shape, site.step.channel_axes, block)
    values = site.written.values
    if (site.name, "nbits") not in values:
        offset = 1 << (bits - 1)
        packed = pack(layout.in_blocks(weight.q).astype(np.int16) + offset, bits)
        values[site.name, "nbits"] = add_initializer(model, "w", packed)
        scale = np.ascontiguousarray(weight.scale.reshape(layout.rows, layout.blocks), np.float32)
        values[site.name, "scales"] = add_initializer(model, "k", scale)
        if weight.zero is not None:
            zeros = weight.zero.reshape(layout.rows, layout.blocks).astype(np.int16) + offset
            values[site.name, "zeros"] = add_initializer(model, "o", pack(zeros, bits))
    parts = [values[site.name, name] for name in ("nbits", "scales", "zeros") if (site.name, name) in values]
    model.opset_imports.setdefault(CONTRIB, 1)
    attributes = {
        "K": layout.columns,
        "N": layout.rows,
        "bits": bits,
        "block_size": block,
        "accuracy_level": ACCURACY_LEVEL,
    }
    result = node.outputs[0]
    bias = node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None
    product = ir.Node(
        CONTRIB,
        "MatMulNBits",
        [node.inputs[0], *parts],
        [ir.convenience.convert_attribute(name, value) for name, value in attributes.items()],
        outputs=[ir.Value(name=f"{result.name}_p", type=result.type, shape=result.shape)],
        name=node.name,
    )
    nodes = [product]
    if bias is not None:
        nodes.append(make_node("Add", [product.outputs[0], bias], f"{result.name}_b", shape=result.shape))
    graph = node.graph
    assert graph is not None
    graph.insert_before(node, nodes)  # type: ignore[union-attr]
    final, name = nodes[-1].outputs[0], result.name
    result.replace_all_uses_with(final, replace_graph_outputs=True)
    graph.remove(node, safe=True)  # type: ignore[union-attr]
    final.name = name


def pack(values: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers from 0 of so many bits -> bytes along the last axis, the first number lowest; uint8.

    A last byte that is not full is filled up with zeros.
    """
    each = 8 // bits
    missing = -values.shape[-1] % each
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)]).astype(np.uint8)
    groups = padded.reshape(*values.shape[:-1], -1, each)
    shifts = np.arange(each, dtype=np.uint8) * np.uint8(bits)
    return np.asarray(np.bitwise_or.reduce(groups << shifts, axis=-1), np.uint8)
