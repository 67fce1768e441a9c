"""Milliseconds of each option of a layer, so that options add up to what a plan takes."""

from __future__ import annotations

from collections.abc import Mapping

from core.kernel_model import INTEGER_SPEEDUP, KernelModel
from core.values import FLOAT_BITS, LayerPlan, Plan, Timings

_ALL_INTEGER = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
_ORIGINAL = Plan()


class LayerTimes:
    """From times of kernels measured on this computer; without them from the usual factor."""

    def __init__(
        self,
        timings: Timings | None,
        kernels: KernelModel | None = None,
        methods: Mapping[str, dict[str, str | int | float | bool]] | None = None,
    ) -> None:
        """`methods`: what every plan in question asks for besides, as fewer channels."""
        self._profiled = {time.layer_id: time.time_ms for time in timings.layers} if timings else {}
        self._kernels = kernels if kernels is not None and kernels.usable else None
        self._methods = dict(methods or {})
        self._conversions = self._conversions_share()

    def ms(self, layer_id: str, plan: LayerPlan) -> float:
        """What the layer takes under `plan`; 0 where nothing is known of it."""
        integer = plan.activation_bits == 8 and (plan.weight_bits or FLOAT_BITS) <= 8
        if self._kernels is None:
            return self._profiled.get(layer_id, 0.0) / (INTEGER_SPEEDUP if integer else 1.0)
        alone = self._kernels.layer_ms(layer_id, Plan(methods=self._methods))
        own = self._kernels.layer_ms(layer_id, Plan(exceptions={layer_id: plan}, methods=self._methods))
        if alone is None or own is None:
            return 0.0
        return own + (self._conversions * alone if integer else 0.0)

    def _conversions_share(self) -> float:
        """What conversions and what lies between layers add where all is integer, for each float millisecond.

        Whether a conversion is needed depends on the neighbours, which an option does not know: in most plans
        they are alike.
        """
        if self._kernels is None:
            return 0.0
        names = self._kernels.layers
        alone = sum(self._kernels.layer_ms(name, _ORIGINAL) or 0.0 for name in names)
        integer = sum(self._kernels.layer_ms(name, _ALL_INTEGER) or 0.0 for name in names)
        saved = self._kernels.sum_ms(_ORIGINAL) - self._kernels.sum_ms(_ALL_INTEGER)
        return (alone - integer - saved) / alone if alone else 0.0
