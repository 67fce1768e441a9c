"""What is to be done to each layer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from core.values.base import Value

Granularity = Literal["tensor", "channel", "block"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
BLOCK_SIZES = (16, 256)
"""The smallest and the largest block."""

FLOAT_BITS = 32
"""`LayerPlan` bits that mean "left as it is" (float)."""

HALF_BITS = 16
"""`LayerPlan` bits of weights that mean float16."""


def stored_bits(bits: int) -> int:
    """The bits of the type that holds so many: int2, int4 or int8, else the float's own."""
    return next((width for width in (2, 4, 8) if bits <= width), bits)


def even_block(columns: int, block: int) -> int:
    """A block of at most `block` that divides the row, if one is nearly as large, else `block`.

    Even blocks are written with one operator less, and no scale serves a few weights only.
    """
    fewest = -(-columns // block)
    for count in range(fewest, fewest + fewest // 2 + 1):
        if columns % count == 0:
            return columns // count
    return block


CLUSTERS = (2, 256)
"""The fewest and the most values that a layer's weights may share."""


def place_bits(clusters: int) -> int:
    """Bits that say which of so many shared values a weight is, 2 to 8."""
    return max(2, (clusters - 1).bit_length())


class LayerPlan(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be done to a layer. None: as the plan's defaults say."""

    sparsity: float | None = None
    """Fraction of zeros, 0..1."""
    threshold: float | None = None
    """Instead of a share: weights whose magnitude is below this go."""
    pattern: str | None = None
    """'unstructured', or 'N:M' such as '2:4': N of every M neighbours stay, whatever `sparsity` says."""
    weight_bits: int | None = None
    """32 (as it is), 16 (float of half the size), or 8 to 2."""
    clusters: int | None = None
    """Weights become one of so many shared values, 2 to 256, whatever `weight_bits` says; 0: they do not."""
    activation_bits: int | None = None
    """32 (as it is), 16 or 8."""
    granularity: Granularity | None = None
    """What shares a scale: the whole weight, an output channel, or a block of its weights."""
    block_size: int | None = None
    """Weights of a channel that share a scale, 16 to 256, where the granularity is 'block'."""
    symmetric: bool | None = None
    """Whether the grid of the weights reaches as far below zero as above; else it has a zero point."""
    keep: bool | None = None
    """True: leave this layer alone whatever else is said."""

    @property
    def zeros(self) -> float:
        """The share of zeros that sparsity or pattern asks for, 0..1; a threshold says none."""
        pattern = parse_pattern(self.pattern)
        return 1.0 - pattern[0] / pattern[1] if pattern else self.sparsity or 0.0

    def over(self, base: LayerPlan) -> LayerPlan:
        """This plan's own settings, the rest from `base`."""
        return _over(self, base)


@lru_cache(maxsize=256)
def parse_pattern(pattern: str | None) -> tuple[int, int] | None:
    """'2:4' -> (2, 4); None for no pattern. Raises ValueError for what is neither."""
    if pattern is None or pattern == "unstructured":
        return None
    found = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", pattern)
    if found is None or not 0 < int(found[1]) < int(found[2]):
        raise ValueError(f"'{pattern}' is no pattern like 2:4")
    return int(found[1]), int(found[2])


@lru_cache(maxsize=1024)
def _over(own: LayerPlan, base: LayerPlan) -> LayerPlan:
    # kept: the window resolves each of a thousand layers at each move of a slider
    return LayerPlan(
        **{
            name: getattr(own, name) if getattr(own, name) is not None else getattr(base, name)
            for name in LayerPlan.__struct_fields__
        }
    )


NO_CHANGE = LayerPlan(
    sparsity=0.0,
    pattern="unstructured",
    weight_bits=FLOAT_BITS,
    activation_bits=FLOAT_BITS,
    granularity="channel",
    block_size=32,
    symmetric=True,
    clusters=0,
    keep=False,
)


@lru_cache(maxsize=16_384)
def _resolved(own: LayerPlan | None, defaults: LayerPlan) -> LayerPlan:
    # kept: the window resolves thousands of layers at each move of a slider, mostly to the same
    base = defaults.over(NO_CHANGE)
    resolved = own.over(base) if own is not None else base
    if own is not None and own.threshold is None and own.sparsity is not None:
        resolved = msgspec.structs.replace(resolved, threshold=None)
    if own is not None and own.clusters is None and own.weight_bits is not None:
        resolved = msgspec.structs.replace(resolved, clusters=0)
    if resolved.keep:
        return msgspec.structs.replace(NO_CHANGE, keep=True)
    if resolved.clusters:
        # with the bits that shared values take
        return msgspec.structs.replace(resolved, weight_bits=place_bits(resolved.clusters))
    return resolved


@lru_cache(maxsize=1024)
def _is_change(resolved: LayerPlan) -> bool:
    return (
        bool(resolved.sparsity)
        or resolved.pattern not in (None, "unstructured")
        or bool(resolved.threshold)
        or resolved.weight_bits != FLOAT_BITS
        or resolved.activation_bits != FLOAT_BITS
    )


RESTRUCTURING = (
    ("equalize", "on"),
    ("prune_blocks", "count"),
    ("merge_channels", "tolerance"),
    ("prune_channels", "macs"),
    ("prune_channels", "channels"),
    ("finetune", "seconds"),
)
"""(method, parameter): above 0 it changes the network as a whole."""


class Plan(Value, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Defaults, exceptions by layer id, and the methods' own parameters."""

    defaults: LayerPlan = NO_CHANGE
    exceptions: dict[str, LayerPlan] = {}
    methods: dict[str, dict[str, str | int | float | bool]] = {}
    order: tuple[str, ...] = ()
    """Names of the steps on the whole network in the order wanted (`core.steps`); () for the usual one."""

    def layer(self, layer_id: str) -> LayerPlan:
        """What this layer gets, complete; a kept layer comes back as `NO_CHANGE` with keep."""
        return _resolved(self.exceptions.get(layer_id), self.defaults)

    def with_layer(self, layer_id: str, **settings: object) -> Plan:
        """A new plan in which this layer differs from the defaults by `settings` too."""
        own = self.exceptions.get(layer_id, LayerPlan())
        changed = msgspec.structs.replace(own, **settings)
        exceptions = dict(self.exceptions)
        if changed == LayerPlan():
            exceptions.pop(layer_id, None)
        else:
            exceptions[layer_id] = changed
        return msgspec.structs.replace(self, exceptions=exceptions)

    def without_layer(self, layer_id: str) -> Plan:
        """A new plan in which this layer follows the defaults again."""
        exceptions = {key: value for key, value in self.exceptions.items() if key != layer_id}
        return msgspec.structs.replace(self, exceptions=exceptions)

    def with_defaults(self, **settings: object) -> Plan:
        return msgspec.structs.replace(self, defaults=msgspec.structs.replace(self.defaults, **settings))

    def changes(self, layer_id: str) -> bool:
        """Whether anything is done to this layer."""
        return _is_change(self.layer(layer_id))

    def settings_of(self, layer_ids: Iterable[str]) -> set[LayerPlan]:
        """What these layers get, each setting once: there are few of them for thousands of layers."""
        if not self.exceptions:
            return {self.layer("")} if any(True for _ in layer_ids) else set()
        own = {self.exceptions.get(layer_id) for layer_id in layer_ids}
        return {_resolved(each, self.defaults) for each in own}

    def without_parameters(self, named: Iterable[tuple[str, str]]) -> Plan:
        """A new plan in which these (method, parameter) have their defaults again."""
        methods = {name: dict(own) for name, own in self.methods.items()}
        for method, parameter in named:
            methods.get(method, {}).pop(parameter, None)
        return msgspec.structs.replace(self, methods={name: own for name, own in methods.items() if own})

    @property
    def work_removed(self) -> float:
        """The share of the network's work that goes in whole channels, 0..1, as far as the plan says it."""
        settings = self.methods.get("prune_channels", {})
        macs, channels = (float(settings.get(name, 0.0)) / 100 for name in ("macs", "channels"))
        # a layer loses inputs and outputs alike
        return macs if macs > 0 else 1 - (1 - channels) ** 2

    @property
    def restructures(self) -> bool:
        """Whether the plan changes more than its layers one by one: what that costs only a run can tell."""
        return any(float(self.methods.get(step, {}).get(name, 0.0)) > 0 for step, name in RESTRUCTURING)

    @property
    def trains(self) -> bool:
        """Whether weights are trained on."""
        return float(self.methods.get("finetune", {}).get("seconds", 0.0)) > 0
