"""The grids on which weights and activations lie while a network is trained for fewer bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.gradients.lazy import torch
from core.gradients.operators.quantisation import round_through

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap


@dataclass(frozen=True)
class WeightGrid:
    """w ≈ scale · (q - zero_point), q a whole number in low..high; scale broadcasts over the weight."""

    scale: np.ndarray
    low: int
    high: int
    zero_point: np.ndarray | int = 0

    def rounding(self) -> Tap:
        """A function that puts a weight on the grid, with a straight-through gradient."""
        scale = torch.from_numpy(np.asarray(self.scale, np.float32))
        zero = torch.from_numpy(np.asarray(self.zero_point, np.float32))

        def apply(weight: torch.Tensor) -> torch.Tensor:
            q = torch.clamp(round_through(weight / scale) + zero, self.low, self.high)
            return (q - zero) * scale

        return apply


@dataclass(frozen=True)
class RoundingGrid:
    """A weight in units of its grid, v, that stands for scale · (round(v) - zero_point), v near `start`."""

    scale: np.ndarray
    low: int
    high: int
    start: np.ndarray
    """Whole numbers in low..high, of the weight's shape."""
    zero_point: np.ndarray | int = 0
    reach: int = 1
    """How many grid points from `start` a weight may go."""

    def rounding(self) -> Tap:
        """A function that puts v on the grid and scales it, with a straight-through gradient."""
        scale = torch.from_numpy(np.asarray(self.scale, np.float32))
        zero = torch.from_numpy(np.asarray(self.zero_point, np.float32))
        start = torch.from_numpy(np.asarray(self.start, np.float32))
        bottom, top = (
            torch.clamp(start - self.reach, min=self.low),
            torch.clamp(start + self.reach, max=self.high),
        )

        def apply(units: torch.Tensor) -> torch.Tensor:
            return (torch.clamp(round_through(units), bottom, top) - zero) * scale

        return apply


@dataclass(frozen=True)
class ActivationGrid:
    """One scale and zero point for a whole tensor, uint8 unless said otherwise."""

    scale: float
    zero_point: int
    low: int = 0
    high: int = 255

    def rounding(self) -> Tap:
        """A function that puts an activation on the grid; the gradient is zero where it is cut off."""

        def apply(value: torch.Tensor) -> torch.Tensor:
            return torch.fake_quantize_per_tensor_affine(
                value.to(torch.float32), self.scale, self.zero_point, self.low, self.high
            )

        return apply
