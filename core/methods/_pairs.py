"""8-bit weights whose products with 8-bit activations never overflow in kernels that add pairs in 16 bits.

On x86 without VNNI the products of two neighbours in a row are added in 16 bits: 255·(|a| + |b|) must stay
within 32,767 where a and b have one sign. To use 7 bits everywhere is enough for that, but more than is
needed: large weights seldom have large neighbours. So each row gets the finest scale with which all its
pairs fit, about two thirds of a bit finer on average.
"""

from __future__ import annotations

import numpy as np

MOST = 128
"""Of two neighbouring integers of one sign: 255 · 128 = 32,640."""
_AT_ONCE = 1 << 17
"""Weights that are looked at together."""
_GROWTH = 1.005
_TINY = np.float32(np.finfo(np.float32).tiny)


def kernel_rows(weight: np.ndarray, row_axis: int) -> np.ndarray:
    """The weight as (rows, columns) in the order in which kernels add up: channels of a position together.

    A convolution's (out, in, k...) comes as (out, k...·in), a matrix with its rows first.
    """
    moved = np.moveaxis(weight, row_axis, 0)
    if moved.ndim > 2:
        moved = np.moveaxis(moved, 1, -1)
    return moved.reshape(len(moved), -1)


def kernel_order(columns: int, kernel: int) -> np.ndarray:
    """Which column of (in·k) comes when, (columns,): `kernel_rows` for rows in matrix form."""
    return np.arange(columns).reshape(-1, kernel).T.reshape(-1)


def worst(rows: np.ndarray) -> np.ndarray:
    """Of each row (rows, columns) the largest sum of two neighbours of one sign, (rows,)."""
    return np.concatenate([_worst(part) for part in _portions(rows)])


def _worst(rows: np.ndarray) -> np.ndarray:
    pairs = _pairs(rows)
    up, down = np.maximum(pairs, 0).sum(axis=2), np.maximum(-pairs, 0).sum(axis=2)
    return np.asarray(np.maximum(up.max(axis=1, initial=0), down.max(axis=1, initial=0)))


def fine_scale(rows: np.ndarray, scale: np.ndarray, shared: bool = False) -> np.ndarray:
    """The scale of each row (rows,), at least `scale`, with which its rounded pairs fit; float32.

    `shared`: one scale for all rows, all equal.
    """
    if shared:
        return _fine_scale(rows, scale, True)
    ends = np.cumsum([len(part) for part in _portions(rows)])[:-1]
    scales = np.split(np.asarray(scale), ends)
    parts = zip(_portions(rows), scales, strict=True)
    return np.concatenate([_fine_scale(part, own, False) for part, own in parts])


def _fine_scale(rows: np.ndarray, scale: np.ndarray, shared: bool) -> np.ndarray:
    wide = rows.astype(np.float32, copy=False)
    found = np.maximum(scale, worst(wide) / np.float32(MOST + 1)).astype(np.float32)
    found = np.maximum(found, _TINY)
    if shared:
        found = np.full_like(found, found.max())
    while True:
        integers = np.clip(np.rint(wide / found[:, None]), -127, 127)
        over = worst(integers) > MOST
        if not over.any():
            return found
        if shared:
            over[:] = True
        found = np.where(over, found * np.float32(_GROWTH), found).astype(np.float32)


def mended(rows: np.ndarray) -> np.ndarray:
    """Integers (rows, columns) whose pairs all fit: of one that does not, the larger gives way."""
    result = rows.copy()
    count = rows.shape[1] // 2
    pairs = result[:, : 2 * count].reshape(len(rows), count, 2)
    first, second = pairs[..., 0].copy(), pairs[..., 1].copy()
    excess = np.where(first * second > 0, np.abs(first) + np.abs(second) - MOST, 0)
    excess = np.maximum(excess, 0)
    at_first = np.abs(first) >= np.abs(second)
    pairs[..., 0] = first - np.sign(first) * np.where(at_first, excess, 0)
    pairs[..., 1] = second - np.sign(second) * np.where(at_first, 0, excess)
    return result


def _portions(rows: np.ndarray) -> list[np.ndarray]:
    """Some rows each: what is worked out of a row is several times as large as it is."""
    size = max(1, _AT_ONCE // max(1, rows.shape[1]))
    return [rows[start : start + size] for start in range(0, len(rows), size)] or [rows]


def _pairs(rows: np.ndarray) -> np.ndarray:
    """(rows, pairs, 2), the last one filled up with 0."""
    padded = np.pad(rows, [(0, 0), (0, rows.shape[1] % 2)])
    return padded.reshape(len(rows), -1, 2)
