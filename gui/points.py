"""What is known of a layer, point by point."""

from __future__ import annotations

from core.values import SensitivityPoint


def with_point(known: tuple[SensitivityPoint, ...], point: SensitivityPoint) -> tuple[SensitivityPoint, ...]:
    """`known` with this point in place of one of the same setting; estimates never replace measured ones."""
    same = [old for old in known if _setting(old) == _setting(point)]
    if point.estimate and any(not old.estimate for old in same):
        return known
    return (*(old for old in known if old not in same), point)


def _setting(point: SensitivityPoint) -> tuple[float, int, int, str | None]:
    return point.sparsity, point.weight_bits, point.activation_bits, point.pattern
