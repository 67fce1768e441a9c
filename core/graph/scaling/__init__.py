"""Which channels of a network can be scaled without changing its answers.

A layer's output channel times s and every reader's weights on it divided by s is the same network, as long as
what lies between passes factors on: Relu, pooling, additions of channels that are scaled alike, reshapes
(Nagel et al. 2019, section 4.1). Positions along axes that must share one factor are found as in
`core.graph.coupling`, whose rules for moving positions are used; layers, normalisations and products with
constants take a factor up, so that it ends there. A Clip limits how large a factor may get.
"""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling
from core.graph.opened import OpenedModel
from core.graph.scaling.finder import Finder
from core.graph.scaling.freedom import Absorber, Ceiling, Freedom, names, scaled
from core.graph.static_sizes import fold_static_sizes

__all__ = ["Absorber", "Ceiling", "Freedom", "names", "scalable", "scaled"]


def scalable(source: OpenedModel | ir.Model) -> Freedom:
    """Find all factors of a normalised model that can be chosen freely. The model is not changed."""
    model = (source.model if isinstance(source, OpenedModel) else source).clone()
    fold_static_sizes(model)
    finder = Finder(Coupling(model))
    return finder.freedom()
