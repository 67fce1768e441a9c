"""What the units of each group are worth, measured once for every amount that may go."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import onnx_ir as ir

from core.corrections import MeasurementStore
from core.data.dataset import data_key
from core.graph.coupling import ChannelGroup
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods._channel_curves import Curve, by_moments
from core.methods.prune_channels import Units
from core.methods.repair_channels import Answers
from core.steps import Task
from core.steps._samples import Split
from core.values import digest

VERSION = 1


class _Kept(msgspec.Struct, frozen=True):
    order: list[int]
    damage: list[float]


def kept_curves(opened: OpenedModel, task: Task, samples: Split, score: str) -> Units | None:
    """Curves as `prune_channels` makes them for the scores 'moments' and 'measured', through the store.

    Asking for another share of the network, or for the same one again, then measures nothing anew. Later
    rounds see another network and are measured. None without samples.
    """
    fit, store = samples.fit, task.store
    if fit is None:
        return None
    positions = int(setting(task.plan, "repair_channels", "positions"))

    def measured(model: ir.Model, groups: Sequence[ChannelGroup]) -> Mapping[str, Curve]:
        answers = (
            Answers(opened.model, samples.held_out) if score == "measured" and samples.held_out else None
        )
        return by_moments(model, groups, fit, task.context, answers, positions=positions)

    def units(model: ir.Model, groups: Sequence[ChannelGroup]) -> Mapping[str, Curve]:
        if model is not opened.model or store is None:
            return measured(model, groups)
        assert task.data is not None
        key = digest("channel curves", VERSION, opened.info.sha256, data_key(task.data), score, positions)
        found = _read(store, key)
        if found is None or found.keys() != {group.id for group in groups}:
            found = dict(measured(model, groups))
            values = {name: _Kept(one.order.tolist(), one.damage.tolist()) for name, one in found.items()}
            store.put(key, msgspec.msgpack.encode(values))
        return found

    return units


def _read(store: MeasurementStore, key: str) -> dict[str, Curve] | None:
    # whatever is damaged is measured again
    with contextlib.suppress(msgspec.MsgspecError):
        kept = store.get(key)
        if kept is not None:
            values = msgspec.msgpack.decode(kept, type=dict[str, _Kept])
            return {
                name: Curve(np.array(one.order, dtype=np.int64), np.array(one.damage))
                for name, one in values.items()
            }
    return None
