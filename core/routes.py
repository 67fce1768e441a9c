"""What jobs took on this computer, by kind: where `Route`s come from and are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core import messages as m
from core.kernels.shelf import Shelf
from core.route import Leg, Route
from core.values import Plan, digest

VERSION = 1
_USUAL = Path(__file__).with_name("usual_routes.json")
"""What jobs took on the sample, on a computer of two cores: before the first job of a kind here."""
_Legs = tuple[Leg, ...]

FOLLOWED = (
    m.Analyze, m.MeasurePlan, m.BlamePlan, m.RescuePlan, m.FindPlan, m.BestCurve, m.Compress, m.Export,
    m.Compare, m.ComparePlan,
)  # fmt: skip
"""Requests whose jobs take long enough for a bar."""


class Routes:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def of(self, request: m.Request) -> Route:
        """The route of a job of the request's kind, as far as it is known."""
        for key in _keys(request):
            kept = self._shelf.get(key)
            if kept is None:
                continue
            try:
                return Route(msgspec.msgpack.decode(kept, type=_Legs))
            except msgspec.MsgspecError:
                continue  # of another version: the usual ones will do
        return Route(usual().get(type(request).__name__, ()))

    def keep(self, request: m.Request, route: Route) -> None:
        """Remember what a job that is done took."""
        legs = msgspec.msgpack.encode(route.legs())
        for key in _keys(request):
            self._shelf.put(key, legs)


def usual() -> dict[str, _Legs]:
    """By the name of the request, the stages of a job on the sample."""
    return msgspec.json.decode(_USUAL.read_bytes(), type=dict[str, _Legs])


def _keys(request: m.Request) -> list[str]:
    """Under which a job's stages are found: what is asked just so, then any job of the request's type."""
    name = type(request).__name__
    about: list[object] = []
    if isinstance(request, m.FindPlan | m.BestCurve):
        about = [request.goal.profile, request.goal.channels, bool(request.goal.locks)]
    if isinstance(request, m.Analyze):
        about = [bool(request.layers), bool(request.sparsities), len(request.weight_bits)]
    plan = getattr(request, "plan", None)
    if isinstance(plan, Plan):
        about.append({name: dict(plan.methods[name]) for name in sorted(plan.methods)})
        defaults = plan.defaults
        about += [bool(defaults.sparsity), defaults.weight_bits, defaults.activation_bits]
    return [f"route {VERSION} {digest(name, *about)}", f"route {VERSION} {name}"]
