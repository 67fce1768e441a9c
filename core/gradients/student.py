"""The network that is trained: its weights, its masks and its grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.errors import PlanError
from core.gradients.grids import ActivationGrid, RoundingGrid, WeightGrid
from core.gradients.lazy import torch
from core.gradients.norms import Norms
from core.values import text

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap, TorchGraph


class Student:
    """The network that is trained, with what is held."""

    def __init__(
        self,
        graph: TorchGraph,
        masks: Mapping[str, np.ndarray],
        weight_grids: Mapping[str, WeightGrid | RoundingGrid],
        activation_grids: Mapping[str, ActivationGrid],
        chosen: list[str],
    ) -> None:
        for name in [*masks, *weight_grids]:
            if name not in graph.weights:
                raise PlanError(
                    text("'{name}' is no weight that can be trained.", name=name),
                    next_step=text("Open the model again and choose from the layers in the table."),
                )
        self.graph = graph
        graph.channels_last()
        self.masks = {name: torch.from_numpy(np.asarray(mask)).bool() for name, mask in masks.items()}
        self.rounding = {name: grid.rounding() for name, grid in weight_grids.items()}
        self.taps: dict[str, Tap] = {name: grid.rounding() for name, grid in activation_grids.items()}
        self.trained = {name: graph.weights[name] for name in chosen}
        self.norms: Norms | None = None
        for name, parameter in graph.weights.items():
            parameter.requires_grad_(name in self.trained)
        self.hold()

    def hold(self) -> None:
        """Bring the masked weights back to zero."""
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.graph.weights[name].mul_(mask)

    def mask(self, name: str, mask: np.ndarray) -> None:
        """From here on these weights, where it is False, are zero."""
        self.masks[name] = torch.from_numpy(np.asarray(mask)).bool()

    def rounded(self) -> dict[str, torch.Tensor]:
        return {name: rounding(self.graph.weights[name]) for name, rounding in self.rounding.items()}

    def learnt(self) -> dict[str, torch.nn.Parameter]:
        """All that training changes, by name: weights, and what normalisations learn."""
        return {**self.trained, **(self.norms.parameters() if self.norms else {})}

    def run(self, feeds: Mapping[str, torch.Tensor], taps: Mapping[str, Tap]) -> list[torch.Tensor]:
        """As it is trained: normalised by the batch where there are norms."""
        own = {**self.taps, **(self.norms.taps() if self.norms else {})}
        return self.graph(feeds, self.rounded(), {**own, **taps})  # type: ignore[no-any-return]

    def judged(
        self, feeds: Mapping[str, torch.Tensor], plain: Mapping[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        """As it is written, with these weights in the place of its own."""
        return self.graph(feeds, {**plain, **self.rounded()}, self.taps)  # type: ignore[no-any-return]

    def state(self) -> dict[str, torch.Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.learnt().items()}

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from this state."""
        learnt = self.learnt()
        with torch.no_grad():
            for name, value in state.items():
                learnt[name].copy_(value)

    def weights(self, plain: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
        """The arrays to write: every trained, masked or rounded weight. `plain`: those of `trained`."""
        self.load(plain)
        with torch.no_grad():
            names = dict.fromkeys([*self.trained, *self.masks, *self.rounding])
            final = {**self.graph.weights, **self.rounded()}
            return {name: final[name].detach().contiguous().numpy().copy() for name in names}
