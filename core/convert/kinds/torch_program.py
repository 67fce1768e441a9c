"""PyTorch's exported programs (`torch.export.save`, .pt2): graph, weights and the sizes that go in.

Loading one runs code that it may carry: torch.load falls back to plain pickles, and expressions for sizes are
evaluated as Python. So they are programs, whatever their JSON looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.convert._archives import ZIP, damaged, names, read_json
from core.convert.kinds import CONVERTERS
from core.convert.talk import Converted, Task
from core.errors import OpenError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import Described, Foreign, InputSize, Text, text

_JSON = ("/models/model.json", "serialized_exported_program.json")
"""Since torch 2.8, and before."""
_OPEN = 4
"""A size that may change and of which no example is given."""

# numbers of torch._export.serde.schema.ScalarType
_TYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
}


class TorchProgram:
    def recognises(self, path: Path, head: bytes) -> bool:
        return any(name.endswith(_JSON) for name in names(path, head))

    def examine(self, path: Path) -> Foreign:
        ending = next(one for one in _JSON if any(n.endswith(one) for n in names(path, ZIP)))
        try:
            sizes = _sizes(read_json(path, ending))
        except OpenError:
            raise
        except Exception as error:  # JSON of another form
            raise damaged(path, error) from error
        return Foreign(
            label=text("PyTorch program (.pt2)"),
            what=text(
                "'{name}' is a PyTorch program: opening it runs code that may be inside it.", name=shown(path)
            ),
            runs_code=True,
            inputs=sizes,
        )

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        import torch

        from core.convert._torch_onnx import Loaded, write

        stage(text("Loading the program"))
        program = torch.export.load(task.source)
        inputs = [
            node
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
        ]
        values = [node.meta["val"] for node in inputs]
        if not values or not all(isinstance(value, torch.Tensor) for value in values):
            raise OpenError(
                text("'{name}' takes inputs that are no tensors.", name=shown(task.source)),
                text("An ONNX file takes tensors only."),
                text("Export the part of the network that works on tensors."),
            )
        open_dims = tuple(
            tuple(i for i, size in enumerate(value.shape) if i and not isinstance(size, int))
            for value in values
        )
        moving = all(not value.dim() or not isinstance(value.shape[0], int) for value in values)
        loaded = Loaded(
            # guards compare what else was true of the example; what may change is known from the sizes
            module=program.module(check_guards=False),
            names=tuple(node.name for node in inputs),
            program=program,
            open_dims=open_dims,
            batch=moving,
        )
        converted = write(loaded, task.inputs, task, stage)
        return msgspec.structs.replace(converted, written_by=_written_by(Path(task.source)))


def _written_by(path: Path) -> str:
    """Programs say it since torch 2.8."""
    entry = next((one for one in names(path, ZIP) if one.endswith(_JSON)), "")
    version = read_json(path, entry).get("torch_version") if entry else None
    return f"PyTorch {clean(version, 40)}" if isinstance(version, str) and version[:1].isdigit() else ""


def _sizes(document: Any) -> tuple[InputSize, ...]:
    """What goes in, as the program itself says."""
    module = document["graph_module"]
    values = module["graph"]["tensor_values"]
    found = []
    for spec in module["signature"]["input_specs"]:
        given = spec.get("user_input")
        tensor = given["arg"].get("as_tensor") if given else None
        if tensor is None:
            continue
        meta = values[tensor["name"]]
        shape = tuple(_size(size, first=not place) for place, size in enumerate(meta["sizes"]))
        found.append(InputSize(shape, _TYPES.get(meta["dtype"], "float32")))
    return tuple(found)


def _size(size: dict[str, Any], first: bool) -> int:
    if "as_int" in size:
        return int(size["as_int"])
    # the example that was exported with; of samples one is enough
    hint = (size["as_expr"].get("hint") or {}).get("as_int")
    return 1 if first else int(hint or _OPEN)


CONVERTERS.add(
    Described(
        name="torch_program",
        label=text("PyTorch program (.pt2)"),
        help=text("A network with its weights, as torch.export.save writes it."),
    ),
    TorchProgram(),
)
