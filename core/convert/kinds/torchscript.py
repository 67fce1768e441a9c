"""TorchScript (`torch.jit.save`): weights and the code that computes with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.convert._archives import names
from core.convert._pickles import read_pickle
from core.convert._torchscript import forward_inputs, traced_inputs
from core.convert.kinds import CONVERTERS
from core.convert.sizes import for_inputs, guessed
from core.convert.talk import Converted, Task
from core.formats.safety import shown
from core.values import Described, Foreign, Text, text


class TorchScript:
    def recognises(self, path: Path, head: bytes) -> bool:
        found = names(path, head)
        return any(name.endswith("/constants.pkl") for name in found) and any(
            "/code/" in name for name in found
        )

    def examine(self, path: Path) -> Foreign:
        contents = read_pickle(path)
        traced, given = traced_inputs(path), forward_inputs(path, contents.names)
        return Foreign(
            label=text("TorchScript program (.pt)"),
            what=text(
                "'{name}' is a TorchScript program: opening it runs the code inside it.", name=shown(path)
            ),
            runs_code=True,
            asks_inputs=True,
            inputs=traced or for_inputs(guessed(contents.tensors), given),
            input_names=given,
            traced=bool(traced),
        )

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        import torch

        from core.convert._torch_onnx import Loaded, chosen_names, write

        stage(text("Loading the program"))
        module = torch.jit.load(task.source, map_location="cpu").eval()
        arguments = module.forward.schema.arguments[1:]
        known = [(argument.name, not argument.has_default_value()) for argument in arguments]
        return write(Loaded(module, chosen_names(known, task.inputs)), task.inputs, task, stage)


CONVERTERS.add(
    Described(
        name="torchscript",
        label=text("TorchScript program (.pt)"),
        help=text("A network with its weights and code, as torch.jit.save writes it."),
    ),
    TorchScript(),
)
