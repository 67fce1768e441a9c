"""Values at the borders of what-ifs, computed once from the unchanged network and kept within a limit."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.graph.suffix import prefix
from core.sweep.samples import Samples

BORDER_BYTES = 1 << 30


class Borders:
    """Feeds for networks cut behind some layers, piece by piece of the samples.

    Layers are taken in groups whose values fit into the limit together; one session serves a group, and the
    values of the group before are let go.
    """

    def __init__(
        self,
        opened: OpenedModel,
        samples: Samples,
        needed: Mapping[str, Sequence[str]],
        threads: int | None = None,
        limit: int = BORDER_BYTES,
    ) -> None:
        """`needed`: by layer id the values that its what-ifs are fed. All sizes are known after this."""
        self._opened = opened
        self._samples = samples
        self._threads = threads
        inputs = {value.name for value in opened.model.graph.inputs}
        names = dict.fromkeys(name for values in needed.values() for name in values if name not in inputs)
        self._needed = {layer: [n for n in values if n in names] for layer, values in needed.items()}
        self.like = {**samples.pieces[0].feeds, **self._computed(self._session(list(names)), list(names), 0)}
        """By value what it looks like: its array for the first piece."""
        self._groups = list(self._grouped(needed, limit))
        self._group: tuple[str, ...] = ()
        self._names: list[str] = []
        self._runner: Runner | None = None
        self._kept: dict[int, dict[str, np.ndarray]] = {}
        self._lock = threading.Lock()

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Layer ids that are best measured one after the other, in order of the network."""
        return self._groups

    def feeds(self, layer_id: str, position: int) -> dict[str, np.ndarray]:
        """Everything that a network cut at this layer may read, for piece `position`. From any thread."""
        with self._lock:
            return self._feeds(layer_id, position)

    def _feeds(self, layer_id: str, position: int) -> dict[str, np.ndarray]:
        if layer_id not in self._group:
            self._group = next(group for group in self._groups if layer_id in group)
            self._names = list(dict.fromkeys(n for each in self._group for n in self._needed[each]))
            self._runner = self._session(self._names)
            self._kept = {}
        if position not in self._kept:
            self._kept[position] = self._computed(self._runner, self._names, position)
        return {**self._samples.pieces[position].feeds, **self._kept[position]}

    def _session(self, names: list[str]) -> Runner | None:
        return Runner(prefix(self._opened.model, names), self._threads) if names else None

    def _computed(self, runner: Runner | None, names: list[str], position: int) -> dict[str, np.ndarray]:
        if runner is None:
            return {}
        asked = {item.name for item in runner.inputs}
        feeds = self._samples.pieces[position].feeds
        found = runner.run({name: array for name, array in feeds.items() if name in asked})
        return dict(zip(names, found, strict=True))

    def _grouped(self, needed: Mapping[str, Sequence[str]], limit: int) -> Iterable[tuple[str, ...]]:
        pieces = len(self._samples.pieces)
        group: list[str] = []
        names: set[str] = set()
        for layer_id in needed:
            more = names | set(self._needed[layer_id])
            if group and pieces * sum(self.like[name].nbytes for name in more) > limit:
                yield tuple(group)
                group, more = [], set(self._needed[layer_id])
            group.append(layer_id)
            names = more
        if group:
            yield tuple(group)
