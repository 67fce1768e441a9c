"""Weights and the person's own class together make a network. Runs in the converting process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.convert._torch_onnx import Loaded, chosen_names, write
from core.convert.architecture import fill, make, parameters
from core.convert.sizes import for_inputs
from core.convert.talk import Converted, Task
from core.graph.labels import clean
from core.values import Text, text


def write_filled(weights: Mapping[str, Any], task: Task, stage: Callable[[Text], None]) -> Converted:
    """Make the network that the recipe names, put the weights in, write it as ONNX. Raises OpenError."""
    stage(text("Making the network"))
    module = make(task.recipe.architecture, task.recipe.network)
    fill(module, weights, clean(Path(task.source).name))
    known = parameters(module)
    sizes = task.inputs
    if not task.recipe.inputs:  # the weights alone say what goes in first, not how many inputs there are
        sizes = for_inputs(sizes, [name for name, must in known if must])
    return write(Loaded(module, chosen_names(known, sizes)), sizes, task, stage)
