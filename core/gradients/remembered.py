"""The teacher's answers to the samples of a training, worked out once each and not in every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.gradients.lazy import torch
from core.gradients.samples import Samples, mirror
from core.gradients.teacher import Teacher

MEMORY = 1 << 28
"""Bytes of answers that are kept."""


class Remembered:
    """What the teacher says to samples as they are, whatever variation of them the student sees.

    `mirrored`: the mean of the answers to a picture and to its mirror image, which are better than either:
    what a picture shows does not change with it, the teacher's errors do.
    """

    def __init__(self, teacher: Teacher, samples: Samples, mirrored: bool) -> None:
        self._teacher, self._samples, self._mirrored = teacher, samples, mirrored
        self._known = np.zeros(len(samples), bool)
        self._kept: list[torch.Tensor] | None = None

    def answers(self, places: np.ndarray) -> list[torch.Tensor]:
        """All outputs for the samples at these places, in their order."""
        new = np.unique(places[~self._known[places]])
        if len(new):
            said = self._ask(new)
            if self._kept is None:
                self._kept = [value.new_zeros((len(self._known), *value.shape[1:])) for value in said]
            for kept, value in zip(self._kept, said, strict=True):
                kept[torch.from_numpy(new)] = value
            self._known[new] = True
        assert self._kept is not None
        wanted = torch.from_numpy(np.ascontiguousarray(places))
        return [kept[wanted] for kept in self._kept]

    def _ask(self, places: np.ndarray) -> list[torch.Tensor]:
        feeds = self._samples.take(places).feeds
        said = self._teacher.answers(feeds)
        if not self._mirrored:
            return said
        other = self._teacher.answers({name: mirror(array) for name, array in feeds.items()})
        return [
            (one + two) / 2 if one.is_floating_point() else one for one, two in zip(said, other, strict=True)
        ]


def may_be_remembered(answers: Sequence[torch.Tensor], batch: int, samples: int) -> bool:
    """Whether each of these answers to a batch belongs to one sample, and all would fit into memory."""
    if any(value.dim() == 0 or len(value) != batch for value in answers):
        return False
    size = sum(value[0].numel() * value.element_size() for value in answers)
    return size * samples <= MEMORY
