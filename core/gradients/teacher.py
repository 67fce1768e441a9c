"""The original network while another learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from core.evaluate.runner import Runner
from core.gradients.convert import to_torch
from core.gradients.lazy import torch

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap


class Teacher:
    """Answers by onnxruntime, twice as fast as torch; by torch where inner values are wanted too."""

    def __init__(self, model: ir.Model, features: tuple[str, ...] = (), threads: int | None = None) -> None:
        self.features = features
        self.seen: dict[str, torch.Tensor] = {}
        """The wanted inner values of the last batch, by name."""
        self._runner = None if features else Runner(model, threads)
        self._graph = to_torch(model) if features else None

    def answers(self, feeds: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        """All outputs for a batch."""
        if self._runner is not None:
            plain = {name: np.ascontiguousarray(array) for name, array in feeds.items()}
            return [torch.from_numpy(np.asarray(output)) for output in self._runner.run(plain)]
        assert self._graph is not None
        with torch.no_grad():
            taps = keeping(self.seen, self.features)
            outputs: list[torch.Tensor] = self._graph(feeds, taps=taps)
            return outputs


def keeping(seen: dict[str, torch.Tensor], names: tuple[str, ...]) -> dict[str, Tap]:
    """Taps that keep the named values in `seen` and let them pass."""

    def keeper(name: str) -> Tap:
        def keep(value: torch.Tensor) -> torch.Tensor:
            seen[name] = value
            return value

        return keep

    return {name: keeper(name) for name in names}
