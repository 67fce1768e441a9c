"""An opened model: what is known about it, the file it came from, and the graph to work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import onnx_ir as ir

from core.values import ModelInfo


@dataclass(frozen=True)
class OpenedModel:
    """What every job starts from. Nobody mutates `model`; whoever changes a graph takes a `clone`.

    In the normalised graph every initializer lives in the main graph and the names of nodes, values
    and initializers are unique over the whole model, bodies of If, Loop and Scan included.
    """

    info: ModelInfo
    source: Path
    """The file as the user has it: "the original" is always judged from this file."""
    model: ir.Model

    @cached_property
    def nodes(self) -> Mapping[str, ir.Node]:
        """All nodes by name, those inside of bodies included."""
        return {node.name or "": node for node in self.model.graph.all_nodes()}

    @cached_property
    def main_nodes(self) -> frozenset[str]:
        """Names of the nodes that lie in no body."""
        return frozenset(node.name or "" for node in self.model.graph)

    def clone(self) -> ir.Model:
        """A private copy of the graph. Weights are shared until `set_weight` replaces them."""
        return self.model.clone()
