"""The model, its layers and its drawn graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from core.values.base import Text, Value
from core.values.card import ModelCard
from core.values.connected import Wiring
from core.values.origin import Origin
from core.values.plan import FLOAT_BITS


class TensorInfo(Value, frozen=True, kw_only=True):
    """An input or output of the model. A dimension is a number, a symbol, or None if unknown."""

    name: str
    dtype: str
    """numpy's name: float32, int64, bool, str ...; or bfloat16."""
    shape: tuple[int | str | None, ...] | None


class Layer(Value, frozen=True, kw_only=True):
    """A node with trained weights that Secateur can show and, mostly, compress."""

    id: str
    """The ONNX node's name, made unique over the whole model, subgraphs included."""
    label: str
    """The name shown: short, cleaned of exporter noise."""
    op: str
    """ONNX operator: Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU, RNN, Gather."""
    kind: str
    """For people: 'Conv 3×3', 'Depthwise 3×3', 'Dense', 'LSTM', 'Embedding' ..."""
    weights: tuple[str, ...]
    """Names of the initializers (an LSTM has W and R)."""
    shape: tuple[int, ...]
    """Shape of the first weight as stored."""
    out_channels: int
    in_channels: int
    """Per group, as stored: the second axis of a Conv weight."""
    params: int
    """Weights and bias."""
    macs: int | None = None
    """Multiply-accumulates for one sample; None where shapes are unknown."""
    bytes: int
    prunable: bool = True
    quantizable: bool = True
    why_not: tuple[Text, ...] = ()
    """Why it cannot be pruned or quantised, or what is special."""
    warnings: tuple[Text, ...] = ()
    weight_bits: int = FLOAT_BITS
    """Bits in the file as opened."""
    sparsity: float = 0.0
    """Share of exact zeros in the file as opened."""
    group: str | None = None
    """Layers with the same group share a weight and are changed together."""
    scope: str = ""
    """Path of the If/Loop body that holds it, empty for the main graph."""


class ModelInfo(Value, frozen=True, kw_only=True, tag=True):
    path: str
    name: str
    sha256: str
    size_bytes: int
    opset: int
    ir_version: int
    producer: str = ""
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    layers: tuple[Layer, ...] = ()
    node_count: int = 0
    params: int = 0
    macs: int | None = None
    compressible: bool = True
    why_not: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()
    light_path: str = ""
    """A copy without weights, for viewers; made by the engine."""
    card: ModelCard | None = None
    """What the file says of itself, if Secateur made it."""
    origin: Origin | None = None
    """What it was converted from; `path` is then the ONNX file made of it."""

    @property
    def source_path(self) -> str:
        """The file that the person opened."""
        return self.origin.path if self.origin is not None else self.path

    def layer(self, layer_id: str) -> Layer:
        for layer in self.layers:
            if layer.id == layer_id:
                return layer
        raise KeyError(layer_id)

    def coupled(self, layer_ids: Iterable[str]) -> list[str]:
        """These layers and all that are changed together with them, in the network's order."""
        chosen = set(layer_ids)
        groups = {layer.group for layer in self.layers if layer.id in chosen and layer.group}
        return [layer.id for layer in self.layers if layer.id in chosen or layer.group in groups]


class GraphNode(Value, frozen=True, kw_only=True):
    """A box of the drawn graph. Positions are its centre, in points at 100 %."""

    id: str
    """ONNX node name, or 'input:NAME' / 'output:NAME', or the id of a closed group."""
    label: str
    op: str
    """ONNX operator, 'input', 'output', or 'group'."""
    layer_id: str | None = None
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    detail: str = ""
    """Plain facts for the tooltip: shape, attributes."""


class GraphEdge(Value, frozen=True, kw_only=True):
    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    """Way points from the bottom of the source to the top of the target."""


class Graph(Value, frozen=True, kw_only=True, tag=True):
    """A laid-out graph: `detail` 'layers' (only layers and joins) or 'nodes' (every node)."""

    detail: Literal["layers", "nodes"]
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    width: float = 0.0
    height: float = 0.0
    closed: tuple[str, ...] = ()
    """Groups that are drawn as one box each, as they were asked for."""
    too_many: int = 0
    """So many boxes were too many to lay out: there are none."""


class GraphGroup(Value, frozen=True, kw_only=True):
    """Boxes that can be drawn as one: those of a name scope, a repeated block, or a row of such blocks."""

    id: str
    label: str
    parent: int
    """Index of the group that it stands in, -1 for none."""
    first: int
    count: int
    """Its boxes stand at `first` .. `first + count - 1` of `GraphGroups.order`."""
    repeats: int = 0
    """For a row of identical blocks: how many; they are its members."""
    kind: int = -1
    """Equal for groups of equal operators, attributes, weights' shapes and wiring."""


class GraphGroups(Value, frozen=True, kw_only=True, tag=True):
    """What of a drawn graph can be closed. Groups are nested intervals of one order of the boxes."""

    detail: Literal["layers", "nodes"]
    order: tuple[int, ...]
    """Indices into the nodes of the whole `Graph`; every source stands before its targets."""
    groups: tuple[GraphGroup, ...]
    """Outer ones before those inside them."""


class Counterpart(Value, frozen=True, kw_only=True):
    """What of a compressed network stands for a node of the original."""

    original: str
    """Node name; '' for what was added and serves no node."""
    compressed: tuple[str, ...]
    """Node names, the kept node first; the others are conversions that serve it. () where nothing does."""
    relation: Literal["same", "replaced", "taken over", "none", "added"]
    """'replaced': another operator that does the same. 'taken over': others do what it did."""


class SideBySide(Value, frozen=True, kw_only=True, tag=True):
    """A compressed network's drawing and how it corresponds to the original's."""

    sha256: str
    """Of the compressed file."""
    graph: Graph
    wiring: Wiring
    """Of the compressed network."""
    counterparts: tuple[Counterpart, ...]
