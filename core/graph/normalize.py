from __future__ import annotations

import onnx_ir as ir


def normalize(model: ir.Model, fold: bool = True) -> None:
    from onnx_ir.passes import common

    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.LiftSubgraphInitializersToMainGraphPass()(model)
    seen = set()
    for i, node in enumerate(model.graph.all_nodes()):
        base = node.name or f"{node.op_type}_{i}"
        name = base
        k = 1
        while name in seen:
            name = f"{base}_{k}"
            k += 1
        seen.add(name)
        node.name = name
