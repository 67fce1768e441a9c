from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from core.values import Text


@dataclass(frozen=True)
class Costs:
    macs: dict[str, int | None]
    remarks: tuple[Text, ...] = ()


def costs(model: ir.Model) -> Costs:
    return Costs({})
