"""The weights of a MatMulNBits: blocks of 2, 4 or 8 bits in bytes, as onnxruntime defines them."""

from __future__ import annotations

import numpy as np
import onnx

from core.readback.graphs import Graphs


def block_bits(node: onnx.NodeProto) -> int:
    return int(_attributes(node).get("bits", 4))


def block_numbers(graphs: Graphs, node: onnx.NodeProto) -> np.ndarray:
    """(N, K) whole numbers less their zero points; padding of the last block is gone."""
    settings = _attributes(node)
    bits, block, depth = block_bits(node), settings["block_size"], settings["K"]
    packed = graphs.array(graphs.constants[node.input[1]])
    rows, blocks = packed.shape[:2]
    whole = _unpacked(packed, bits).reshape(rows, blocks, block)
    zero = np.full((rows, blocks), 1 << (bits - 1))
    if len(node.input) > 3 and node.input[3] in graphs.constants:
        stored = graphs.array(graphs.constants[node.input[3]]).reshape(rows, -1)
        zero = _unpacked(stored, bits)[:, :blocks]
    return (whole - zero[:, :, None]).reshape(rows, -1)[:, :depth]


def _attributes(node: onnx.NodeProto) -> dict[str, int]:
    return {attribute.name: attribute.i for attribute in node.attribute}


def _unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    """Bytes -> whole numbers along the last axis, the lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts = (packed[..., None].astype(np.uint8) >> shifts) & ((1 << bits) - 1)
    return parts.reshape(*packed.shape[:-1], -1).astype(np.int16)
