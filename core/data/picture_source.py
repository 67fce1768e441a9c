"""Pictures of a listing by position: checked once when chosen, decoded again when asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from core.context import Context
from core.data import pictures
from core.data.fit import numpy_dtype
from core.data.folder_scan import Listing
from core.data.preprocess import normalise, to_pixels
from core.errors import DataError
from core.values import Preprocess, TensorInfo, Text, text

T = TypeVar("T")

_LARGE_FILE_BYTES = 20_000
"""Above this mean size decoding outweighs what threads cost; Pillow decodes outside Python's lock."""


def map_files(function: Callable[[str], T], listing: Listing, indices: np.ndarray) -> Iterator[T]:
    """Apply a function to the names at these positions, in order, in threads where that pays."""
    names = [listing.names[index] for index in indices]
    mean_bytes = np.mean([listing.sizes[index] for index in indices]) if len(indices) else 0
    if mean_bytes < _LARGE_FILE_BYTES or len(names) < 2:
        yield from map(function, names)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, names)


class PictureSource:
    """Serves preprocessed pictures. labels: of every picture of the listing by position, or None."""

    def __init__(self, listing: Listing, preprocess: Preprocess, info: TensorInfo, labels: Any) -> None:
        self.labels = labels
        self._listing = listing
        self._preprocess = preprocess
        self._input = info.name
        self._dtype = numpy_dtype(info)

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The pictures at these positions, preprocessed. Raises DataError if one is gone since."""
        pixels = np.stack(list(map_files(self._pixels, self._listing, indices)))
        return {self._input: normalise(pixels, self._preprocess, self._dtype)}

    def _pixels(self, name: str) -> np.ndarray:
        try:
            return to_pixels(pictures.decode(self._listing.root / name), self._preprocess)
        except pictures.PictureError as error:
            raise DataError(
                text("A picture changed or went away since the data was opened."),
                error.reason(name),
                text("Open the data again."),
            ) from error


class Checker:
    """Tries chosen pictures once, and remembers which work."""

    def __init__(self, listing: Listing, context: Context) -> None:
        self.listing = listing
        self.usable = np.ones(len(listing.names), dtype=bool)
        self.checked: dict[int, pictures.Checked] = {}
        self._context = context

    def select(self, choose: Callable[[np.ndarray], Iterable[np.ndarray]]) -> list[np.ndarray]:
        """Choose until every chosen picture works: choose(usable) gives positions by role."""
        while True:
            chosen = [np.asarray(positions) for positions in choose(self.usable)]
            new = [i for positions in chosen for i in positions.tolist() if i not in self.checked]
            if not self._check(np.array(sorted(new), dtype=np.int64)):
                return chosen

    def _check(self, indices: np.ndarray) -> int:
        """Try these; return how many failed."""
        failed = 0
        for place, result in enumerate(map_files(self._try, self.listing, indices)):
            if place % 64 == 0:
                self._context.report(text("Reading pictures"), place, len(indices))
            index = int(indices[place])
            if isinstance(result, pictures.Checked):
                self.checked[index] = result
                continue
            failed += 1
            self.usable[index] = False
            self.listing.skipped.append(result)
        return failed

    def _try(self, name: str) -> pictures.Checked | Text:
        try:
            return pictures.check(self.listing.root / name)
        except pictures.PictureError as error:
            return error.reason(name)
