"""Small networks, saved by their own frameworks, and how a test has them converted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import user_networks
from torch import nn

from core.context import Context
from core.convert.conversion import resolve
from core.errors import SecateurError
from core.values import Foreign, InputSize, Recipe

CODE = Path(user_networks.__file__)
"""The file with the classes."""


def network(name: str = "Net", *arguments: object) -> nn.Module:
    """A network of `user_networks` with weights of its own, and statistics as after some training."""
    torch.manual_seed(3)
    made = getattr(user_networks, name)(*arguments)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made.eval()


def save_script(net: nn.Module, path: Path, example: torch.Tensor | None = None) -> None:
    """As torch.jit.script or, with an example, trace does; both warn that they go, but files are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(net) if example is None else torch.jit.trace(net, example, strict=False)
        script.save(str(path))


def save_program(
    net: nn.Module, path: Path, example: torch.Tensor, moving: bool = False, decomposed: bool = False
) -> None:
    """As torch.export does, for any number of samples or for as many as in the example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim("count")},) if moving else None
        exported = torch.export.export(net, (example,), dynamic_shapes=shapes)
        torch.export.save(exported.run_decompositions() if decomposed else exported, path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(CODE.read_text())
    return path


def converted(path: Path, cache: Path, **said: object) -> Path:
    """The ONNX file of a source about which this is said."""
    found = resolve(str(path), Recipe(**said), cache, Context())  # type: ignore[arg-type]
    assert isinstance(found, Path)
    return found


def question(path: Path, cache: Path) -> Foreign:
    found = resolve(str(path), None, cache, Context())
    assert isinstance(found, Foreign)
    return found


def refused(path: Path, cache: Path, *says: str, kind: type[SecateurError], **said: object) -> str:
    """It is not opened, for these reasons; nothing is left behind."""
    with pytest.raises(SecateurError) as caught:
        resolve(str(path), Recipe(**said) if said else None, cache, Context())  # type: ignore[arg-type]
    assert type(caught.value) is kind
    line = caught.value.one_line()
    for word in says:
        assert word in line, line
    assert "Traceback" not in line
    assert not [one for one in cache.rglob("*") if one.is_file()]
    return line


def answers(model: Path, *inputs: torch.Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})


def agree(model: Path, original: nn.Module, *inputs: torch.Tensor) -> None:
    """On inputs that the conversion never saw."""
    with torch.no_grad():
        wanted = original(*inputs)
    values = list(wanted.values()) if isinstance(wanted, dict) else [wanted]
    for got, value in zip(answers(model, *inputs), values, strict=True):
        np.testing.assert_allclose(got, value.numpy(), atol=1e-5)


def pictures(count: int, seed: int = 100) -> torch.Tensor:
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def texts(count: int, length: int = 9) -> Sequence[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, 50, (count, length), generator=generator), torch.ones(count, length)


SIZES = (InputSize((1, 3, 12, 12)),)
