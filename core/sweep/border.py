"""Values at the borders of what-ifs, computed once from the unchanged network and kept within a limit."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.graph.suffix import prefix
from core.sweep.samples import Samples

BORDER_BYTES = 1 << 30


@dataclass
class _Maker:
    """Some values of the network, piece by piece of the samples; each piece is computed once."""

    names: list[str]
    runner: Runner | None
    kept: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    locks: dict[int, threading.Lock] = field(default_factory=dict)

    def of(self, samples: Samples, position: int) -> dict[str, np.ndarray]:
        # one lock a piece: another one may be computed meanwhile
        with self.locks.setdefault(position, threading.Lock()):
            if position not in self.kept:
                self.kept[position] = self.computed(samples, position)
            return self.kept[position]

    def computed(self, samples: Samples, position: int) -> dict[str, np.ndarray]:
        if self.runner is None:
            return {}
        asked = {item.name for item in self.runner.inputs}
        feeds = samples.pieces[position].feeds
        found = self.runner.run({name: array for name, array in feeds.items() if name in asked})
        return dict(zip(self.names, found, strict=True))


class Borders:
    """Feeds for networks cut behind some layers, piece by piece of the samples. May be asked by any thread.

    Layers are taken in groups whose values fit into the limit together; the values of the group before are
    let go. Those of a group are computed in one run for each piece: a network that hands out so many values
    takes about twice as long, a session for every layer costs more.
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
        all_values = self._maker(list(names))
        self.like = {**samples.pieces[0].feeds, **all_values.of(samples, 0)}
        """By value what it looks like: its array for the first piece."""
        self._groups = list(self._grouped(needed, limit))
        self._group = self._groups[0] if len(self._groups) == 1 else ()
        self._maker_of_group = all_values
        self._lock = threading.Lock()

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Layer ids that are best measured one after the other, in order of the network."""
        return self._groups

    def feeds(self, layer_id: str, position: int) -> dict[str, np.ndarray]:
        """Everything that a network cut at this layer may read, for piece `position`."""
        with self._lock:
            if layer_id not in self._group:
                self._group = next(group for group in self._groups if layer_id in group)
                self._maker_of_group = self._maker(
                    list(dict.fromkeys(n for e in self._group for n in self._needed[e]))
                )
            maker = self._maker_of_group
        return {**self._samples.pieces[position].feeds, **maker.of(self._samples, position)}

    def _maker(self, names: list[str]) -> _Maker:
        return _Maker(names, Runner(prefix(self._opened.model, names), self._threads) if names else None)

    def _grouped(self, needed: Mapping[str, Sequence[str]], limit: int) -> Iterable[tuple[str, ...]]:
        group: list[str] = []
        for layer_id in needed:
            if group and self._bytes([*group, layer_id]) > limit:
                yield tuple(group)
                group = []
            group.append(layer_id)
        if group:
            yield tuple(group)

    def _bytes(self, layers: Sequence[str]) -> float:
        """Of all pieces' values for these layers."""
        together = {name for layer in layers for name in self._needed[layer]}
        share = self._samples.count / len(self._samples.pieces[0].rows)
        return share * sum(self.like[name].nbytes for name in together)
