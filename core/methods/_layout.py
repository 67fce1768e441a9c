"""Which weights share a scale: rows (an output channel each) and, along each row, blocks of neighbours.

A row of a weight is everything that feeds one entry of its channel axes, in the order of storage; a block is
`block` of a row's weights in a run, the last one may be shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Rows and blocks of a weight of this shape."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    """Whose entries together are the rows; () for one row in all."""
    block: int = 0
    """Weights of a row that share a scale; 0: all of them."""

    @property
    def rows(self) -> int:
        return prod(self.shape[axis] for axis in self.axes)

    @property
    def columns(self) -> int:
        return prod(self.shape[axis] for axis in self.inputs)

    @property
    def blocks(self) -> int:
        return -(-self.columns // self.block) if self.block else 1

    @property
    def inputs(self) -> tuple[int, ...]:
        """The axes that are no channel axes."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)

    def matrix(self, weight: np.ndarray) -> np.ndarray:
        """The weight as (rows, columns)."""
        return weight.transpose(*self.axes, *self.inputs).reshape(self.rows, self.columns)

    def weight(self, matrix: np.ndarray) -> np.ndarray:
        """The inverse of `matrix`."""
        order = (*self.axes, *self.inputs)
        moved = matrix.reshape([self.shape[axis] for axis in order])
        return np.ascontiguousarray(moved.transpose(np.argsort(order)))

    def in_blocks(self, weight: np.ndarray) -> np.ndarray:
        """The weight as (rows, blocks, block); a short last block is filled up with zeros."""
        return self.blocks_of(self.matrix(weight))

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        """Some rows of the `matrix` as `in_blocks`."""
        width = self.block or self.columns
        missing = self.blocks * width - self.columns
        padded = np.pad(rows, [(0, 0), (0, missing)]) if missing else rows
        return padded.reshape(len(rows), self.blocks, width)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """One value for each block (rows, blocks), as an array of the weight's shape."""
        each = np.repeat(values, self.block or self.columns, axis=1)[:, : self.columns]
        return self.weight(each)

    def broadcast(self, values: np.ndarray) -> np.ndarray:
        """One value for each row, so shaped that it broadcasts over the weight."""
        return values.reshape([size if axis in self.axes else 1 for axis, size in enumerate(self.shape)])


def whole_block(columns: int, block: int) -> int:
    """The largest block of at most `block` that divides the row."""
    return next(size for size in range(min(block, columns), 0, -1) if columns % size == 0)
