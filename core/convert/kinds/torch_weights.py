"""PyTorch's `torch.save`: weights alone, which are data; or pickled objects, which stay shut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.convert._archives import names
from core.convert._pickles import Contents, read_pickle
from core.convert.kinds import CONVERTERS
from core.convert.sizes import guessed
from core.convert.talk import Converted, Task
from core.errors import OpenError, SecateurError, UnsafeFileError
from core.formats.other_makers import PADDLE_WEIGHTS, SCIKIT_LEARN, refusal
from core.formats.safety import shown
from core.values import Described, Foreign, Text, text

_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_SCIKIT = ("sklearn.", "joblib.", "xgboost.", "lightgbm.", "catboost.", "imblearn.")


class TorchWeights:
    def recognises(self, path: Path, head: bytes) -> bool:
        if head.startswith(_PICKLES):
            return True
        found = names(path, head)
        return any(name.endswith("data.pkl") for name in found) and not any(
            "/code/" in name for name in found
        )

    def examine(self, path: Path) -> Foreign:
        if PADDLE_WEIGHTS.recognises(path, b""):
            raise refusal(PADDLE_WEIGHTS, path)
        contents = read_pickle(path)
        if contents.names:
            raise _refusal(path, contents)
        if not contents.is_mapping or not contents.tensors:
            raise OpenError(
                text("There are no weights in '{name}'.", name=shown(path)),
                text("It is a file of Python values, but none of them belongs to a network."),
                text("Choose the file that torch.save(model.state_dict(), ...) wrote."),
            )
        return weights_alone(path, contents)

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        import torch

        from core.convert._torch_weights import write_filled

        stage(text("Loading the weights"))
        weights = torch.load(task.source, map_location="cpu", weights_only=True)
        return write_filled(weights, task, stage)


def weights_alone(path: Path, contents: Contents) -> Foreign:
    """What is asked about weights without an architecture."""
    return Foreign(
        label=text("PyTorch weights"),
        what=text("'{name}' holds weights without an architecture.", name=shown(path)),
        runs_code=True,
        needs_architecture=True,
        asks_inputs=True,
        inputs=guessed(contents.tensors),
    )


def _refusal(path: Path, contents: Contents) -> SecateurError:
    listed = ", ".join(contents.names[:3]) + (" …" if len(contents.names) > 3 else "")
    if any(name.startswith(_SCIKIT) for name in contents.names):
        return refusal(SCIKIT_LEARN, path)
    if not contents.is_mapping and contents.tensors:
        return UnsafeFileError(
            text("'{name}' is a whole network as a Python pickle ({names}).", name=shown(path), names=listed),
            text("Opening one runs whatever it names, and needs the network's code; nothing of it has run."),
            text(
                "Where it was made, save it with torch.export.save or torch.onnx.export; or its weights with "
                "torch.save(model.state_dict(), 'weights.pt'), and name its class here."
            ),
        )
    return UnsafeFileError(
        text("'{name}' carries code and was blocked: {names}.", name=shown(path), names=listed),
        text("A Python pickle calls what it names the moment it is opened; nothing of it has run."),
        text(
            "Ask for the weights alone: torch.save(model.state_dict(), 'weights.pt'), or a .safetensors file."
        ),
    )


CONVERTERS.add(
    Described(
        name="torch_weights",
        label=text("PyTorch weights (.pt, .pth)"),
        help=text(
            "Weights alone, as torch.save(model.state_dict()) writes them; the network's class is asked for."
        ),
    ),
    TorchWeights(),
)
