"""Sizes of the outputs that exporters leave open although they never change.

torch names a size that it cannot follow after the node that makes it ('Concatoutput_0_dim_1'). Whether an
output holds boxes or a score for each class is told by such sizes.
"""

from __future__ import annotations

import onnx_ir as ir

from core.graph.shapes import scaled_inputs, work_out

_FACTORS = (1, 2, 3)
_MOST_NODES = 5000
"""Above, three times all shapes would take longer than they are worth."""


def settle_outputs(model: ir.Model) -> int:
    """Give the outputs, in place, the sizes that are the same whatever the inputs' are; return how many."""
    named = {str(dim) for value in model.graph.inputs for dim in value.shape or ()}
    # the first is the samples', whatever it is called
    unclear = [
        value
        for value in model.graph.outputs
        if any(not isinstance(dim, int) and str(dim) not in named for dim in tuple(value.shape or ())[1:])
    ]
    if not unclear or sum(1 for _ in model.graph.all_nodes()) > _MOST_NODES:
        return 0
    known = [work_out(model, scaled_inputs(model, factor)).shapes for factor in _FACTORS]
    count = 0
    for value in unclear:
        assert value.shape is not None
        shapes = [shapes.get(value.name or "") for shapes in known]
        if any(shape is None or len(shape) != len(value.shape) for shape in shapes):
            continue
        dims: list[int | ir.SymbolicDim] = []
        for axis, dim in enumerate(value.shape):
            sizes = {shape[axis] for shape in shapes if shape is not None}
            settled = (
                not isinstance(dim, int) and str(dim) not in named and len(sizes) == 1 and min(sizes) > 0
            )
            dims.append(sizes.pop() if settled else dim)
            count += settled
        value.shape = ir.Shape(dims)
    return count
