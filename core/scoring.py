"""Scores of a model's layers: what they need is measured once, kept, and found again in the store."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import Batch, DataSet, data_key
from core.errors import DataError, PlanError, UnsupportedModelError
from core.gradients.convert import why_no_gradients
from core.graph.opened import OpenedModel
from core.graph.weights import as_stored, find_node, get_weights, matrix_view, whole_matrix
from core.importance import SCORES
from core.importance.score import WHOLE, Need, Score, ScoredLayer, Statistics
from core.score_statistics import activity_statistics, gradient_statistics, input_statistics
from core.values import Layer, Text, digest, text

VERSION = 2
SAMPLES = 256
"""Calibration samples that scores look at, at most."""
_FORWARD_MACS = 2e12
_BACKWARD_MACS = 3e11
"""Multiply-accumulates that looking at samples may take: large networks are seen on fewer."""
_LEAST = 16
_BATCH = 32
_MOST_KEPT = 64 << 20
"""Bytes of one measurement up to which it goes into the store."""
_ARRAYS = ("power", "diagonal", "inverse", "energy", "active", "taylor", "fisher")


def score_named(name: str) -> Score:
    """The registered score. Raises PlanError naming the known ones."""
    if name not in SCORES:
        raise PlanError(
            text("There is no importance score '{score}'.", score=name),
            next_step=text("Choose one of: {names}.", names=", ".join(d.name for d, _ in SCORES)),
        )
    return SCORES.get(name)


@dataclass
class Scoring:
    """The scores of one model on one set of data. Safe to ask from several threads."""

    opened: OpenedModel
    data: DataSet | None = None
    store: MeasurementStore | None = None
    promised: bool = False
    """There are samples, only not opened yet."""
    _known: dict[tuple[Need, str], Statistics] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def scored(self, layer_id: str, name: str, seed: int = 0) -> ScoredLayer:
        """The layer with as much of what the score needs as is known by now."""
        node = find_node(self.opened.model, layer_id)
        layer = self.opened.info.layer(layer_id)
        matrix = whole_matrix(layer, node, get_weights(self.opened.model, layer))
        statistics = self._found(layer_id, score_named(name).needs) or Statistics()
        return ScoredLayer(self.opened.model, layer, node, matrix, statistics, seed)

    def to_measure(self, layer_ids: Iterable[str], name: str) -> list[str]:
        """Layers of which something has to be measured for this score, and can be."""
        need = score_named(name).needs
        if not need or self.why_not(name) is not None:
            return []
        return [layer_id for layer_id in layer_ids if self._found(layer_id, need) is None]

    def why_not(self, name: str) -> Text | None:
        """Why no layer has this score: there are no samples, or no gradients; None if it can be had."""
        need = score_named(name).needs
        if need and not self.promised and (self.data is None or not self.data.info.calibration_count):
            return text("This score is measured on samples: choose data first.")
        return why_no_gradients(self.opened.model) if need == "gradients" else None

    def measure(self, layer_ids: Sequence[str], name: str, context: Context) -> None:
        """See to it that what the score needs of these layers is known.

        Raises DataError without samples, UnsupportedModelError where an operator has no derivative, and
        Cancelled; what was measured until then is kept.
        """
        need = score_named(name).needs
        if not need:
            return
        reason = self.why_not(name)
        if reason is not None:
            kind = UnsupportedModelError if need == "gradients" and self.data is not None else DataError
            raise kind(
                text("The importance score '{score}' is not available.", score=name),
                reason,
                text("Choose another score: magnitude needs neither samples nor gradients."),
            )
        wanted = [layer_id for layer_id in layer_ids if self._found(layer_id, need) is None]
        if not wanted:
            return
        reading, samples, layers = self._reading(need), self._samples(need), self._layers(wanted)
        if need == "gradients":
            found = gradient_statistics(self.opened, layers, reading, samples, context)
        elif need == "activity":
            found = activity_statistics(self.opened, layers, reading, samples, context)
        else:
            curvature = need == "curvature"
            found = input_statistics(self.opened, layers, reading, samples, curvature, context)
        self._keep(need, found)

    def give_up(self, layer_ids: Iterable[str], name: str, reason: Text) -> None:
        """Remember why these layers could not be measured, so that nobody tries again and again."""
        need = score_named(name).needs
        with self._lock:
            self._known |= {(need, layer_id): Statistics(why_not=reason) for layer_id in layer_ids}

    def weights(self, layer_id: str, name: str, seed: int = 0) -> tuple[list[np.ndarray], Text | None]:
        """The score of every weight in the shapes of the layer's stored weights, and divided by nothing.

        Where the layer has no such score its magnitudes stand in, and the reason comes along.
        """
        scored = self.scored(layer_id, name, seed)
        score = score_named(name)
        reason = score.why_not(scored)
        if reason is not None:
            score = SCORES.get("magnitude")
        channels = score.channels(scored)
        values = score.weights(scored, WHOLE, channels.values)
        return _stored_as(scored, self.opened, values), reason

    def unit(self, layer_id: str, name: str) -> float:
        """What the layer's scores are divided by to be compared with other layers'."""
        scored = self.scored(layer_id, name)
        score = score_named(name)
        return 1.0 if score.why_not(scored) is not None else score.unit(scored)

    # ------------------------------------------------------------ what is known

    def _found(self, layer_id: str, need: Need) -> Statistics | None:
        if not need:
            return None
        with self._lock:
            # curvature holds the inputs' power too
            kinds: tuple[Need, ...] = (need, "curvature") if need == "inputs" else (need,)
            for kind in kinds:
                if (kind, layer_id) in self._known:
                    return self._known[kind, layer_id]
        if self.data is None or self.store is None:
            return None
        kept = self.store.get(self._key(need, layer_id))
        statistics = None if kept is None else unpack(kept)
        if statistics is not None:
            with self._lock:
                self._known[need, layer_id] = statistics
        return statistics

    def _keep(self, need: Need, found: dict[str, Statistics]) -> None:
        with self._lock:
            self._known |= {(need, name): statistics for name, statistics in found.items()}
        if self.store is None:
            return
        size = sum(_size(statistics) for statistics in found.values())
        for name, statistics in found.items():
            if statistics.why_not is None and size <= _MOST_KEPT:
                self.store.put(self._key(need, name), pack(statistics))

    def _key(self, need: Need, layer_id: str) -> str:
        assert self.data is not None
        about = (self.opened.info.sha256, data_key(self.data), self._samples(need))
        return digest("score", VERSION, need, layer_id, about)

    def _layers(self, layer_ids: Iterable[str]) -> list[Layer]:
        return [self.opened.info.layer(layer_id) for layer_id in layer_ids]

    # ------------------------------------------------------------ samples

    def _samples(self, need: Need) -> int:
        assert self.data is not None
        macs = max(1, self.opened.info.macs or 1)
        most = (_BACKWARD_MACS if need == "gradients" else _FORWARD_MACS) / macs
        return min(int(np.clip(most, _LEAST, SAMPLES)), self.data.info.calibration_count)

    def _reading(self, need: Need) -> Callable[..., Iterator[Batch]]:
        """Starts the samples anew at each call, in batches of a size."""
        data, samples = self.data, self._samples(need)
        assert data is not None

        def batches(size: int = _BATCH) -> Iterator[Batch]:
            return data.batches("calibration", size, samples)

        return batches


def _stored_as(scored: ScoredLayer, opened: OpenedModel, values: np.ndarray) -> list[np.ndarray]:
    """A matrix of scores cut into the layer's weights, each in its stored shape."""
    layer, node = scored.layer, scored.node
    result, start = [], 0
    for weight in get_weights(opened.model, layer):
        rows, columns = matrix_view(layer, node, weight).shape
        if rows == len(values):
            part = values[:, start : start + columns]
            start += columns
        else:
            # weights of other rows than the first are no part of the matrix: by magnitude
            part = np.abs(matrix_view(layer, node, weight))
        result.append(np.ascontiguousarray(as_stored(layer, node, part, weight.shape)))
    return result


def _size(statistics: Statistics) -> int:
    arrays = [getattr(statistics, name) for name in _ARRAYS]
    return sum(array.nbytes for array in arrays if array is not None)


def pack(statistics: Statistics) -> bytes:
    """Statistics as an .npz."""
    arrays = {name: getattr(statistics, name) for name in _ARRAYS}
    present = {name: array for name, array in arrays.items() if array is not None}
    if statistics.fisher_per_taylor is not None:
        present["fisher_per_taylor"] = np.asarray(statistics.fisher_per_taylor)
    stream = io.BytesIO()
    np.savez(stream, samples=np.asarray(statistics.samples), **present)
    return stream.getvalue()


def unpack(packed: bytes) -> Statistics | None:
    """The inverse of `pack`; None for bytes of another version."""
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            present = {name: arrays[name] for name in _ARRAYS if name in arrays}
            share = float(arrays["fisher_per_taylor"]) if "fisher_per_taylor" in arrays else None
            return Statistics(samples=int(arrays["samples"]), fisher_per_taylor=share, **present)
    except (ValueError, KeyError, OSError):
        return None
